"""What one connection, or one user, costs the others."""

import os
import signal
import threading
import time

import pytest

from lib.harness import message
from lib.queue import (ALICE, BOB, DAEMON, as_root, message_file, queued_line,
                       random_id, user)
from lib.smarthost import EXTENSIONS, SILENT, Smarthost
from lib.wire import PATIENCE

TO = "b@b.example"
BY_DATA = [e for e in EXTENSIONS if e != "CHUNKING"]


def silent_at_first(smarthost):
    """For replies: the first connection gets none."""
    reached = threading.Event()

    def reply(session, _):
        if session is not smarthost.sessions[0]:
            return None
        reached.set()
        return SILENT
    return reached, reply


@pytest.mark.parametrize("stage", [
    "GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END", "BDAT"])
def test_a_silent_connection(queue, smarthost, stage):
    """What it has is waited for; nothing else waits for it."""
    if stage in ("DATA", "END"):
        smarthost.extensions = BY_DATA
    reached, smarthost.replies[stage] = silent_at_first(smarthost)
    queue.write_config(smarthost, connections=4)
    daemon = queue.start()
    queue.sendmail(TO, stdin=message()).expect(0)
    assert reached.wait(PATIENCE)
    for _ in range(5):
        queue.sendmail(TO, stdin=message()).expect(0)
    begun = stage not in ("GREETING", "EHLO")
    daemon.wait_until_removed(5 if begun else 6)
    assert not smarthost.sessions[0].messages
    assert not daemon.count("is down")


def count_connections(smarthost):
    """How many there were at a time, as each of them came."""
    counts = []
    smarthost.on_connection = \
        lambda _: counts.append(smarthost.open_connections())
    return counts


@pytest.mark.parametrize("stage", ["HANDSHAKE", "GREETING", "EHLO", "STARTTLS",
                                   "AUTH"])
def test_all_connections_are_silent(queue, certificates, stage):
    """While they are opened: another one takes the place of the youngest."""
    implicit = stage in ("HANDSHAKE", "GREETING")
    with Smarthost(tls="implicit" if implicit else "starttls",
                   auth=["PLAIN"], certificates=certificates) as smarthost:
        counts = count_connections(smarthost)

        def silent(session, *_):
            return SILENT if session in smarthost.sessions[:4] else None
        if stage == "HANDSHAKE":
            smarthost.handshake = silent
        else:
            smarthost.replies[stage] = silent
        queue.write_config(smarthost, connections=4, timeout="5m")
        daemon = queue.start()
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
        assert max(counts) == 4
        first, *_ = smarthost.sessions
        assert not first.ended.is_set()
        assert not daemon.count("is down")
        smarthost.check()


def test_silent_connections_of_two_kinds(queue, smarthost):
    """Where a session is open, none that is opened has to be waited for."""
    smarthost.extensions = BY_DATA
    reached, smarthost.replies["END"] = silent_at_first(smarthost)
    smarthost.replies["GREETING"] = lambda session, _: \
        SILENT if session in smarthost.sessions[1:2] else None
    counts = count_connections(smarthost)
    queue.write_config(smarthost, connections=2, timeout="5m")
    daemon = queue.start()
    queue.sendmail(TO, stdin=message()).expect(0)
    assert reached.wait(PATIENCE)
    queue.sendmail(TO, stdin=message()).expect(0)
    daemon.wait_until_removed(1)
    assert max(counts) == 2


def test_a_slow_smarthost_is_waited_for(queue, smarthost):
    """Others are tried meanwhile, fewer and fewer; the first one goes on."""
    gate = threading.Event()
    times = []

    def greet(session, _):
        times.append(time.monotonic())
        if session is not smarthost.sessions[0]:
            return SILENT
        gate.wait(PATIENCE)
        return None
    smarthost.replies["GREETING"] = greet
    queue.write_config(smarthost, connections=2, timeout="5m")
    daemon = queue.start()
    queue.sendmail(TO, stdin=message()).expect(0)
    smarthost.wait(lambda: len(smarthost.sessions) == 4)
    gate.set()
    daemon.wait_until_removed(1)
    first, *_ = smarthost.sessions
    assert len(first.messages) == 1
    assert times[2] - times[1] >= 1.9
    assert times[3] - times[2] >= 3.9


@pytest.mark.parametrize("extensions", [EXTENSIONS, BY_DATA])
def test_a_connection_falls_silent(queue, smarthost, extensions):
    """It has shown that it is quick, and has been given work ahead."""
    smarthost.extensions = list(extensions)
    queue.write_config(smarthost, connections=2)
    daemon = queue.start()
    for _ in range(5):
        queue.sendmail("-odi", TO, stdin=message()).expect(0)
    (first,) = smarthost.sessions
    smarthost.replies["MAIL"] = \
        lambda session, _: SILENT if session is first else None
    queue.sendmail(TO, stdin=message()).expect(0)
    smarthost.wait(lambda: sum(c.startswith("MAIL")
                               for c in first.commands) == 6)
    for _ in range(20):
        queue.sendmail(TO, stdin=message()).expect(0)
    daemon.wait_until_removed(25)


def test_a_message_begun_behind_a_silent_one(queue, smarthost):
    """Its commands went with the end of that; its content did not."""
    smarthost.extensions = BY_DATA
    queue.write_config(smarthost, connections=2)
    daemon = queue.start()
    for _ in range(5):
        queue.sendmail("-odi", TO, stdin=message()).expect(0)
    (first,) = smarthost.sessions
    smarthost.replies["END"] = \
        lambda session, _: SILENT if session is first else None
    (manager,) = daemon.managers()
    os.kill(manager, signal.SIGSTOP)    # it finds all at once
    for _ in range(3):
        queue.sendmail(TO, stdin=message()).expect(0)
    os.kill(manager, signal.SIGCONT)
    daemon.wait_until_removed(7)
    assert len(smarthost.messages) == 7
    assert len(queue.listing()) == 1


@as_root
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("connections, held", [(4, 3), (3, 2)])
def test_slow_messages_of_one_user(queue, smarthost, connections, held, warm):
    """Another one's does not wait for them, and -odi neither."""
    gate = threading.Event()
    slow = []

    def reply(_, arrived):
        if arrived.reverse_path == "bob@a.example":
            slow.append(arrived)
            smarthost._notify()
            gate.wait(PATIENCE)
    smarthost.replies["BDAT"] = reply
    queue.write_config(smarthost, connections=connections)
    with queue.daemon() as daemon:
        for _ in range(3 if warm else 0):
            queue.sendmail("-odi", "-f", "alice@a.example", TO,
                           stdin=message(), **user(ALICE)).expect(0)
        before = len(smarthost.messages)
        for _ in range(20):
            queue.sendmail("-f", "bob@a.example", TO, stdin=message(),
                           **user(BOB)).expect(0)
        smarthost.wait(lambda: len(slow) == held)
        for _ in range(5):
            queue.sendmail("-odi", "-f", "alice@a.example", TO,
                           stdin=message(), **user(ALICE)).expect(0)
        assert [m.reverse_path for m in smarthost.messages] == \
            ["alice@a.example"] * (before + 5)
        gate.set()
        daemon.wait_until_removed(before + 25)


@as_root
def test_slow_reports(queue, smarthost):
    """They take the places of the user whose messages they report on, and leave
    one to others."""
    gate = threading.Event()
    slow = []

    def hold(arrived):
        if arrived.reverse_path != "bob@a.example":
            slow.append(arrived.reverse_path)
            smarthost._notify()
            gate.wait(PATIENCE)
    smarthost.on_message = hold
    queue.write_config(smarthost, connections=3)
    for _ in range(5):
        report = random_id()
        path = queue.spool / "queue" / report
        path.write_bytes(message_file(report, sender="",
                                      lines=[f"uid {ALICE}"])
                         + queued_line(uid=DAEMON.pw_uid))
        queue.give(path)
    with queue.daemon() as daemon:
        smarthost.wait(lambda: len(slow) == 2)
        for _ in range(2):
            queue.sendmail("-f", "alice@a.example", TO, stdin=message(),
                           **user(ALICE)).expect(0)
        daemon.wait_for(f"uid={ALICE} ", 2)
        for _ in range(5):
            queue.sendmail("-odi", "-f", "bob@a.example", TO,
                           stdin=message(), **user(BOB)).expect(0)
        assert slow == ["", ""]
        gate.set()
        daemon.wait_until_removed(5 + 2 + 5)


@as_root
def test_slow_messages_of_many_users(queue, smarthost):
    """One of a user with none outside is the next one that goes, however many
    users have more."""
    several = range(BOB, BOB + 6)
    go_on = threading.Semaphore(0)
    order = []

    def reply(_, arrived):
        order.append(arrived.reverse_path)
        smarthost._notify()
        if arrived.reverse_path != "alice@a.example":
            go_on.acquire(timeout=PATIENCE)
            time.sleep(0.6)         # so slow that none is sent ahead
    smarthost.replies["BDAT"] = reply
    queue.write_config(smarthost, connections=4)
    with queue.daemon() as daemon:
        for uid in several:
            for _ in range(3):
                queue.sendmail("-f", f"{uid}@a.example", TO, stdin=message(),
                               **user(uid)).expect(0)
        for count in range(4, 9):       # all of them have had a turn
            smarthost.wait(lambda: len(order) == count)
            go_on.release()
        smarthost.wait(lambda: len(order) == 9)
        queue.sendmail("-f", "alice@a.example", TO, stdin=message(),
                       **user(ALICE)).expect(0)
        daemon.wait_for("from=<alice@a.example>")
        go_on.release()
        smarthost.wait(lambda: len(order) >= 10)
        assert order[9] == "alice@a.example"
        for _ in range(20):
            go_on.release()
        daemon.wait_until_removed(19)


def silent_from(smarthost, stage, gate):
    """The first two connections, at this stage, until the gate is open."""
    reached = []

    def reply(session, _):
        if session in smarthost.sessions[:2]:
            reached.append(session)
            smarthost._notify()
            gate.wait(PATIENCE)
    smarthost.replies[stage] = reply
    return lambda: len(reached) == 2


@pytest.mark.parametrize("stage", ["GREETING", "MAIL", "BDAT"])
def test_connections_over_a_kill(queue, smarthost, stage):
    """A worker outlives its daemon while it awaits the reply to content. Its
    connection counts for the next one; others end at once."""
    if stage == "MAIL":         # else content goes in the same flight
        smarthost.extensions = BY_DATA
    counts = count_connections(smarthost)
    gate = threading.Event()
    are_silent = silent_from(smarthost, stage, gate)
    queue.write_config(smarthost, connections=2, timeout="5m")
    daemon = queue.start()
    for _ in range(2):
        queue.sendmail(TO, stdin=message()).expect(0)
    smarthost.wait(are_silent)
    daemon.kill()
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        if stage == "BDAT":
            daemon.wait_for("2 connections of the previous daemon")
            assert len(counts) == 2
            gate.set()
        daemon.wait_until_removed(3)
    gate.set()
    assert max(counts) == 2


def test_connections_over_a_reload(queue, smarthost):
    """Workers that finish count until they are gone."""
    open_at_once = []
    smarthost.replies["GREETING"] = lambda *_: open_at_once.append(
        sum(not s.ended.is_set() for s in smarthost.sessions))
    gate = smarthost.hold("BDAT")
    queue.write_config(smarthost, connections=1)
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        smarthost.wait_for_command("BDAT")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration will be read again")
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait(lambda: len(queue.listing()) == 2)
        gate.set()
        daemon.wait_until_removed(2)
    assert set(open_at_once) == {1}


@pytest.mark.parametrize("extensions", [EXTENSIONS, BY_DATA],
                         ids=["BDAT", "DATA"])
def test_small_one_after_a_large_one(queue, smarthost, extensions):
    """It leaves at once, over another connection, and not after the large one,
    though both are of one user."""
    held, gate = threading.Event(), threading.Event()

    def hold(arrived):
        if arrived.reverse_path == "large@a.example":
            held.set()
            gate.wait(PATIENCE)
    smarthost.extensions = extensions
    smarthost.on_message = hold
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "large@a.example", TO, stdin=message(
            b"".join(b"%08d\n" % i for i in range(300000)))).expect(0)
        assert held.wait(PATIENCE)
        queue.sendmail("-f", "small@a.example", TO, stdin=message()).expect(0)
        (sent,) = smarthost.wait_for_messages(1)
        assert sent.reverse_path == "small@a.example"
        gate.set()
        daemon.wait_until_removed(2)
    assert len(smarthost.messages) == len(smarthost.sessions) == 2
