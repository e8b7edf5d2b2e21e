"""Other programs that take mail, for the same message: how each is called.

packaging/fetch-servers postfix exim opensmtpd dma nullmailer msmtp
unpacks them from Debian's packages; those that are not there are left out.
Their daemons run only where the submission needs one, so that no delivery is
counted.
"""

import contextlib
import os
import shutil
import types

from lib.exim import Exim
from lib.opensmtpd import OpenSMTPD
from lib.postfix import Postfix
from lib.servers import Missing, Server

TO = "alice@dest.test"
FROM = "me@dest.test"
NOWHERE = types.SimpleNamespace(port=9)     # takes no mail: none is to leave


class IdlePostfix(Postfix):
    """postdrop puts it into maildrop/."""
    is_started = False
    call = ("/usr/sbin/sendmail", "-i", "-f", FROM, TO)


class IdleExim(Exim):
    """-odq: into the queue, and no delivery."""
    is_started = False
    call = ("/usr/sbin/exim4", "-odq", "-i", "-f", FROM, TO)


class RunningOpenSMTPD(OpenSMTPD):
    """Its daemon takes it by a socket; it syncs nothing."""
    call = ("/usr/sbin/sendmail", "-i", "-f", FROM, TO)

    def configure(self):
        """smtpctl wants to be called as it is installed: setgid. The one in the
        root is a link to that of all roots."""
        super().configure()
        program = os.path.join(self.root, "usr/sbin/smtpctl")
        shutil.copy(program, program + ".new")
        os.rename(program + ".new", program)
        os.chown(program, 0, 64005)       # opensmtpq
        os.chmod(program, 0o2755)


class Dma(Server):
    is_started = False
    name = "dma"
    folders = (("var/spool/dma", 64010, 64010, 0o2775),)
    users = (("mail", 64010, "/var/mail"),)
    call = ("/usr/sbin/dma", "-i", "-f", FROM, TO)

    def configure(self):
        self.write("etc/dma/dma.conf", "SMARTHOST 127.0.0.1\nPORT 9\nDEFER\n"
                   "MAILNAME dma.test\n")
        self.write("etc/aliases", "")


class Nullmailer(Server):
    is_started = False
    name = "nullmailer"
    users = (("mail", 64011, "/var/spool/nullmailer"),)
    folders = (("var/spool/nullmailer", 64011, 64011, 0o755),
               ("var/spool/nullmailer/queue", 64011, 64011, 0o700),
               ("var/spool/nullmailer/tmp", 64011, 64011, 0o700))
    call = ("/usr/sbin/nullmailer-queue",)
    envelope = f"{FROM}\n{TO}\n\n"          # comes before the message

    def configure(self):
        self.write("etc/nullmailer/me", "nullmailer.test\n")


class Msmtp(Server):
    """It stores nothing: it is there as long as the smarthost takes."""
    is_started = False
    name = "msmtp"
    call = ("/usr/bin/msmtp", "-f", FROM, TO)

    def configure(self):
        with open(self.authority.ca, encoding="ascii") as file:
            self.write("etc/ca.pem", file.read())
        self.write("etc/msmtprc", f"account default\nhost localhost\n"
                   f"port {self.sink.port}\ntls on\ntls_starttls on\n"
                   "tls_trust_file /etc/ca.pem\nauth plain\nuser relay\n"
                   "password secret\n")


QUEUES = (IdlePostfix, IdleExim, RunningOpenSMTPD, Dma, Nullmailer)
DIRECT = (Msmtp,)


@contextlib.contextmanager
def running(kinds, authority, smarthost, log):
    """Of each that can be had, by its name: root, command, and what its input
    has before the message."""
    commands = {}
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            try:
                server = stack.enter_context(kind(authority, smarthost))
            except (Missing, AssertionError, OSError) as error:
                log(f"left out: {kind.name}: {str(error).splitlines()[0]}")
                continue
            commands[kind.name] = (server.root, kind.call,
                                   getattr(kind, "envelope", ""))
        yield commands
