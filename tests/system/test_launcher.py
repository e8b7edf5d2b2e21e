"""The daemon's two processes: reloads, stops, and what becomes of a program
that is replaced while it runs."""

import contextlib
import os
import resource
import signal
import socket
import threading

import pytest

from lib.harness import message
from lib.wire import localhost

TO = "rcpt@b.example"


def test_reloads_in_a_row(queue, smarthost):
    """A SIGHUP may come at any time, also while an earlier one is obeyed."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        while daemon.count("daemon: started") < 20:
            daemon.signal(signal.SIGHUP)
            queue.run_other(["true"])           # which takes a moment
            assert daemon.process.poll() is None, daemon.log
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


def test_reload_while_a_worker_starts(queue, smarthost):
    """It has sent nothing, so its message has not been tried."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        for i in range(1, 11):
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for("nrcpt=1", times=i)
            daemon.signal(signal.SIGHUP)
            daemon.wait_until_removed(i)
    assert len(smarthost.messages) == 10
    assert not daemon.find("signal 15|its worker died|status=deferred")


def test_worker_of_the_running_program(queue, smarthost):
    """A package replaces the program some time before the daemon restarts."""
    queue.write_config(smarthost)
    program = queue.build / "postrider"
    with queue.daemon() as daemon:
        program.rename(program.with_name("old"))
        program.write_text("#!/bin/sh\nexit 70\n")
        program.chmod(0o755)
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    assert not daemon.find("its worker died")


def test_a_configuration_half_edited_counts_for_nobody(queue, smarthost):
    """Until a reload, workers have the daemon's."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        right = queue.config.read_text()
        smarthost.recipients[TO] = "450 4.2.1 not now"
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        queue.config.write_text('smarthost "host0" {\n')
        del smarthost.recipients[TO]
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGTERM)         # the next one is a new one
        daemon.wait_until_removed(1)
        queue.config.write_text(right)
    assert len(smarthost.messages) == 1


def test_reload_of_a_program_that_is_gone(queue, smarthost):
    queue.write_config(smarthost)
    daemon = queue.start()
    (queue.build / "postrider").unlink()
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_end() == 71
    daemon.wait_for("not started again: .*No such file")


def test_more_who_ask_than_descriptors(queue, smarthost):
    """They say nothing, and others are answered all the same."""
    queue.write_config(smarthost)
    with queue.daemon(preexec_fn=limit_descriptors(20)), \
            contextlib.ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(queue.control))
        queue.status()


def limit_descriptors(count):
    """For preexec_fn."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Silent:
    """A smarthost that says no more after so many replies."""

    def __init__(self, *replies):
        self.server = socket.create_server((localhost(), 0))
        self.port = self.server.getsockname()[1]
        self.silent = threading.Event()
        self.replies = replies
        self.thread = threading.Thread(target=self._talk, daemon=True)
        self.thread.start()

    def _talk(self):
        connection, _ = self.server.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            for reply in self.replies:
                stream.write(reply + b"\r\n")
                stream.readline()
            self.silent.set()
            self.connection = connection
            while stream.read(4096):
                pass

    def hang_up(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self):
        self.thread.join()
        self.server.close()


@pytest.mark.parametrize(
    "replies", [(), (b"220 here",), (b"220 here", b"250 here"),
                (b"220 here", b"250 here", b"250 from", b"250 to")],
    ids=["greeting", "EHLO", "MAIL", "DATA"])
def test_stop_waits_for_no_greeting(queue, replies):
    """Nothing was tried: the message is where it was."""
    smarthost = Silent(*replies)
    queue.write_config(smarthost.port, timeout="10m")
    daemon = queue.start()
    queue.sendmail(TO, stdin=message()).expect(0)
    assert smarthost.silent.wait(10)
    daemon.stop()
    smarthost.close()
    assert not daemon.find("status=deferred|its worker died")
    assert len(queue.listing()) == 1


UP_TO_THE_DOT = (b"220 here", b"250 here", b"250 from", b"250 to", b"354 go")


def test_a_reload_lets_others_go_on(queue, smarthost):
    """One smarthost takes its time to accept a message: only that waits."""
    slow = Silent(*UP_TO_THE_DOT)
    queue.write_config([slow.port, smarthost], timeout="10m", extra="""
sender "slow@a.example" { smarthost = "host0" }
sender "*" { smarthost = "host1" }
""")
    with queue.daemon() as daemon:
        queue.sendmail("-f", "slow@a.example", TO, stdin=message()).expect(0)
        assert slow.silent.wait(10)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration will be read again")
        queue.sendmail("-f", "a@a.example", TO, stdin=message()).expect(0)
        smarthost.wait_for_messages(1)
        assert daemon.count("daemon: started") == 1
        slow.hang_up()
        daemon.wait_for("daemon: started", times=2)
    assert len(smarthost.messages) == 1


def test_a_reload_becomes_more_patient(queue, make_smarthost):
    """Else it would be put off for as long as there is mail for smarthosts
    that need longer than the time it gives them."""
    hosts = [make_smarthost(extensions=[]) for _ in range(2)]
    queue.write_config(hosts, connections=1, extra="""
sender "a@a.example" { smarthost = "host0" }
sender "*" { smarthost = "host1" }
""")

    def send(sender):
        queue.sendmail("-f", sender, TO, stdin=message()).expect(0)

    slow = threading.Event()
    gates = [host.hold("END") for host in hosts]
    with queue.daemon() as daemon:
        send("a@a.example")
        send("b@a.example")
        for host in hosts:
            host.wait(lambda host=host: host.messages)
        daemon.signal(signal.SIGHUP)
        send("b@a.example")                     # after the one before it
        daemon.wait_for("nrcpt=1", times=3)     # others go on
        hosts[1].on_message = lambda _: slow.set() or slow_reply()
        gates[1].set()
        assert slow.wait(10)
        gates[0].set()                          # the next try begins
        send("a@a.example")
        daemon.wait_until_removed(4)
    lines = [line for line in daemon.lines
             if "status=sent" in line or "daemon: started" in line]
    assert ["started" in line for line in lines].index(True, 1) == 4


def slow_reply():
    """Three seconds: more than the first try, less than the second one."""
    threading.Event().wait(3)


def test_stop_between_two_messages(queue, smarthost):
    """Asked while one is about to be accepted, a worker does not wait for the
    replies to the one after it."""
    accepting, stopped = threading.Event(), threading.Event()
    gates = []

    def accept_late(_):
        if not gates:
            gates.append(smarthost.hold("MAIL"))
            accepting.set()
            stopped.wait(10)

    smarthost.extensions = ["PIPELINING"]
    smarthost.on_message = accept_late
    queue.write_config(smarthost, connections=1)
    for _ in range(2):
        queue.sendmail(TO, stdin=message()).expect(0)
    with queue.daemon() as daemon:
        assert accepting.wait(10)
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGTERM)
        stopped.set()
        smarthost.wait(lambda: len(smarthost.sessions) == 2)
        gates[0].set()
        daemon.wait_until_removed(2)
    assert len(smarthost.messages) == 2
    assert not daemon.find("status=deferred|its worker died")
