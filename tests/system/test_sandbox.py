"""What the daemon's processes give up: proved on the plain build, since
sanitizers make other system calls."""

import contextlib
import os
import pathlib
import quopri
import re
import signal
import socket
import subprocess
import sys
import tempfile

import pytest

from lib.harness import ROOT, message
from lib.queue import DAEMON, IS_ROOT, Queue

TO = "rcpt@b.example"


@pytest.fixture
def queue(monkeypatch):
    monkeypatch.setenv("POSTRIDER_BUILD", str(ROOT / "build"))
    made = Queue()
    yield made
    made.close()


def field(pid, name):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return re.search(rf"(?m)^{name}:\s+(.*)$", status)[1]


def deliver(queue, daemon, count=1):
    queue.sendmail(TO, stdin=message()).expect(0)
    daemon.wait_until_removed(count)


def test_shut_in(queue, make_smarthost, certificates):
    """Manager and worker, while a worker keeps its session."""
    smarthost = make_smarthost(tls="starttls", auth=["LOGIN"],
                               users={"u": "opensesame"})
    queue.write_config(smarthost, user="u", password="opensesame")
    with queue.daemon() as daemon:
        deliver(queue, daemon)
        (manager,), (worker,) = daemon.managers(), daemon.workers()
        for pid in (manager, worker):
            assert field(pid, "Seccomp") == "2"
            assert field(pid, "NoNewPrivs") == "1"
            assert int(field(pid, "CapEff"), 16) == 0
        assert field(daemon.pid, "Seccomp") == "0", "it starts processes"
        daemon.wait_for(r"sandbox: (landlock [1-9]|no ).*, seccomp$")
    assert len(smarthost.messages) == 1


def test_off(queue, smarthost):
    queue.write_config(smarthost, settings={"sandbox": "no"})
    with queue.daemon() as daemon:
        deliver(queue, daemon)
        (manager,), (worker,) = daemon.managers(), daemon.workers()
        assert field(manager, "Seccomp") == field(worker, "Seccomp") == "0"
        daemon.wait_for("sandbox: off, as configured")
    assert len(smarthost.messages) == 1


def test_source_address(queue, smarthost):
    queue.write_config(smarthost, source_address="127.0.0.1", host="127.0.0.1")
    with queue.daemon() as daemon:
        deliver(queue, daemon)
    assert len(smarthost.messages) == 1


def test_all_that_it_does(queue, make_smarthost):
    """Bounces, deferrals, restarts, a large message, figures, the sockets."""
    first, second = make_smarthost(), make_smarthost()
    first.recipients["never@b.example"] = "550 5.1.1 nobody here"
    first.recipients["later@b.example"] = "450 4.2.1 not now"
    metrics = queue.run_folder / "metrics"
    listen = queue.run_folder / "submit"
    settings = {"metrics": str(metrics), "listen": [str(listen)]}
    queue.write_config(first, settings=settings)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "a@a.example", "-N", "failure", "--",
                       "never@b.example", TO,
                       stdin=message()).expect(0)
        daemon.wait_until_removed(2)            # and its bounce
        queue.sendmail(TO, stdin=message(("y" * 70 + "\n") * 40000)).expect(0)
        daemon.wait_until_removed(3)
        queue.sendmail("later@b.example", stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        assert len(queue.listing()) == 1
        assert queue.postrider("status", "--json").expect(0)
        queue.write_config(second, settings=settings)
        here = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", after=here)
        daemon.wait_until_removed(4)
    assert len(first.messages) == 3 and len(second.messages) == 1
    assert metrics.exists() and not listen.exists()
    assert "ended by signal" not in daemon.log


def test_a_worker_that_is_killed_is_reported(queue, smarthost):
    """As the kernel kills one that breaks out. Its message is tried again."""
    queue.write_config(smarthost)
    smarthost.recipients[TO] = "450 4.2.1 not now"
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGSYS)
        daemon.wait_for("worker .*ended by signal 31")
        del smarthost.recipients[TO]
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


def children(pid, name):
    """Processes of that name below a process."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if field(child, "Name") == name:
                found.append(int(child))
    return found


class Client:
    """An SMTP client at a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(path))
        self.replies = self.socket.makefile("rb")
        assert self.reply().startswith(b"220 ")

    def reply(self):
        return self.replies.readline()

    def ask(self, text):
        self.socket.sendall(text.encode() + b"\r\n")
        return self.reply().decode()

    def send(self, recipient, text):
        assert self.ask("HELO x").startswith("250")
        assert self.ask("MAIL FROM:<a@a.example>").startswith("250")
        assert self.ask(f"RCPT TO:<{recipient}>").startswith("250")
        assert self.ask("DATA").startswith("354")
        assert self.ask(text + "\r\n.").startswith("250")

    def close(self):
        self.replies.close()
        self.socket.close()


@pytest.fixture
def served(queue, smarthost, monkeypatch):
    """A daemon with a socket, and the path of that."""
    path = queue.run_folder / "submit"
    (queue.folder / "list").write_text("one@b.example\n")
    queue.write_aliases(f"team: :include:{queue.folder}/list\n")
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/secret")
    with queue.daemon(env={"CREDENTIALS_DIRECTORY": "/run/secret"}) as daemon:
        yield queue, daemon, path


def test_server_is_shut_in(served):
    """sendmail -bs for others, before it has read an octet."""
    _, daemon, path = served
    client = Client(path)
    (server,) = children(daemon.pid, "sendmail")
    assert field(server, "Seccomp") == "2"
    assert field(server, "NoNewPrivs") == "1"
    limits = pathlib.Path(f"/proc/{server}/limits").read_text()
    assert re.search(r"Max processes +0 +0 ", limits)
    assert re.search(rf"Max address space +{256 << 20} ", limits)
    environment = pathlib.Path(f"/proc/{server}/environ").read_bytes()
    assert b"POSTRIDER_CONFIG=" in environment
    assert b"CREDENTIALS_DIRECTORY" not in environment
    client.close()


def test_server_does_what_it_must(served, smarthost):
    """Aliases with their files, names, a large message, several in a row."""
    queue, daemon, path = served
    client = Client(path)
    client.send("team", "Subject: one\r\n\r\nhello")
    client.send("two@b.example", "Subject: two\r\n\r\n" +
                ("y" * 70 + "\r\n") * 40000)
    daemon.wait_until_removed(2)
    (queue.folder / "list").write_text("other@b.example\n")
    client.send("team", "\r\nwithout fields")
    daemon.wait_until_removed(3)
    client.close()
    assert sorted(m.recipients[0] for m in smarthost.messages) == [
        "one@b.example", "one@b.example", "two@b.example"]


MEMORY = pathlib.Path("/dev/shm")


@pytest.mark.skipif(not os.access(MEMORY, os.W_OK),
                    reason="no folder but those of temporary files")
def test_server_reads_nothing_in_drop(monkeypatch, smarthost):
    """Below /tmp it may read, for the sake of temporary files. What a text
    needs is known before it goes there."""
    monkeypatch.setattr(tempfile, "tempdir", str(MEMORY))
    monkeypatch.setenv("POSTRIDER_BUILD", str(ROOT / "build"))
    queue = Queue()
    path = queue.run_folder / "submit"
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        client = Client(path)
        for text in ("hello", "y" * 2000, "z" * 200000):
            client.send(TO, f"Subject: {text[:1]}\r\n\r\n{text}")
        daemon.wait_until_removed(3)
        client.close()
    bodies = [m.content.partition(b"\r\n\r\n")[2] for m in smarthost.messages]
    assert sorted(map(quopri.decodestring, bodies)) == [
        b"hello\r\n", b"y" * 2000 + b"\r\n", b"z" * 200000 + b"\r\n"]
    assert sorted(map(len, (max(body.split(b"\r\n"), key=len)
                            for body in bodies))) == [5, 76, 76]
    queue.close()


def test_server_that_needs_more_memory_ends(served, smarthost):
    """With the bound at what it has, and a large header section: the message is
    not accepted, and nothing of it stays; others are served."""
    queue, daemon, path = served
    client = Client(path)
    (server,) = children(daemon.pid, "sendmail")
    size = int(field(server, "VmSize").split()[0]) * 1024
    subprocess.run([sys.executable, "-c", "import resource as r; r.prlimit("
                    f"{server}, r.RLIMIT_AS, ({size}, {size}))"], check=True,
                   **({"user": DAEMON.pw_uid, "group": DAEMON.pw_gid}
                      if IS_ROOT else {}))
    for command in ("HELO x", "MAIL FROM:<>", f"RCPT TO:<{TO}>", "DATA"):
        assert client.ask(command)[0] in "23"
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.socket.sendall(b"X-Large: " + (b"x" * 900 + b"\r\n ") * 4000 +
                              b"\r\n\r\n.\r\n")
    with contextlib.suppress(ConnectionResetError):
        assert not client.reply().startswith(b"2")
    client.close()
    other = Client(path)
    other.send(TO, "Subject: small\r\n\r\nhello")
    other.close()
    daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    assert queue.is_empty()


def test_server_of_old_aliases_ends(served):
    """It cannot read the new ones: the client comes again."""
    queue, _, path = served
    client = Client(path)
    queue.write_aliases("team: third@b.example, fourth@b.example\n")
    client.ask("HELO x")
    assert client.ask("MAIL FROM:<>").startswith("421 4.3.2 The aliases have")
    assert client.reply() == b""
    client.close()
    client = Client(path)
    assert "third@b.example" in client.ask("EXPN team")
    client.close()


def test_server_for_oneself_is_free(queue, smarthost):
    """At a pipe, the client is its parent: direct delivery works."""
    queue.write_config(smarthost, settings={"delivery": "direct"})
    result = queue.sendmail("-bs", stdin="HELO x\r\nMAIL FROM:<a@a.example>\r\n"
                            f"RCPT TO:<{TO}>\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert b"250 2.0.0 Ok: sent" in result.stdout
    assert len(smarthost.messages) == 1


def test_server_off(queue):
    path = queue.run_folder / "submit"
    queue.write_config(settings={"listen": [str(path)], "sandbox": "no"})
    with queue.daemon() as daemon:
        client = Client(path)
        (server,) = children(daemon.pid, "sendmail")
        assert field(server, "Seccomp") == "0"
        client.close()
