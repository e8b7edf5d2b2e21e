"""What one user may take of the daemon's time, memory and disk.

Each bound is gone beyond, and mail of others goes through all the same.
"""

import os
import pathlib
import resource
import select
import socket
import threading
import time

import pytest

from lib.harness import message
from lib.queue import (ALICE, BOB, DAEMON, PATIENCE, as_root, message_file,
                       queued_line, random_id, user)
from lib.smarthost import SILENT

pytestmark = as_root

GOOD = "good@b.example"
MEBIBYTE = 1 << 20
NO_QUARANTINE = {"ASAN_OPTIONS": "quarantine_size_mb=1"}


def place(queue, count, received=None, uid=ALICE, **options):
    """So many messages in queue/; returns their queue-ids. Their sums are
    wrong: the daemon made these files, and proves them no more."""
    ids = [random_id() for _ in range(count)]
    inner = random_id()
    data = message_file(inner, **options) + queued_line(received, uid)
    for queue_id in ids:
        path = queue.spool / "queue" / queue_id
        path.write_bytes(data.replace(inner.encode(), queue_id.encode()))
        queue.give(path)
    return ids


def memory_peak(daemon):
    """Octets that the manager has had so far."""
    (manager,) = daemon.managers()
    status = pathlib.Path(f"/proc/{manager}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def hold_large(queue, size, uid=ALICE, recipients=1):
    """A message in queue/ that has so many octets, of no disk, and is held."""
    queue_id = random_id()
    path = queue.spool / "queue" / queue_id
    with open(path, "wb") as file:
        file.write(f"postrider 1 {queue_id}\n".encode())
        file.writelines(b"to - - %d@b.example\n" % n
                        for n in range(recipients))
        file.write(b"\n")
        file.seek(size, 1)
        file.write(b"END %020d %08x 7\n" % (size, 0) + queued_line(uid=uid))
    queue.give(path)
    state = queue.spool / "state" / queue_id
    state.write_text(f"postrider-state 1 {queue_id}\nheld 1\n"
                     + "rcpt open 0 0 0 - - -\n" * recipients + "end\n")
    queue.give(state)
    return queue_id


def ask(queue, request):
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(queue.control))
    client.sendall(request + b"\n")
    return client


# Time

def test_many_late_messages(queue, smarthost):
    """A sweep reports a few at a time, and others are answered meanwhile."""
    smarthost.replies["GREETING"] = "421 4.3.2 later"
    queue.write_config(smarthost, settings={"delay_warning": "2s"})
    late = place(queue, 400, received=int(time.time()) - 86400,
                 sender="a@a.example")
    with queue.daemon() as daemon:
        daemon.wait_for("sender delay notification")
        with ask(queue, b"status").makefile("r") as answer:
            figures = dict(line.split()[:2] for line in answer)
        assert int(figures["reports"]) < len(late)
        daemon.wait_for("sender delay notification", times=len(late))


# Memory

@pytest.mark.parametrize("files", [30, 128])
def test_few_open_files(queue, smarthost, files):
    """Messages that are in memory leave workers the descriptors they need."""
    queue.write_config(smarthost)
    for uid in (ALICE, BOB):
        for _ in range(80):
            queue.submit(GOOD, stdin=message(), **user(uid))
    with queue.daemon(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (files, files))) as daemon:
        daemon.wait_until_removed(160)
        assert not daemon.find("Too many open files|Bad file descriptor")


def test_answers_that_clients_do_not_take(queue, smarthost):
    """They are made as they are taken, and are whole all the same."""
    smarthost.replies["GREETING"] = "421 4.3.2 later"
    queue.write_config(smarthost)
    recipients = [f"{n}{'x' * 240}@b.example" for n in range(7)]
    ids = place(queue, 1500, recipients=recipients)
    with queue.daemon(env=NO_QUARANTINE) as daemon:
        daemon.wait_for("queue/ is read")
        before = memory_peak(daemon)
        clients = [ask(queue, b"list") for _ in range(60)]
        for client in clients:
            select.select([client], [], [])
        assert memory_peak(daemon) - before < 16 * MEBIBYTE
        with clients[0].makefile("rb") as answer:
            words = [line.split(b"\t")[0].decode() for line in answer]
        listed = [word for word in words if word != "next"]
        assert sorted(listed) == sorted(ids)


def test_many_recipients(queue, smarthost):
    """Messages to very many, and a smarthost that is silent: the manager has
    one of them in memory, and another user's does not wait for them."""
    smarthost.replies["MAIL"] = \
        lambda session, _: SILENT if session is smarthost.sessions[0] else None
    queue.write_config(smarthost)
    everybody = ", ".join(f"{n}@b.example" for n in range(40000))
    for _ in range(24):
        queue.sendmail("-t", stdin=message(Bcc=everybody),
                       **user(ALICE)).expect(0)
    daemon = queue.start(env=NO_QUARANTINE)
    smarthost.wait_for_command("MAIL")
    queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB)).expect(0)
    assert [GOOD] in [m.recipients for m in smarthost.messages]
    daemon.wait_for(f"uid={ALICE} ", times=24)
    assert memory_peak(daemon) < 64 * MEBIBYTE
    daemon.kill()


def connect(queue, uid):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    os.seteuid(uid)
    try:
        client.connect(str(queue.control))
    finally:
        os.seteuid(0)
    return client


def test_more_clients_than_the_control_socket_has_places(queue, smarthost):
    """Of the user who has most of them the oldest gives way, and no other."""
    queue.write_config(smarthost)
    with queue.daemon():
        other = connect(queue, ALICE)
        other.sendall(b"non")
        clients = [connect(queue, BOB) for _ in range(64)]
        assert clients[0].recv(100) == b""
        for client in [other, *clients[1:]]:
            client.sendall(b"sense\n")     # which is not known
            assert client.recv(100).startswith(b"error ")


# Files that cost their owner nothing

def test_sparse_files(queue, smarthost):
    """Neither copied nor read; others go on."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        for _ in range(50):
            name = random_id()
            head = f"postrider 1 {name}\nto - - x@b.example\n\n".encode()
            size = (9 << 20) - len(head) - 36
            path = queue.drop / (".t" + name)
            with open(path, "wb") as file:
                file.write(head)
                file.seek(size, 1)
                file.write(b"END %020d %08x 7\n" % (size, 0))
            os.chown(path, ALICE, DAEMON.pw_gid)
            path.chmod(0o640)
            path.rename(queue.drop / name)
        queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB)).expect(0)
        assert [m.recipients for m in smarthost.messages] == [[GOOD]]
        daemon.wait(lambda: queue.names("drop") == [])
        assert queue.names("queue") == []


def test_large_messages_of_one(queue, smarthost):
    """They are taken one after the other, and all go; others go on."""
    queue.write_config(smarthost)
    body = "x" * 70 + "\n"
    for _ in range(8):
        queue.submit("b@b.example", stdin=message(body * 60000),
                     **user(ALICE))
    with queue.daemon():
        queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB)).expect(0)
        assert [GOOD] in [m.recipients for m in smarthost.messages]
        smarthost.wait_for_messages(9)


def test_memory_taken_by_a_few_users(queue, smarthost):
    """What waits after their slow mail leaves room for one more user's."""
    slow = [4003, 4004]
    gate = threading.Event()
    smarthost.on_message = lambda message: \
        message.reverse_path != "slow@a.example" or gate.wait(PATIENCE)
    queue.write_config(smarthost, connections=3)
    for uid in slow:
        for _ in range(130):
            queue_id = random_id()
            queue.write_drop(queue_id, message_file(
                queue_id, sender="slow@a.example"), uid=uid)
    with queue.daemon() as daemon:
        daemon.wait_for("uid=400[34]", 256)
        for _ in range(3):
            queue.sendmail("-odi", GOOD, stdin=message(),
                           **user(BOB)).expect(0)
        assert [m.recipients for m in smarthost.messages] == [[GOOD]] * 3
        assert 1 <= len(queue.names("queue")) < 20     # not all of them
        gate.set()
        smarthost.wait_for_messages(3 + 2 * 130)
        daemon.wait_until_removed(3 + 2 * 130)


# Disk

@pytest.mark.parametrize("sender", ["<>", "no@b.example"])
def test_full_share_of_failed(queue, smarthost, sender):
    """The first ones are kept there; more of a user is held in queue/ until
    there is room, also over a restart; others are kept in failed/ still. What
    cannot go or come back is a message, or a report on one."""
    smarthost.recipients["no@b.example"] = "550 5.1.1 no"
    queue.write_config(smarthost)
    report = {"uid": DAEMON.pw_uid, "lines": [f"uid {ALICE}"]}
    for queue_id in place(queue, 1000, **(report if sender != "<>" else {})):
        (queue.spool / "queue" / queue_id).rename(
            queue.spool / "failed" / queue_id)
    full = queue.names("failed")
    with queue.daemon() as daemon:
        queue.sendmail("-f", sender, "no@b.example", stdin=message(),
                       **user(ALICE)).expect(0)
        more = daemon.wait_for(f"([0-9a-f]+): .* uid={ALICE} has as much in "
                               "failed/ as one user may have")[1]
        queue.sendmail("-f", sender, "no@b.example", stdin=message(),
                       **user(BOB)).expect(0)
        other = daemon.wait_for("([0-9a-f]+): .* it is in .*failed now")[1]
        assert set(queue.names("failed")) == {*full, other, f"{other}.state"}
        assert queue.status()["troubles"][1]["kind"] == "no-room"
        (item,) = queue.listing()
        assert "no room left in failed/" in item["reason"]
        found = queue.postrider("check").stdout.decode()
        assert "1 message in queue cannot be delivered or returned" in found
    with queue.daemon() as daemon:
        assert queue.names("queue") == [more]
        (queue.spool / "failed" / full[0]).unlink()
        queue.sendmail("-q").expect(0)
        daemon.wait_for(f"{more}: .* it is in .*failed now")
        assert queue.names("queue") == []


def test_recipients_count_as_octets(queue, smarthost):
    """A message to very many is small, and its files are large."""
    queue.write_config(smarthost)
    hold_large(queue, (2 << 30) - 10 * MEBIBYTE, recipients=100000)
    waiting = queue.submit("b@b.example", stdin=message(), **user(ALICE))
    with queue.daemon() as daemon:
        daemon.wait_for(f"drop: uid={ALICE} has as much in queue/ as one "
                        "user may have")
        assert queue.names("drop") == [waiting]


def test_full_share_of_the_queue(queue, smarthost):
    """More of a user stays in drop/ until there is room; others go on."""
    queue.write_config(smarthost)
    kept = [hold_large(queue, 1 << 30) for _ in range(3)]
    waiting = queue.submit("b@b.example", stdin=message(), **user(ALICE))
    with queue.daemon() as daemon:
        daemon.wait_for(f"drop: uid={ALICE} has as much in queue/ as one "
                        "user may have")
        queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB)).expect(0)
        assert [m.recipients for m in smarthost.messages] == [[GOOD]]
        assert queue.names("drop") == [waiting]
        for queue_id in kept[:2]:
            queue.postrider("queue", "remove", queue_id).expect(0)
        smarthost.wait_for_messages(2)
        assert smarthost.messages[1].recipients == ["b@b.example"]


def test_reports_in_a_full_share_of_the_queue(queue, smarthost):
    """They are stored all the same, and count for the user whose messages they
    report on, also over a restart: more of that user's mail waits."""
    smarthost.recipients["no@b.example"] = "550 5.1.1 no"
    smarthost.recipients["alice@a.example"] = "450 4.2.1 busy"
    queue.write_config(smarthost)
    hold_large(queue, (2 << 30) - 1000)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "alice@a.example", "no@b.example",
                       stdin=message(), **user(ALICE)).expect(0)
        report = daemon.wait_for("non-delivery notification: ([0-9a-f]+)")[1]
        daemon.wait_for(f"{report}: .* status=deferred")
    full = f"drop: uid={ALICE} has as much in queue/ as one user may have"
    waiting = queue.submit("b@b.example", stdin=message(), **user(ALICE))
    with queue.daemon() as daemon:
        daemon.wait_for(full)
        queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB)).expect(0)
        assert [m.recipients for m in smarthost.messages] == [[GOOD]]
        assert queue.names("drop") == [waiting]
        queue.postrider("queue", "remove", report).expect(0)
        smarthost.wait_for_messages(2)
        assert smarthost.messages[1].recipients == ["b@b.example"]


SUBMIT = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b"\\r\\n".join([
    b"EHLO here", b"MAIL FROM:<%s>" % sys.argv[2].encode(),
    b"RCPT TO:<b@b.example>", b"DATA", b"Subject: x", b"", b"x", b".",
    b"QUIT", b""]))
assert b"\\n221 " in client.makefile("rb").read()
"""


def test_full_share_of_a_client_of_the_socket(queue, smarthost):
    """The file is the daemon's, and counts for the client: it waits in drop/
    like any other of that user."""
    path = queue.run_folder / "smtp"
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    held = hold_large(queue, 2 << 30)
    with queue.daemon() as daemon:
        for name, uid in (("alice", ALICE), ("bob", BOB)):
            queue.run_other(("python3", "-c", SUBMIT, str(path),
                             f"{name}@a.example"), **user(uid)).expect(0)
        (sent,) = smarthost.wait_for_messages(1)
        assert sent.reverse_path == "bob@a.example"
        daemon.wait_for(f"drop: uid={ALICE} has as much in queue/ as one "
                        "user may have")
        daemon.wait_for(": removed")
        assert len(queue.names("drop")) == 1
        queue.postrider("queue", "remove", held).expect(0)
        smarthost.wait_for_messages(2)
