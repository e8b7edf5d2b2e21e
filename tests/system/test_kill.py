"""kill -9 at any moment: nothing that was accepted is lost."""

import collections
import os
import random
import re
import signal
import threading

import pytest

from lib.harness import message
from lib.queue import (ALICE, DAEMON, IS_ROOT, as_root, message_file,
                       queued_line, random_id, sealed)

MESSAGES = 200


class Judge:
    """Which messages arrived, how often, and whether one came again whose
    delivery had been told in the log."""

    def __init__(self, smarthost):
        self.arrived = collections.Counter()
        self.settled = set()
        self.wrong = []
        self._lock = threading.Lock()
        smarthost.on_message = self.note

    def note(self, sent):
        with self._lock:
            (recipient,) = sent.recipients
            self.arrived[recipient] += 1
            if recipient in self.settled:
                self.wrong.append(recipient)

    def settle(self, daemon):
        """What the log tells now is settled: done before each kill."""
        found = re.findall("to=<([^>]*)>.*status=sent", daemon.log)
        with self._lock:
            self.settled.update(found)

    def twice(self, accepted):
        """Nothing is lost, nothing settled came again. The rest that did."""
        lost = [r for r in accepted if not self.arrived[r]]
        assert not lost, f"{len(lost)} lost: {lost[:5]}"
        assert not self.wrong, f"came again: {self.wrong[:5]}"
        return [r for r, count in self.arrived.items() if count > 1]


def submit_all(queue, prefix, count, accepted):
    """Send from another thread; what was accepted is put into the list."""
    def work():
        for i in range(count):
            recipient = f"{prefix}{i}@b.example"
            result = queue.sendmail("-f", "a@a.example", recipient,
                                    stdin=message())
            if result.status == 0:
                accepted.append(recipient)
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_kill_the_daemon(queue, smarthost):
    """Again and again, while 200 messages come and go."""
    judge = Judge(smarthost)
    accepted = []
    queue.write_config(smarthost, connections=2)
    thread = submit_all(queue, "r", MESSAGES, accepted)
    chance = random.Random(1)
    kills = 0
    while thread.is_alive() or kills < 10:
        daemon = queue.start()
        goal = len(smarthost.messages) + chance.randrange(1, 30)
        if thread.is_alive():
            smarthost.wait(lambda: len(smarthost.messages) >= goal or
                           not thread.is_alive())
        judge.settle(daemon)
        daemon.kill()
        kills += 1
    thread.join()
    assert len(accepted) == MESSAGES
    with queue.daemon() as daemon:
        smarthost.wait(lambda: all(judge.arrived[r] for r in accepted), 60)
        daemon.wait(lambda: queue.listing() == [])
    twice = judge.twice(accepted)
    # A worker outlives its daemon for as long as a reply is awaited: what it
    # had sent, at most a window of messages each, may come again.
    assert len(twice) <= kills * 2 * 8, f"{len(twice)} twice, {kills} kills"
    assert queue.is_empty(), queue.files()


def test_kill_when_everything_was_answered(queue, smarthost):
    """Killed after the reply, before it is tidied up: not sent again."""
    queue.write_config(smarthost)
    for _ in range(5):
        with queue.daemon() as daemon:
            pass
        daemon = queue.start()
        before = len(smarthost.messages)
        queue.sendmail("r@b.example", stdin=message()).expect(0)
        smarthost.wait_for_messages(before + 1)
        daemon.wait_for("status=sent")
        daemon.kill()
    with queue.daemon() as daemon:
        pass
    assert len(smarthost.messages) == 5
    assert queue.is_empty(), queue.files()


def test_journal_after_the_daemon_was_killed(queue, smarthost):
    """The worker reads the reply when its daemon is dead already: it notes
    that, and the next daemon does not send it again."""
    queue.write_config(smarthost)
    gate = smarthost.hold("BDAT")
    daemon = queue.start()
    queue.sendmail("r@b.example", stdin=message()).expect(0)
    smarthost.wait_for_messages(1)
    daemon.kill()
    gate.set()
    smarthost.wait_for_sessions(1)
    with queue.daemon() as daemon:
        assert daemon.count(r"to=<r@b\.example>.*status=sent") == 1
        assert queue.status()["delivered"] == 1
    assert len(smarthost.messages) == 1
    assert queue.is_empty(), queue.files()


def test_orphaned_worker_sends_nothing_more(queue, smarthost):
    """What waits in a worker whose daemon was killed is the next daemon's."""
    queue.write_config(smarthost, connections=1)
    smarthost.extensions.remove("PIPELINING")
    gate = smarthost.hold("DATA")
    smarthost.extensions.remove("CHUNKING")
    for i in range(6):
        queue.submit(f"r{i}@b.example", stdin=message())
    daemon = queue.start()
    smarthost.wait_for_command("DATA")
    daemon.kill()
    gate.set()
    smarthost.wait_for_sessions(1)
    assert len(smarthost.messages) <= 1
    with queue.daemon() as daemon:
        daemon.wait(queue.is_empty)
    assert len(smarthost.messages) == 6


def test_kill_workers(queue, smarthost):
    """A worker that dies defers its messages, no more."""
    judge = Judge(smarthost)
    accepted = []
    queue.write_config(smarthost, connections=2,
                       settings={"retry_first": "1s", "retry_longest": "1s"})
    with queue.daemon() as daemon:
        thread = submit_all(queue, "r", MESSAGES, accepted)
        kills, goal = 0, 0
        while thread.is_alive():
            goal = len(smarthost.messages) + 10
            smarthost.wait(lambda: len(smarthost.messages) >= goal or
                           not thread.is_alive())
            judge.settle(daemon)
            for pid in daemon.workers():
                try:
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
        thread.join()
        daemon.wait(lambda: daemon.count(": removed$") >= MESSAGES)
        assert queue.is_empty(), queue.files()
    twice = judge.twice(accepted)
    assert kills > 3 and len(twice) <= kills * 8, (len(twice), kills)


def kill_its_worker(queue, smarthost, daemon, noted=False):
    """A message whose worker is killed when it has sent it, and perhaps noted
    that it was accepted. Nobody can read the journal. Returns its queue-id."""
    queue.sendmail("r@b.example", stdin=message()).expect(0)
    smarthost.wait_for_messages(1)
    queue_id = queue.listing()[0]["queue_id"]
    journal = queue.spool / "state" / "journal.0"
    if noted:
        journal.write_text(f"{queue_id} 0\n")
    journal.chmod(0)
    (worker,) = daemon.workers()
    os.kill(worker, signal.SIGKILL)
    daemon.wait_for(f"{queue_id}: the journal of its worker cannot be read: "
                    "will be tried again")
    return queue_id


@as_root
@pytest.mark.parametrize("noted", [True, False])
def test_journal_that_cannot_be_read(queue, smarthost, noted):
    """Its worker was killed, and may have noted an acceptance: nothing is
    sent again before that is known."""
    queue.write_config(smarthost)
    gate = smarthost.hold("BDAT")
    with queue.daemon() as daemon:
        queue_id = kill_its_worker(queue, smarthost, daemon, noted)
        gate.set()
        queue.postrider("queue", "flush").expect(0)
        queue.sendmail("other@b.example", stdin=message()).expect(0)
        daemon.wait_for("to=<other@b.example>.*status=sent")
        assert [item["queue_id"] for item in queue.listing()] == [queue_id]
        assert len(smarthost.messages) == 2
        (queue.spool / "state" / "journal.0").chmod(0o600)
        queue.postrider("queue", "flush").expect(0)
        daemon.wait_for(f"{queue_id}: removed")
        assert len(smarthost.messages) == (2 if noted else 3)
        assert "journal.0" not in queue.names("state")
    assert queue.is_empty(), queue.files()


@as_root
def test_journal_that_can_never_be_read(queue, smarthost, clock):
    """For ten minutes its message waits; the journal stays for a start."""
    queue.write_config(smarthost)
    gate = smarthost.hold("BDAT")
    with queue.daemon(env=clock.environment) as daemon:
        queue_id = kill_its_worker(queue, smarthost, daemon)
        gate.set()
        clock.elapse(599)
        queue.postrider("queue", "flush").expect(0)
        assert len(queue.listing()) == 1 and len(smarthost.messages) == 1
        clock.elapse(2)
        queue.postrider("queue", "flush").expect(0)
        daemon.wait_for(f"{queue_id}: .*some recipients may get it twice")
        daemon.wait_for(f"{queue_id}: removed")
        assert (queue.spool / "state" / "journal.0").exists()
    assert len(smarthost.messages) == 2


def test_kill_senders(queue, smarthost):
    """A sendmail that is killed leaves a whole message or none."""
    queue.write_config(smarthost)
    chance = random.Random(2)
    killed = 0
    for i in range(40):
        body = f"whole {i}\n" + "x" * 70 + "\n"
        process = queue.open("sendmail", "-f", "a@a.example",
                             f"r{i}@b.example")
        try:
            process.stdin.write(message(body))
            process.stdin.flush()
            if chance.random() < 0.5:
                process.stdin.close()
        except BrokenPipeError:
            pass
        process.kill()
        killed += process.wait() == -signal.SIGKILL
    assert killed
    with queue.daemon() as daemon:
        daemon.wait(lambda: not [n for n in queue.names("drop")
                                 if not n.startswith(".t")])
        daemon.wait(lambda: queue.listing() == [])
    for sent in smarthost.messages:
        assert sent.body.endswith(b"x" * 70 + b"\r\n")
    assert not daemon.find("removed: ")


# Every combination of files that a stop can leave

STATE = """postrider-state 1 {id}
attempts 1
last 1700000000
next 1700000000
warned 0
held 0
reports 0
rcpt delivered 1 0 1700000000 2.0.0 x 250 ok
rcpt open 0 1 1700000000 4.2.0 x 451 later
end
"""


def place(queue, folder, name, data):
    path = queue.spool / folder / name
    path.write_bytes(data)
    queue.give(path)
    path.chmod(0o640 if folder == "drop" else 0o600)
    if folder == "drop" and IS_ROOT:
        os.chown(path, ALICE, DAEMON.pw_gid)


BOTH, SECOND, NONE = ["one@b.example", "two@b.example"], ["two@b.example"], []


@pytest.mark.parametrize("present, expected", [
    # The usual life of a message.
    ("drop", BOTH),                         # not looked at yet
    ("drop queue/.copy", BOTH),             # being copied
    ("drop queue/.torn", BOTH),
    ("drop queue/.copy state/.state", BOTH),
    ("drop queue/.copy state", SECOND),     # its name was missing
    ("drop queue state", SECOND),           # stored, not yet removed
    ("drop queue", BOTH),
    ("queue", BOTH),
    ("queue state", SECOND),
    ("queue state state/.state", SECOND),   # the state being replaced
    ("queue state/.torn", BOTH),
    # Being removed: drop/, queue/, then state/.
    ("state", NONE),
    ("queue/.copy", NONE),                  # a copy that is not needed
    ("queue/.torn", NONE),
    ("queue/.copy state", SECOND),
    # With what a worker noted.
    ("drop journal", SECOND),
    ("queue journal", SECOND),
    ("drop queue/.copy journal", SECOND),
    ("drop queue/.copy state journal", SECOND),
    ("queue journal-all", NONE),
    ("drop journal-all", NONE),
    ("drop queue state journal-all", NONE),
    ("journal-all", NONE),
    ("queue journal-torn", BOTH),
    ("queue journal-nonsense", BOTH),
])
def test_recovery(queue, smarthost, present, expected):
    queue.write_config(smarthost)
    queue_id = random_id()
    data = message_file(queue_id, BOTH)
    whole = data + queued_line()
    state = STATE.format(id=queue_id).encode()
    line = f"{queue_id} 0\n"
    files = {
        "drop": ("drop", queue_id, data),
        "queue": ("queue", queue_id, whole),
        "queue/.copy": ("queue", "." + queue_id, whole),
        "queue/.torn": ("queue", "." + queue_id, whole[:100]),
        "state": ("state", queue_id, state),
        "state/.state": ("state", "." + queue_id, state),
        "state/.torn": ("state", "." + queue_id, state[:60]),
        "journal": ("state", "journal.7", line.encode()),
        "journal-all": ("state", "journal.7", f"{queue_id} 0,1\n".encode()),
        "journal-torn": ("state", "journal.7", f"{queue_id} 0".encode()),
        "journal-nonsense": ("state", "journal.7",
                             b"x\n\0\n" + queue_id.encode() + b" 9999999\n"
                             + queue_id.encode() + b" -1\n"),
    }
    for name in present.split():
        place(queue, *files[name])
    with queue.daemon() as daemon:
        if expected:
            daemon.wait_until_removed(1)
        daemon.wait(lambda: queue.listing() == [])
        assert queue.is_empty(), queue.files()
    assert [m.recipients for m in smarthost.messages] == \
        ([expected] if expected else [])


@pytest.mark.parametrize("folder", ["drop", "queue"])
@pytest.mark.parametrize("numbers, arrived", [
    ("0,1", []), ("0", [["two@b.example"]])])
def test_success_that_a_journal_has(queue, smarthost, folder, numbers,
                                    arrived):
    """The sender asked for a report: the stop does not cost it."""
    queue.write_config(smarthost)
    queue_id = random_id()
    data = message_file(queue_id, BOTH).replace(b"to - - one",
                                                b"to success - one")
    data = sealed(data) + (queued_line() if folder == "queue" else b"")
    place(queue, folder, queue_id, data)
    place(queue, "state", "journal.7", f"{queue_id} {numbers}\n".encode())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)
        assert queue.is_empty(), queue.files()
    sent = [m.recipients for m in smarthost.messages]
    assert sorted(sent) == sorted([["a@a.example"], *arrived])
    (report,) = [m for m in smarthost.messages if m.reverse_path == ""]
    assert b"Action: relayed" in report.content
    assert b"one@b.example" in report.content
    assert b"Final-Recipient: rfc822; two@" not in report.content


def test_damaged_queue_file(queue, smarthost):
    """Kept to be looked at; others go on."""
    queue.write_config(smarthost)
    bad, good = random_id(), random_id()
    place(queue, "queue", bad, message_file(bad)[:-10])
    place(queue, "queue", good, message_file(good) + queued_line())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
        daemon.wait_for(f"{bad}: .*failed")
    assert queue.names("failed") == [bad]
    assert queue.names("queue") == []


def test_damaged_state(queue, smarthost):
    """Who has got it is not known any more: not sent again to all."""
    queue.write_config(smarthost)
    queue_id = random_id()
    place(queue, "queue", queue_id, message_file(queue_id) + queued_line())
    place(queue, "state", queue_id, b"nonsense\n")
    with queue.daemon() as daemon:
        daemon.wait_for(f"{queue_id}: .*failed")
    assert queue.names("failed") == [queue_id, queue_id + ".state"]
    assert not smarthost.messages


@pytest.mark.parametrize("about, count", [
    ("failure-1", 1),
    ("failure-2", 2),       # of other recipients: this one is not in it
    ("delay-1", 2),
])
def test_report_is_made_once(queue, smarthost, about, count):
    """Killed between the bounce and the removal of what it is about."""
    queue.write_config(smarthost)
    queue_id, report = random_id(), random_id()
    state = STATE.format(id=queue_id).replace(
        "reports 0\n", f"reports 0\nopt-report {about} {report}\n").replace(
        "rcpt delivered 1 0 1700000000 2.0.0 x 250 ok\n", "").replace(
        "rcpt open 0 1 1700000000 4.2.0 x 451 later",
        "rcpt failed 0 1 1700000000 5.1.1 x 550 nobody")
    place(queue, "queue", queue_id, message_file(
        queue_id, ["never@b.example"]) + queued_line())
    place(queue, "state", queue_id, state.encode())
    place(queue, "queue", report, message_file(
        report, ["a@a.example"], sender="") + queued_line())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1 + count)
        assert queue.is_empty(), queue.files()
    assert [m.recipients for m in smarthost.messages] == \
        [["a@a.example"]] * count
