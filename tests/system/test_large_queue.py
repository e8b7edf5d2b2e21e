"""A daemon that starts with a large queue: it serves at once, and reads the
queue meanwhile."""

import contextlib
import os
import pty
import subprocess
import time

import pytest

from lib.preload import Preload
from lib.queue import (DAEMON, IS_ROOT, message_file, queued_line, random_id)

MANY = 700          # more than a start reads before it serves
READ = "queue/ is read"
MESSAGE = b"Subject: new\n\nnew\n"
STATE = """postrider-state 1 {id}
attempts 1
next {next}
rcpt open 0 0 1 4.0.0 - not yet
end
"""


@pytest.fixture
def slow(queue):
    """The files of queue/ take long to be opened, until 0 is written."""
    return Preload(queue.folder, "slow_queue", [1])


def write(queue, folder, name, octets):
    path = queue.spool / folder / name
    path.write_bytes(octets)
    path.chmod(0o600)
    if IS_ROOT:
        os.chown(path, DAEMON.pw_uid, DAEMON.pw_gid)


def fill(queue):
    """Messages that were tried, and wait for an hour; their queue-ids."""
    names = [random_id() for _ in range(MANY)]
    for name in names:
        write(queue, "queue", name, message_file(name) + queued_line())
        write(queue, "state", name, STATE.format(
            id=name, next=int(time.time()) + 3600).encode())
    return set(names)


def test_new_mail_does_not_wait(queue, smarthost, slow):
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    fill(queue)
    with queue.daemon(env=slow.environment) as daemon:
        queue.sendmail("new@b.example", stdin=MESSAGE).expect(0)
        daemon.wait_until_removed(1)
        assert [message.recipients for message in smarthost.messages] == \
            [["new@b.example"]]
        status = queue.status()
        assert status["queued"] == MANY
        assert status["reading"] > 0
        assert not daemon.find(READ)
        slow.write([0])
        assert daemon.wait_for(f"{READ}: {MANY} queued")
        assert queue.status()["reading"] == 0


@contextlib.contextmanager
def asking(queue, *command):
    """A command that waits until all messages are read, as it shows on a
    terminal."""
    master, terminal = pty.openpty()
    with subprocess.Popen(
            [queue.build / command[0], *command[1:]], stdout=subprocess.PIPE,
            stderr=terminal, env=queue.environment()) as asked:
        os.close(terminal)
        shown = b""
        while b" is reading the queue: " not in shown:
            shown += os.read(master, 4096)
        yield asked
    os.close(master)


def last_read(queue):
    """A message that the daemon reads late."""
    return os.listdir(queue.spool / "queue")[-1]


def test_list_waits(queue, smarthost, slow):
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    fill(queue)
    with queue.daemon(env=slow.environment) as daemon:
        with asking(queue, "postrider", "queue", "list", "--json") as asked:
            assert b"still to read" in queue.postrider("status").stdout
            assert not daemon.find(READ)
            slow.write([0])
            assert asked.communicate()[0].count(b"\n") == MANY
        assert b"still to read" not in queue.postrider("status").stdout


def test_request_about_all_waits(queue, smarthost, slow):
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    fill(queue)
    with queue.daemon(env=slow.environment):
        with asking(queue, "postrider", "queue", "remove", "all") as asked:
            slow.write([0])
            assert b"%d removed" % MANY in asked.communicate()[0]
        assert not queue.names("queue") + queue.names("state")


def test_request_by_queue_id(queue, smarthost, slow):
    """What it is about is read at once."""
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    fill(queue)
    with queue.daemon(env=slow.environment) as daemon:
        held = last_read(queue)
        queue.postrider("queue", "hold", held).expect(0)
        assert "\nheld 1\n" in (queue.spool / "state" / held).read_text()
        sent = os.listdir(queue.spool / "queue")[-2]
        queue.postrider("queue", "retry", sent).expect(0)
        daemon.wait_for(f"{sent}: removed")
        assert not daemon.find(READ)
        slow.write([0])
        daemon.wait_for(f"{READ}: {MANY - 1} queued")
        status = queue.status()
        assert (status["unread"], status["held"]) == (0, 1)


def test_what_a_stop_left_in_drop(queue, smarthost, slow):
    """A message is not taken again whose copy has not been read yet; one whose
    state is all that is left of an earlier one is."""
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    names = fill(queue)
    for name in sorted(names)[:20]:
        queue.write_drop(name, message_file(name))
    orphan = random_id()
    queue.write_drop(orphan, message_file(orphan, ["new@b.example"]))
    write(queue, "state", orphan, STATE.format(id=orphan, next=0).encode())
    with queue.daemon(env=slow.environment) as daemon:
        daemon.wait_until_removed(1)
        slow.write([0])
        daemon.wait_for(f"{READ}: {MANY} queued")
        daemon.wait(lambda: not queue.names("drop"))
        assert [message.recipients for message in smarthost.messages] == \
            [["new@b.example"]]


def test_stop_does_not_wait(queue, smarthost, slow):
    queue.write_config(smarthost, settings={"retry_longest": "1h"})
    fill(queue)
    with queue.daemon(env=slow.environment) as daemon:
        daemon.stop()
        assert not daemon.find(READ)
    assert len(queue.names("queue")) == MANY


def test_what_a_drain_leaves_is_counted(queue, smarthost, slow):
    """Also what has not been read."""
    queue.write_config(smarthost, settings={"retry_longest": "1h",
                                            "drain": "1s"})
    fill(queue)
    with queue.daemon(env=slow.environment) as daemon:
        daemon.stop()
        assert not daemon.find(READ)
        assert daemon.find(f"stopping: {MANY} left in the queue")
