"""What the daemon's processes give up: proved on the plain build, since
sanitizers make system calls of their own."""

import os
import pathlib
import re
import signal

import pytest

from lib.harness import ROOT, message
from lib.queue import Queue

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
        daemon.wait_for(r"sandbox: (landlock [1-9]|not without ).*, seccomp$")
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
