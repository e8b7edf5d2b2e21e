"""The root in which callers run: an overlay above a root that stays as it is.

This process must have mount, network, host name and process name spaces of
its own: whatever is mounted or started here ends with it.
"""

import dataclasses
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading

NAME = "web1"
DOMAIN = "example.com"
PASSWORD = "opensesame"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIMIT = 60                      # seconds for a script: more is a hang

CONFIG = """\
hostname = "web1.example.com"
domain = "example.com"
delivery = {delivery}
log = {log}
listen = {{ "/run/postrider/submit", "127.0.0.1:25" }}
smarthost "main" {{
    host = "localhost"
    port = {port}
    tls_ca_file = "/etc/postrider/ca.pem"
    user = "relay@example.com"
    password_file = "{password}"
}}
"""


@dataclasses.dataclass
class Result:
    status: object              # a number, or "killed after 60 s"
    output: str
    errors: str


class World:
    def __init__(self, base, place):
        """base: the root below; place: a folder to mount all this on."""
        self.log = None
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(place))
        self.root = place / "root"
        for name in ("root", "upper", "work"):
            (place / name).mkdir()
        mount("-t", "overlay", "-o",
              f"lowerdir={base},upperdir={place}/upper,workdir={place}/work",
              "overlay", str(self.root))
        mount("-t", "proc", "proc", str(self.root / "proc"))
        mount("-t", "devpts", "-o", "newinstance,ptmxmode=666", "devpts",
              str(self.root / "dev/pts"))
        socket.sethostname(NAME)
        bring_up("lo")
        self.put("/etc/hostname", f"{NAME}\n")
        self.put("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"
                 f"127.0.1.1 {NAME}.{DOMAIN} {NAME}\n")
        self.put("/etc/mailname", f"{DOMAIN}\n")
        self.put("/etc/aliases", "root: ops@dest.example\n")

    def prepare(self, deb, data):
        """The package, the users and the files that scripts find."""
        shutil.copy(deb, self.root / "tmp/postrider.deb")
        self.must("apt-get -qy install --reinstall --allow-downgrades"
                  " /tmp/postrider.deb", DEBIAN_FRONTEND="noninteractive")
        self.must("dpkg -S /usr/sbin/sendmail | grep -q ^postrider:")
        self.must("useradd --create-home --shell /bin/sh alice")
        shutil.copytree(data, self.root / "data")
        self.log = Log(self.root)

    def configure(self, smarthost):
        """The machine's configuration, and one for direct delivery."""
        shutil.copy(smarthost.certificates.ca,
                    self.root / "etc/postrider/ca.pem")
        os.chmod(self.root / "etc/postrider/ca.pem", 0o644)
        self.put("/etc/postrider/postrider.conf", CONFIG.format(
            delivery="queue", log="syslog", port=smarthost.port,
            password="/etc/postrider/password"))
        self.put("/etc/postrider/password", PASSWORD, "postrider", 0o400)
        for user in ("root", "alice", "www-data"):
            secret = f"/etc/postrider/password.{user}"
            self.put(secret, PASSWORD, user, 0o400)
            self.put(f"/etc/postrider/direct.{user}", CONFIG.format(
                delivery="direct", log="syslog", port=smarthost.port,
                password=secret))

    def put(self, path, text, owner="root", mode=0o644):
        file = self.root / path.lstrip("/")
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        if owner != "root":
            self.must(f"chown {owner}: {path}")

    # Programs

    def start(self, script, user="root", cwd="/", **environment):
        """A shell in the root, as after a login; its own process group."""
        home = self.home(user)
        return subprocess.Popen(
            ["chroot", f"--userspec={user}:", f"--groups={user}",
             str(self.root), "/usr/bin/env", "-i", f"--chdir={cwd}",
             f"PATH={PATH}", f"HOME={home}", f"USER={user}",
             f"LOGNAME={user}", "LANG=C.UTF-8", "SHELL=/bin/sh",
             *[f"{k}={v}" for k, v in environment.items()],
             "/bin/sh", "-e", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True, cwd="/")

    def run(self, script, user="root", cwd="/", **environment):
        process = self.start(script, user, cwd, **environment)
        try:
            output, errors = process.communicate(timeout=LIMIT)
            status = process.returncode
        except subprocess.TimeoutExpired:
            end(process)
            output, errors = process.communicate()
            status = f"killed after {LIMIT} s"
        return Result(status, output.decode("utf-8", "backslashreplace"),
                      errors.decode("utf-8", "backslashreplace"))

    def must(self, script, **environment):
        result = self.run(script, **environment)
        if result.status != 0:
            raise SystemExit(f"{script}\n{result.output}{result.errors}"
                             f"exit status {result.status}")

    def home(self, user):
        for line in (self.root / "etc/passwd").read_text().splitlines():
            if line.startswith(user + ":"):
                return line.split(":")[5]
        raise KeyError(user)

    # The queue

    def waiting(self):
        """Files of messages in the spool."""
        spool = self.root / "var/spool/postrider"
        return [f"{folder}/{file.name}" for folder in
                ("drop", "queue", "failed") for file in
                (spool / folder).iterdir()]


class Log(threading.Thread):
    """What programs in the root say to syslog, kept as rsyslog would."""

    def __init__(self, root):
        super().__init__(daemon=True)
        self.lines = []
        self.notify = lambda: None
        self.file = root / "var/log/mail.log"
        path = root / "dev/log"
        path.unlink(missing_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        path.chmod(0o666)
        self.start()

    def run(self):
        while octets := self.socket.recv(65536):
            text = octets.decode("utf-8", "backslashreplace").rstrip("\n\0")
            match = re.match(r"<\d+>(... .\d \d\d:\d\d:\d\d) (.*)", text)
            if match and match[2].startswith("postrider"):
                with open(self.file, "a", encoding="utf-8") as file:
                    file.write(f"{match[1]} {NAME} {match[2]}\n")
            self.lines.append(text)
            self.notify()

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.lines)


def bring_up(interface):
    """As netdevice(7) has it: SIOCSIFFLAGS with IFF_UP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914,
                    struct.pack("16sH14x", interface.encode(), 1))


class Unable(Exception):
    """This host cannot do it."""


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise Unable(done.stderr.strip())


def end(process):
    """The process and what it has started, if it has not gone elsewhere."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
