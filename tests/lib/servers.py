"""Real servers: what Postfix, Exim, OpenSMTPD, Dovecot and oidc-provider share.

packaging/fetch-servers unpacks each into a root of its own. Here such a root
is copied (by hard links), configured, and the server started in it by
chroot(8), as root, on free ports of the loopback address. A mail server takes
mail after STARTTLS and AUTH only, for the recipients in RECIPIENTS, and hands
every message on to a Sink, where a test finds what arrived, octet for octet.

    with Sink() as sink, Postfix(authority, sink) as server:
        ... send to 127.0.0.1 at server.port ...
        deliveries = sink.wait(b"a part of the message", {"bob@dest.test"})
"""

import base64
import contextlib
import os
import shutil
import signal
import smtplib
import socket
import ssl
import stat
import subprocess
import tempfile
import time
import uuid

import pytest

from lib.sink import PATIENCE, Sink

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ROOTS = os.environ.get("POSTRIDER_SERVERS",
                       os.path.join(TOP, "build", "servers"))

DOMAIN = "dest.test"
RECIPIENTS = tuple(name + "@" + DOMAIN for name in ("alice", "bob", "carol"))
UTF8_RECIPIENT = "jörg@" + DOMAIN       # where there is SMTPUTF8
USER = "relay@login.test"
PASSWORD = "öpen sesame: %41+=\\"      # UTF-8, and signs that get mangled

# Sizes as a provider has them, and more than any test sends.
SIZE_LIMIT = 60 * 1024 * 1024


class Missing(Exception):
    """The server cannot be had here; the text says why."""


class Authority:
    """A certificate authority in a folder: `ca`, and `server`, a certificate
    for localhost with its key in one file. RSA: OpenSMTPD 6.8 with OpenSSL 3
    cannot be made to use a key on an elliptic curve. A clock may make them
    older than they are."""

    def __init__(self, folder, clock=None):
        self.folder = str(folder)
        self._environment = clock and {**os.environ, **clock.environment}
        self.ca = os.path.join(self.folder, "ca.pem")
        self.ca_key = os.path.join(self.folder, "ca.key")
        self.server = os.path.join(self.folder, "server.pem")
        self._make("ca", "-addext", "keyUsage=critical,keyCertSign")
        self._make("cert", "-CA", "ca.pem", "-CAkey", "ca.key", "-addext",
                   "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
                   "basicConstraints=critical,CA:FALSE")
        with open(self.server, "wb") as out:
            for name in ("cert.pem", "cert.key"):
                with open(os.path.join(self.folder, name), "rb") as file:
                    out.write(file.read())

    def _make(self, name, *options):
        subprocess.run(
            ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-subj", "/CN=Postrider test " + name, "-days", "30",
             "-keyout", name + ".key", "-out", name + ".pem") + options,
            check=True, cwd=self.folder, capture_output=True,
            env=self._environment)


class Server:
    """A server in its root. Subclasses say how it is configured.

    port           STARTTLS, all that the server offers
    port_plain     the same without PIPELINING and CHUNKING, where it can be
                   configured
    port_implicit  TLS from the first octet
    """

    name = None             # of the folder that fetch-servers made
    command = ()            # in the foreground, seen from within the root
    is_started = True       # else its programs alone are used
    users = ()              # (name, uid, home): each with its own group
    groups = ()             # (name, gid): further ones
    mechanisms = ("login", "plain")
    folders = ()            # (path, owner, group, mode)
    owner_of_key = (0, 0)   # uid and gid who read the private key
    log = "var/log/output"  # where the server tells its troubles

    def __init__(self, authority, sink):
        self.authority = authority
        self.sink = sink
        self.root = None
        self._process = None
        self._output = None
        self.port, self.port_plain, self.port_implicit = _free_ports(3)

    def __enter__(self):
        pristine = os.path.join(ROOTS, self.name)
        if os.getuid() != 0:
            raise Missing("must be root to start real servers")
        if not os.path.exists(os.path.join(pristine, ".complete")):
            raise Missing(f"{pristine} is missing: packaging/fetch-servers")
        self._folder = tempfile.mkdtemp(prefix=f"run-{self.name}-", dir=ROOTS)
        os.chmod(self._folder, 0o755)
        self.root = os.path.join(self._folder, "root")
        try:
            shutil.copytree(pristine, self.root, symlinks=True,
                            copy_function=_link)
            self._prepare()
            self.configure()
            if self.is_started:
                self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._stop()
        if self._output:
            self._output.close()
        # Twice: a killed process may have made a file on its last breath.
        shutil.rmtree(self._folder, ignore_errors=True)
        if os.path.exists(self._folder):
            shutil.rmtree(self._folder)

    def take_down(self):
        """As if its machine had been switched off."""
        self._stop()
        self._process = None

    def bring_up(self):
        """Again, on the same ports and with what it had stored."""
        self._output.close()
        self._start()

    def configure(self):
        """Write the configuration files."""
        raise NotImplementedError

    def launch(self):
        """The command that starts it."""
        return ("chroot", self.root) + self.command

    def is_up(self):
        """Does it answer?"""
        return _greets(self.port)

    def submit(self, message, recipients, sender="fence@login.test"):
        """Hand a message over, by Python's own SMTP client."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", self.port, timeout=PATIENCE) as client:
            client.starttls(context=context)
            client.ehlo()
            # Not login(), which takes ASCII only.
            client.docmd("AUTH", "PLAIN " + base64.b64encode(
                f"\0{USER}\0{PASSWORD}".encode("utf-8")).decode("ascii"))
            client.sendmail(sender, recipients, message)

    def fence(self):
        """Send a message and wait for it: what a test sent before and the
        server accepted has had its time to arrive, too."""
        token = uuid.uuid4().hex.encode("ascii")
        self.submit(b"Subject: fence\r\n\r\n" + token + b"\r\n",
                    RECIPIENTS[:1])
        self.sink.wait(token, RECIPIENTS[:1])

    def read(self, path):
        """A file within the root; empty if it is not there."""
        try:
            with open(os.path.join(self.root, path), encoding="utf-8",
                      errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def write(self, path, text, owner=0, group=0, mode=0o644):
        """A file within the root. A new one: the old may be a hard link."""
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            os.fchown(file.fileno(), owner, group)
            file.write(text)
        # Postfix waits until a file of its configuration is some seconds old.
        os.utime(path, (0, 0))

    def fill(self, template):
        """A configuration from its template."""
        return template.format(
            port=self.port, port_plain=self.port_plain,
            port_implicit=self.port_implicit, sink=self.sink.port,
            domain=DOMAIN, user=USER, size=SIZE_LIMIT,
            local_parts=" : ".join(
                r.split("@")[0] for r in RECIPIENTS + (UTF8_RECIPIENT,)))

    def run(self, *command, text=""):
        """Run a program within the root; returns what it printed."""
        return subprocess.run(("chroot", self.root) + command, check=True,
                              input=text, text=True,
                              capture_output=True).stdout

    def _prepare(self):
        passwd = [("root", 0, "/")] + list(self.users)
        groups = [u[:2] for u in passwd] + list(self.groups)
        self.write("etc/passwd", "".join(
            f"{n}:x:{i}:{i}:{n}:{home}:/bin/false\n" for n, i, home in passwd))
        self.write("etc/group", "".join(f"{n}:x:{i}:\n" for n, i in groups))
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/nsswitch.conf", "hosts: files\n")
        self.write("etc/services", "smtp 25/tcp\n")
        self.write("etc/mailname", f"{self.name}.test\n")
        if self.authority:
            with open(self.authority.server, encoding="ascii") as file:
                self.write("etc/server.pem", file.read(),
                           *self.owner_of_key, 0o600)
        for path, owner, group, mode in self.folders:
            path = os.path.join(self.root, path)
            os.makedirs(path, exist_ok=True)
            os.chown(path, owner, group)
            os.chmod(path, mode)
        os.makedirs(os.path.join(self.root, "var/log"), exist_ok=True)
        os.chmod(os.path.join(self.root, "tmp"), 0o1777)
        for name, minor in (("null", 3), ("urandom", 9)):
            _make_device(os.path.join(self.root, "dev", name), minor)

    def _start(self):
        self._output = open(os.path.join(self.root, "var/log/output"), "wb")
        # The server ends with us, even if we are killed.
        self._process = subprocess.Popen(
            ("setpriv", "--pdeathsig", "TERM") + self.launch(),
            stdin=subprocess.DEVNULL, stdout=self._output,
            stderr=self._output, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin", "LANG": "C"})
        deadline = time.monotonic() + PATIENCE
        while not self.is_up():
            try:
                self._process.wait(0.02)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
            raise AssertionError(f"{self.name} does not start:\n"
                                 + self.read("var/log/output")
                                 + self.read(self.log))

    def _stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        # Its children, which are in the session that was made for it.
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


@contextlib.contextmanager
def running(kind, authority):
    """A server of this kind with its own sink, for a fixture: where it
    cannot be had the tests are skipped, or fail if it is required."""
    with Sink() as sink:
        server = kind(authority, sink)
        try:
            server.__enter__()
        except Missing as missing:
            if os.environ.get("POSTRIDER_SERVERS_REQUIRED") and \
                    not os.path.exists(
                        os.path.join(ROOTS, f"{server.name}.unreachable")):
                pytest.fail(str(missing))
            pytest.skip(str(missing))
        try:
            yield server
        finally:
            server.__exit__()


def _free_ports(count):
    """Ports without a listener; all held until all are found."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
            greeting = s.recv(512)
            s.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except ConnectionError:
        return False


def _link(source, target):
    """Files of the pristine root are only read: no need of a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _make_device(path, minor):
    """Character device 1:minor; a file where devices are not allowed."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        os.chmod(path, 0o666)
        open(path, "rb").close()
    except OSError:
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), 0o666)
            file.write(os.urandom(4096) if minor == 9 else b"")
