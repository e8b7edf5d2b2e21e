"""The four programs that are compared, each with what it needs to take a
case, and what became of one.

All are called alike, as root on the machine "a.example", and relay everything.
Sendmail and Exim deliver at once, to a sink on an address of its own; of
Postfix the file is read that cleanup(8) made for its queue manager, which is
not started; of ours the file in drop/.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from differential import queue_file
from differential.calling import (ENVIRONMENT, PATIENCE, Nothing, call,
                                  wait_for_processes_in)
from differential.outcome import Message, dsn
from lib.exim import Exim as EximServer
from lib.front import Draft
from lib.harness import build_directory
from lib.postfix import Postfix as PostfixServer
from lib.queue import DAEMON, FOLDERS
from lib.servers import Server
from lib.sink import Sink

DOMAIN = "a.example"


def _add(outcome, messages):
    """Reports are told from what was submitted by whom they are from."""
    for message in messages:
        if message.sender == "" and re.search(
                rb"(?im)^(auto-submitted: *auto-replied|x-failed-recipients:"
                rb"|subject: *mail failure|from: mail delivery)",
                message.content):
            outcome.reported += 1
            outcome.report = message.content
        else:
            outcome.messages.append(message)
    return outcome


class Postrider:
    """Ours, with a spool and without a daemon."""

    name = "postrider"

    def __init__(self):
        self.program = build_directory() / "sendmail"

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="differential-",
            dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.folder.chmod(0o755)
        self.spool = self.folder / "spool"
        self.spool.mkdir(mode=0o755)
        for name, mode in FOLDERS.items():
            (self.spool / name).mkdir()
            os.chown(self.spool / name, DAEMON.pw_uid, DAEMON.pw_gid)
            (self.spool / name).chmod(mode)
        os.chown(self.spool, DAEMON.pw_uid, DAEMON.pw_gid)
        config = self.folder / "postrider.conf"
        config.write_text(
            f'hostname = "{DOMAIN}"\ndomain = "{DOMAIN}"\n'
            f'aliases = "{self.folder}/aliases"\nlog = "stderr"\n'
            f'delivery = "queue"\nuser = "{DAEMON.pw_name}"\n'
            f'spool = "{self.spool}"\n'
            'smarthost "sink" { host = "127.0.0.1" tls = "none" '
            'auth = "none" }\n')
        self.environment = {
            **ENVIRONMENT, "POSTRIDER_CONFIG": str(config),
            "HOME": str(self.folder),
            "ASAN_OPTIONS": "exitcode=99:detect_leaks=0",
            "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99"}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def run(self, case):
        outcome = call([self.program, *case.arguments], case,
                       self.environment)
        files = sorted((self.spool / "drop").iterdir(),
                       key=lambda path: path.stat().st_mtime_ns)
        for path in files:
            draft = Draft(path.read_bytes())
            path.unlink()
            if len(draft.flaws) == len(draft.recipients):
                outcome.reported += 1
                continue
            if draft.flaws:
                outcome.reported += 1
            outcome.messages.append(self._message(draft))
        return outcome

    @staticmethod
    def _message(draft):
        recipients = [r for r in draft.recipients if r not in draft.flaws]
        of_message = " ".join(f"{name}={draft.settings[name]}" for name in
                              ("ret", "envid") if name in draft.settings)
        notify = [draft.notify[r] for r in recipients]
        settings = [dsn(of_message)] + [
            dsn("" if n == "-" else "NOTIFY=" + n) for n in notify]
        return Message(draft.reverse_path, tuple(recipients), draft.content,
                       tuple(settings) if any(settings) else ())


class _Delivering:
    """What Sendmail and Exim have in common."""

    is_started = False
    flush = ()                  # a command that delivers what waits
    spools = ()                 # folders that are empty when all is done
    address = None              # of its sink
    arguments = ()              # before those of the case
    while_asked = ()            # the same with -bs

    def __init__(self):
        self.sink = Sink((self.address, 25), ("SIZE", "DSN"))
        super().__init__(None, self.sink)

    def __enter__(self):
        self.sink.__enter__()
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        self.sink.__exit__()

    def _waiting(self):
        return [path for folder in self.spools
                for path in pathlib.Path(self.root, folder).glob("*")]

    def run(self, case):
        command = ["chroot", self.root, self.program, *self.arguments]
        outcome = call([*command, *(self.while_asked if case.is_smtp else ()),
                        *case.arguments], case)
        wait_for_processes_in(self.root)
        for _ in range(3):
            if not self._waiting():
                break
            call([*command, *self.flush], Nothing)
            wait_for_processes_in(self.root)
        for path in self._waiting():
            outcome.reported += "-H" in path.name or "qf" in path.name
            path.unlink()
        messages = {}
        for delivery in self.sink.clear():
            # A program may hand a message over in several transactions.
            key = (delivery.sender, delivery.content)
            messages.setdefault(key, []).append(delivery)
        return _add(outcome, [self._message(parts)
                              for parts in messages.values()])

    @staticmethod
    def _message(parts):
        recipients = [r for part in parts for r in part.recipients]
        settings = [dsn(parts[0].parameters[0])] + [
            dsn(p) for part in parts for p in part.parameters[1:]]
        return Message(parts[0].sender, tuple(recipients), parts[0].content,
                       tuple(settings) if any(settings) else ())


SENDMAIL = """
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-msp')dnl
define(`confDOMAIN_NAME', `a.example')dnl
define(`confMIN_FREE_BLOCKS', `0')dnl
define(`confTO_ICONNECT', `5s')dnl
define(`confDIRECT_SUBMISSION_MODIFIERS', `C')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`msp', `[127.0.0.1]', `25')dnl
"""


class Sendmail(_Delivering, Server):
    """As Debian has it submit: submit.cf, which relays everything."""

    name = "sendmail"
    program = "/usr/libexec/sendmail/sendmail"
    flush = ("-Ac", "-q")
    spools = ("var/spool/mqueue-client",)
    address = "127.0.0.1"
    # A delivery would wait for the sink, where only its client should be
    # waited for.
    while_asked = ("-odq",)
    users = (("smmsp", 64011, "/"), ("mail", 64012, "/"))
    groups = ()
    folders = (("var/spool/mqueue-client", 64011, 64011, 0o770),
               ("var/lib/sendmail", 64011, 64011, 0o755),
               ("var/run/sendmail/msp", 64011, 64011, 0o755))

    def configure(self):
        self.write("etc/mail/submit.mc", SENDMAIL)
        text = self.run_inside("/usr/bin/m4", "/etc/mail/submit.mc")
        for name in ("submit.cf", "sendmail.cf"):
            self.write("etc/mail/" + name, text)
        self.write("etc/mail/service.switch", "hosts files\naliases files\n")
        self.write("etc/mail/trusted-users", "")
        self.write("etc/mail/local-host-names", "")
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.0.9 a.example\n")

    def run_inside(self, *command):
        return subprocess.run(("chroot", self.root) + command, check=True,
                              text=True, capture_output=True).stdout


EXIM = """
primary_hostname = a.example
qualify_domain = a.example
exim_user = Debian-exim
exim_group = Debian-exim
trusted_users = root
never_users =
keep_environment =
disable_ipv6 = true
host_lookup =
rfc1413_query_timeout = 0s
check_spool_space = 0
smtp_enforce_sync = false
smtp_accept_max_nonmail = 10000
smtp_max_synprot_errors = 100
smtp_max_unknown_commands = 100
chunking_advertise_hosts = *
dsn_advertise_hosts = *
smtputf8_advertise_hosts = *
log_file_path = /var/log/exim4/%slog
acl_smtp_rcpt = accept
acl_smtp_data = accept
acl_smtp_vrfy = accept

begin routers
sink:
  driver = manualroute
  transport = sink
  route_list = * 127.0.0.2 byname
  self = send

begin transports
sink:
  driver = smtp
  allow_localhost
  hosts_avoid_tls = *
  hosts_try_dane =
  hosts_try_fastopen =
  message_linelength_limit = 100000000
  max_rcpt = 0
"""


class Exim(_Delivering, EximServer):
    """It delivers at once, and its child is waited for."""

    program = "/usr/sbin/exim4"
    flush = ("-qff",)
    spools = ("var/spool/exim4/input",)
    address = "127.0.0.2"
    arguments = ("-odf",)

    def configure(self):
        self.write("etc/exim4/exim4.conf", EXIM)
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.0.9 a.example\n")


POSTFIX = """
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/mail.log
myhostname = a.example
myorigin = a.example
mydomain = a.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
mydestination =
alias_maps =
alias_database =
relayhost = [127.0.0.1]
append_dot_mydomain = no
queue_minfree = 0
in_flow_delay = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
"""

MASTER = """
pickup unix n - n 3600 1 pickup
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(PostfixServer):
    """Without a queue manager: what it would send stays in incoming/."""

    program = "/usr/sbin/sendmail"

    def __init__(self):
        super().__init__(None, None)

    def configure(self):
        self.write("etc/postfix/main.cf", POSTFIX)
        self.write("etc/postfix/master.cf", MASTER)
        self.write("etc/hosts", "127.0.0.1 localhost\n127.0.0.9 a.example\n")

    def is_up(self):
        return os.path.exists(
            os.path.join(self.root, "var/spool/postfix/public/pickup"))

    def run(self, case):
        outcome = call(["chroot", self.root, self.program, *case.arguments],
                       case)
        self._wait()
        files = sorted(self.queue("incoming").iterdir(),
                       key=lambda path: path.stat().st_ino)
        messages = [queue_file.read(path.read_bytes()) for path in files]
        for path in files:
            path.unlink()
        return _add(outcome, messages)

    def queue(self, name):
        return pathlib.Path(self.root, "var/spool/postfix", name)

    def _wait(self):
        """Until pickup(8) has handed over all, which it then removes."""
        deadline = time.monotonic() + PATIENCE
        while os.listdir(self.queue("maildrop")):
            if time.monotonic() > deadline:
                raise AssertionError("Postfix: what is in maildrop/ stays:\n"
                                     + self.read(self.log)[-2000:])
            time.sleep(0.001)
