"""What administrators and users see of the queue, and what they do to it."""

import contextlib
import os
import pathlib
import pwd
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import time

import pytest

from lib.harness import ROOT, message
from lib.preload import Preload
from lib.queue import (ALICE, BOB, DAEMON, ID, IS_ROOT, as_root, message_file,
                       on_terminal, random_id, user)

TO = "b@b.example"


def fill(queue, *recipients, uid=ALICE, sender="a@a.example"):
    """One message for each, kept because no server listens."""
    for recipient in recipients:
        queue.sendmail("-f", sender, recipient, stdin=message(),
                       **user(uid)).expect(0)


@pytest.fixture
def down(queue):
    """A queue whose smarthost is down, and its daemon."""
    queue.write_config(1, settings={"retry_first": "1h",
                                    "retry_longest": "1h"})
    with queue.daemon() as daemon:
        yield queue, daemon


def wait_listed(queue, daemon, count):
    daemon.wait(lambda: len(queue.listing()) == count)
    return queue.listing()


def test_mailq(down):
    queue, daemon = down
    result = queue.run("mailq").expect(0)
    assert result.stdout == b"Mail queue is empty\n"
    fill(queue, TO, "c@b.example")
    daemon.wait_for("is down")
    wait_listed(queue, daemon, 2)
    text = queue.run("mailq").expect(0).stdout.decode()
    lines = text.splitlines()
    assert lines[0].startswith("-Queue ID-")
    assert re.fullmatch(r"-- [0-9]+ Kbytes in 2 Requests\.", lines[-1])
    assert re.search(r"(?m)^[0-9A-F]{32}  +[0-9]+ [A-Z][a-z]{2} [A-Z][a-z]{2} "
                     r"[ 0-9]{2} [0-9:]{8}  a@a\.example$", text), text
    assert re.search(r"(?m)^ +b@b\.example$", text)
    assert re.search(r"(?m)^ *\(.*refused.*\)$", text), text
    same = queue.sendmail("-bp").expect(0)
    assert same.stdout.decode() == text
    assert queue.postrider("queue", "list").expect(0).stdout.decode() == text
    assert queue.sendmail("-bP").expect(0).stdout == b"2\n"


def test_what_was_accepted_is_listed(queue):
    """At once, also before the daemon has taken it."""
    queue.write_config(1)
    with queue.daemon():
        for number in range(1, 11):
            queue.sendmail(TO, stdin=message()).expect(0)
            assert queue.sendmail("-bP").expect(0).stdout == \
                b"%d\n" % number
        shown = queue.run("mailq", **user(BOB)).expect(0).stdout
        assert b"Total requests: 10" in shown


def test_json(down):
    queue, daemon = down
    fill(queue, TO)
    (item,) = wait_listed(queue, daemon, 1)
    assert item["sender"] == "a@a.example"
    assert item["recipients"] == [TO]
    assert item["uid"] == (ALICE if IS_ROOT else os.getuid())
    assert item["state"] in ("waiting", "active")
    assert item["size"] > 100 and item["arrival_time"] > 1700000000
    daemon.wait_for("is down")
    (item,) = queue.listing()
    assert 0 <= item["next_attempt_time"] - item["arrival_time"] < 3700


def test_show(down):
    queue, daemon = down
    fill(queue, TO)
    (item,) = wait_listed(queue, daemon, 1)
    shown = queue.postrider("queue", "show", item["queue_id"]).expect(0)
    assert b"a@a.example" in shown.stdout and TO.encode() in shown.stdout
    queue.postrider("queue", "show", "0" * 32).expect(66)


def capitals(queue_id):
    return queue_id.upper().encode()


def test_log_names_what_the_sender_knows(queue):
    """Message-ID and From, folded or odd as they are; none where there is
    none."""
    queue.write_config(1)
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message(
            From="=?utf-8?q?A=C3=A4?= (x) <shop@c.example>, other@c.example",
            Message_ID="\n <1.\x1b[2J@c.example>")).expect(0)
        line = daemon.wait_for("nrcpt=1.*").group()
        assert line == "nrcpt=1, message-id=<1.\\x1b[2J@c.example>, " \
            "header-from=<shop@c.example>"


def test_show_all_that_is_known(down):
    """Subject, age, next attempt, who sent it; and the message itself."""
    queue, daemon = down
    queue.sendmail("-f", "a@a.example", TO, stdin=message(
        Subject="a long\n tale")).expect(0)
    daemon.wait_for("is down")
    (item,) = wait_listed(queue, daemon, 1)
    shown = queue.postrider("queue", "show", item["queue_id"]).expect(0)
    facts = dict(line.split(": ", 1)
                 for line in shown.stdout.decode().splitlines())
    assert facts["queue-id"] == item["queue_id"].upper()
    assert facts["subject"] == "a long tale"
    assert facts["login"] == pwd.getpwuid(os.getuid()).pw_name
    assert re.search(r"\([0-9]+ s ago\)$", facts["arrival"])
    assert re.search(r"\(in [0-9]+ s\)$", facts["next-try"])
    whole = queue.postrider("queue", "show", "--message", item["queue_id"])
    assert b"\r\nSubject: a long\r\n tale\r\n" in whole.expect(0).stdout
    assert whole.stdout.endswith(b"\r\n")
    queue.postrider("queue", "hold", item["queue_id"]).expect(0)
    held = queue.postrider("queue", "show", item["queue_id"]).expect(0)
    assert b"\nnext-try: held, until postrider queue release\n" in held.stdout


def test_ids_as_people_type_them(down):
    """Capitals, beginnings, several, and those that a program prints."""
    queue, daemon = down
    fill(queue, TO, "c@b.example", "d@b.example")
    ids = [item["queue_id"] for item in wait_listed(queue, daemon, 3)]

    def held(*arguments, stdin=b""):
        result = queue.postrider("queue", "hold", *arguments,
                                 stdin=stdin).expect(0)
        states = [i["queue_id"] for i in queue.listing()
                  if i["state"] == "held"]
        queue.postrider("queue", "release", "all").expect(0)
        return result.stdout, sorted(states)

    assert held(ids[0].upper()) == (b"1 held\n", ids[:1])
    assert held(ids[0][:20]) == (b"1 held\n", ids[:1])
    assert held(ids[1], ids[2][:31].upper()) == (b"2 held\n", sorted(ids[1:]))
    assert held("-", stdin="\n".join(ids).encode()) == (b"3 held\n",
                                                       sorted(ids))
    mixed = queue.postrider("queue", "hold", "0" * 32, ids[0]).expect(66)
    assert mixed.stdout == b"1 held\n" and "0" * 32 in mixed.errors
    wrong = queue.postrider("queue", "show", "0" * 31).expect(64)
    assert "beginning" in wrong.errors


def test_retry_of_a_held_message(down):
    queue, daemon = down
    fill(queue, TO, "c@b.example")
    items = wait_listed(queue, daemon, 2)
    queue.postrider("queue", "hold", items[0]["queue_id"]).expect(0)
    told = queue.postrider("queue", "retry", items[0]["queue_id"]).expect(0)
    assert told.stdout == b"1 held, not tried until postrider queue release\n"
    told = queue.postrider("queue", "retry", "all").expect(0)
    assert told.stdout == b"1 will be tried now\n1 held, not tried " \
        b"until postrider queue release\n"


def test_retry_and_wait(queue, smarthost):
    """It ends when each message has been tried, and says what came of it."""
    smarthost.recipients["c@b.example"] = "451 4.2.0 not now"
    queue.write_config(smarthost, settings={"retry_first": "1h",
                                            "retry_longest": "1h"})
    smarthost.recipients[TO] = ["451 4.2.0 once"]
    with queue.daemon() as daemon:
        fill(queue, TO, "c@b.example", "d@b.example", "e@b.example")
        daemon.wait_until_removed(2)
        daemon.wait_for("status=deferred", 2)
        items = wait_listed(queue, daemon, 2)
        told = queue.postrider("queue", "retry", "--wait", "all").expect(75)
        assert told.stdout == b"2 will be tried now\n1 of 2 left the queue\n"
        assert "1 message waits still: " in told.errors
        assert "451 4.2.0 not now" in told.errors
        smarthost.recipients.clear()
        (item,) = queue.listing()
        lines = on_terminal(queue, "queue", "retry", "--wait",
                            item["queue_id"][:4])
        assert lines[0] == "1 will be tried now"
        assert lines[-1].endswith("1 of 1 left the queue")
        assert queue.listing() == []


def test_retry_ends_where_the_smarthost_is_down(down):
    queue, daemon = down
    fill(queue, TO, "c@b.example")
    wait_listed(queue, daemon, 2)
    told = queue.postrider("queue", "retry", "--wait", "all").expect(75)
    assert b"0 of 2 left the queue\n" in told.stdout
    assert "2 messages wait still: connect to " in told.errors


def test_table(down):
    """On a terminal: a line a message, and each reason once."""
    queue, daemon = down
    assert on_terminal(queue, "queue") == ["Mail queue is empty"]
    fill(queue, TO, "a-very-long-name-of-a-person@b.example")
    daemon.wait_for("is down")
    items = wait_listed(queue, daemon, 2)
    queue.postrider("queue", "hold", items[1]["queue_id"]).expect(0)
    head, *rows, reason, held = on_terminal(queue, "queue")
    assert head.split() == ["ID", "AGE", "TRIES", "SIZE", "FROM", "TO", "NEXT"]
    assert {row.split()[0] for row in rows} == \
        {item["queue_id"][:4].upper() for item in items}
    assert all(len(row) <= 80 and " a@a.example " in row for row in rows)
    assert sorted(bool(re.search(" in [0-9]+ (s|min)$", row)) for row in rows)\
        == [False, True]
    assert [row.endswith(" held") for row in rows].count(True) == 1
    assert re.match("1 waits: .*refused", max(reason, held, key=len))
    assert "1 waits: held by the administrator" in (reason, held)


@as_root
def test_what_was_given_up(queue, smarthost):
    """It is listed and shown, and can be tried again."""
    queue.write_config(smarthost)
    smarthost.recipients[TO] = "550 5.1.1 no such user"
    with queue.daemon() as daemon:
        queue.sendmail("-f", "<>", TO, stdin=message()).expect(0)
        daemon.wait_for("it is in .*/failed now")
        listed = queue.postrider("queue", "list", "--failed").expect(0)
        (queue_id,) = [n for n in queue.names("failed") if ID.fullmatch(n)]
        assert capitals(queue_id) in listed.stdout
        assert b"no such user" in listed.stdout and TO.encode() in \
            listed.stdout
        assert b"given up" in queue.postrider("queue", "show", queue_id
                                              ).expect(0).stdout
        queue.postrider("queue", "requeue", queue_id, **user(ALICE)).expect(77)
        smarthost.recipients.clear()
        told = queue.postrider("queue", "requeue", queue_id[:8].upper())
        assert told.expect(0).stdout == b"1 queued again\n"
        daemon.wait_until_removed(1)
        assert queue.is_empty(), queue.files()
        queue.postrider("queue", "requeue", queue_id).expect(66)
        queue.postrider("queue", "requeue", "all").expect(66)
        none = queue.postrider("queue", "list", "--failed").expect(0)
        assert none.stdout == b"No message was given up\n"
    assert [m.recipients for m in smarthost.messages] == [[TO]]


@as_root
def test_users_see_their_own(down):
    queue, daemon = down
    fill(queue, TO)
    fill(queue, "c@b.example", uid=BOB)
    wait_listed(queue, daemon, 2)
    (alices,) = queue.listing(**user(ALICE))
    (bobs,) = queue.listing(**user(BOB))
    assert alices["recipients"] == [TO]
    assert bobs["recipients"] == ["c@b.example"]
    assert len(queue.listing(**user(DAEMON.pw_uid))) == 2


@as_root
def test_users_count_all(down):
    """Monitoring is an ordinary user, and mail of root waits all the same."""
    queue, daemon = down
    other = user(4003)
    assert queue.run("mailq", **other).expect(0).stdout == \
        b"Mail queue is empty\n"
    assert queue.sendmail("-bP", **other).expect(0).stdout == b"0\n"
    fill(queue, TO)
    fill(queue, "c@b.example", uid=BOB)
    wait_listed(queue, daemon, 2)
    assert queue.run("mailq", **other).expect(0).stdout == \
        b"2 more of other users\n\t\tTotal requests: 2\n" \
        b"-- 1 Kbytes in 2 Requests.\n"
    bobs = queue.run("mailq", **user(BOB)).expect(0).stdout
    assert bobs.endswith(b"\n1 more of other users\n"
                         b"\t\tTotal requests: 2\n-- 1 Kbytes in 2 Requests.\n")
    assert TO.encode() not in bobs
    for uid in (4003, BOB, 0):
        assert queue.sendmail("-bP", **user(uid)).expect(0).stdout == b"2\n"


@as_root
def test_users_change_their_own_only(down):
    queue, daemon = down
    fill(queue, TO)
    fill(queue, "c@b.example", uid=BOB)
    items = {i["uid"]: i["queue_id"] for i in wait_listed(queue, daemon, 2)}
    queue.postrider("queue", "remove", items[BOB], **user(ALICE)).expect(66)
    queue.postrider("queue", "hold", items[ALICE], **user(ALICE)).expect(77)
    assert len(queue.listing()) == 2
    queue.postrider("queue", "remove", "all", **user(ALICE)).expect(0)
    (left,) = queue.listing()
    assert left["uid"] == BOB


@as_root
def test_users_do_not_try_a_refused_password(queue, tls_smarthost):
    """Providers lock accounts for that."""
    queue.write_config(tls_smarthost, password="wrong")
    with queue.daemon() as daemon:
        fill(queue, TO)
        fill(queue, TO, uid=BOB)
        daemon.wait_for("smarthost host0 is parked")
        daemon.wait(lambda: not daemon.workers())
        before = len(tls_smarthost.sessions)
        refused = queue.sendmail("-q", **user(BOB)).expect(75)
        assert b"host0 is parked" in refused.stderr
        for arguments in (("flush",), ("retry", "all")):
            refused = queue.postrider("queue", *arguments, **user(BOB))
            assert b"less than a minute ago" in refused.expect(77).stderr
        refused = queue.sendmail("-qRb@", **user(BOB)).expect(75)
        assert b"less than a minute ago" in refused.stderr
        # The daemon answers one after the other: these came first.
        assert queue.status()["smarthosts"][0]["workers"] == 0
        assert len(tls_smarthost.sessions) == before
        queue.sendmail("-q", **user(DAEMON.pw_uid)).expect(0)
        tls_smarthost.wait(lambda: len(tls_smarthost.sessions) > before)


@as_root
def test_users_have_their_own_tried(queue, smarthost):
    """The others wait for their time."""
    queue.write_config(smarthost, settings={"retry_first": "1h",
                                            "retry_longest": "1h"})
    smarthost.recipients.update({"a@b.example": ["451 4.2.0 not now"],
                                 "b@b.example": ["451 4.2.0 not now"]})
    with queue.daemon() as daemon:
        fill(queue, "a@b.example")
        fill(queue, "b@b.example", uid=BOB)
        daemon.wait_for("status=deferred|outcome=deferred", 2)
        queue.sendmail("-q", **user(BOB)).expect(0)
        daemon.wait_until_removed(1)
        queue.sendmail("-q", **user(BOB)).expect(75)
        (left,) = queue.listing()
        assert left["uid"] == ALICE and left["state"] == "waiting"
    assert [m.recipients for m in smarthost.messages] == [["b@b.example"]]


@as_root
def test_while_the_daemon_is_down(queue):
    """Root reads the spool; others are told why they cannot."""
    queue.write_config(1)
    with queue.daemon() as daemon:
        fill(queue, "first@b.example")
        daemon.wait_for("is down")
        wait_listed(queue, daemon, 1)
    fill(queue, "second@b.example")
    items = sorted(queue.listing(), key=lambda i: i["recipients"])
    assert [i["recipients"] for i in items] == [["first@b.example"],
                                                ["second@b.example"]]
    assert all(i["arrival_time"] > 1700000000 for i in items), items
    assert all(i["uid"] == ALICE for i in items)
    listed = queue.run("mailq").expect(0)
    assert b"in 2 Requests." in listed.stdout
    assert listed.errors == "mailq: no daemon is running, nothing is " \
        "delivered: start postrider daemon\n"
    # Where both are one, monitoring sees the last line as ever.
    both = queue.run_other(["sh", "-c", f"exec {queue.build}/mailq 2>&1"])
    assert both.stdout.startswith(listed.stderr)
    assert both.stdout.endswith(listed.stdout)
    result = queue.run("mailq", **user(ALICE)).expect(69)
    assert len(result.errors.splitlines()) == 1
    assert result.stdout == b""
    for command in (["status"], ["queue", "hold", "all"], ["queue", "flush"],
                    ["queue", "remove", items[0]["queue_id"]]):
        told = queue.postrider(*command).expect(69).errors
        assert told == f"postrider: no daemon listens at {queue.control}; " \
            "start postrider daemon\n"
    assert "start postrider daemon" in queue.sendmail("-q").expect(69).errors


def test_an_empty_queue_needs_no_daemon(queue):
    queue.write_config(1)
    result = queue.run("mailq").expect(0)
    assert (result.stdout, result.stderr) == (b"Mail queue is empty\n", b"")


@pytest.mark.parametrize("command, status, text", [
    (["list"], 0, b"Mail queue is empty\n"), (["list", "--json"], 0, b""),
    (["flush"], 0, b""), (["show", "0" * 32], 66, b""),
    (["remove", "all"], 66, b"")])
def test_direct_delivery_has_no_queue(queue, command, status, text):
    """Its users hear nothing of a daemon, which they cannot have."""
    queue.write_config(1, settings={"delivery": "direct"})
    result = queue.postrider("queue", *command).expect(status)
    assert result.stdout == text and "daemon" not in result.errors
    assert queue.postrider("status").expect(69).errors == \
        "postrider: there is no daemon with delivery = direct\n"


def test_hold_and_release(queue, smarthost):
    """Held is held: over flushes and restarts, until it is released."""
    queue.write_config(1)
    with queue.daemon() as daemon:
        fill(queue, TO)
        (item,) = wait_listed(queue, daemon, 1)
        queue_id = item["queue_id"]
        daemon.wait_for("is down")
        daemon.wait(lambda: queue.postrider("queue", "hold", queue_id)
                    .status == 0 and queue.listing()[0]["state"] == "held")
        assert re.search(rb"(?m)^[0-9A-F]{32}! ", queue.run("mailq").stdout)
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        fill(queue, "other@b.example")
        daemon.wait_until_removed(1)
        queue.sendmail("-q").expect(0)
        queue.postrider("queue", "retry", "all").expect(0, 66)
        fill(queue, "other@b.example")
        daemon.wait_until_removed(2)
        assert [i["state"] for i in queue.listing()] == ["held"]
        assert queue.status()["held"] == 1
        queue.postrider("queue", "release", queue_id).expect(0)
        daemon.wait_until_removed(3)
    assert [m.recipients for m in smarthost.messages][-1] == [TO]


def test_hold_that_cannot_be_written(down):
    """It would not outlive the daemon: it is not done, and said so."""
    queue, daemon = down
    fill(queue, TO, "c@b.example")
    items = wait_listed(queue, daemon, 2)
    daemon.wait(lambda: len(queue.names("queue")) == 2)
    first, second = (item["queue_id"] for item in items)
    queue.postrider("queue", "hold", first).expect(0)
    states = queue.spool / "state"
    states.chmod(0o500)
    for action, queue_id, state in (("hold", second, "waiting"),
                                    ("release", first, "held")):
        told = queue.postrider("queue", action, queue_id).expect(75)
        assert told.stdout == b""
        assert "1 not changed: that cannot be written; the log has" \
            in told.errors
        assert {i["queue_id"]: i["state"] for i in queue.listing()}[queue_id] \
            == state
    states.chmod(0o700)
    queue.postrider("queue", "release", first).expect(0)


def test_hold_while_a_worker_has_it(queue, smarthost):
    """It is held when it comes back."""
    queue.write_config(smarthost)
    smarthost.recipients[TO] = "451 4.2.0 not now"
    gate = smarthost.hold("MAIL")
    with queue.daemon() as daemon:
        fill(queue, TO)
        smarthost.wait_for_command("MAIL")
        (item,) = queue.listing()
        assert item["state"] == "active"
        queue.postrider("queue", "hold", item["queue_id"]).expect(0)
        gate.set()
        daemon.wait_for("status=deferred")
        (item,) = queue.listing()
        assert item["state"] == "held"


def test_remove(down):
    queue, daemon = down
    fill(queue, TO, "c@b.example", "d@b.example")
    items = wait_listed(queue, daemon, 3)
    queue.postrider("queue", "remove", items[0]["queue_id"]).expect(0)
    assert len(queue.listing()) == 2
    queue.postrider("queue", "remove", items[0]["queue_id"]).expect(66)
    queue.postrider("queue", "remove", "all").expect(0)
    assert queue.listing() == []
    daemon.wait(queue.is_empty)


@contextlib.contextmanager
def removing(queue, smarthost, command):
    """Yields the gate of a command; then what `queue remove all` printed, which
    was run while a worker had the message."""
    gate = smarthost.hold(command)
    fill(queue, TO)
    smarthost.wait_for_command(command)
    process = subprocess.Popen(
        [str(queue.build / "postrider"), "queue", "remove", "all"],
        stdout=subprocess.PIPE, env=queue.environment())
    told = []
    try:
        yield gate, process, told
    finally:
        told.append(process.communicate(timeout=30)[0])


def test_remove_while_a_worker_has_it(queue, smarthost):
    queue.write_config(smarthost)
    smarthost.recipients[TO] = "451 4.2.0 not now"
    with queue.daemon() as daemon:
        with removing(queue, smarthost, "MAIL") as (gate, process, told):
            wait_until_it_waits(queue, process)
            assert not daemon.find("removed by")
            gate.set()
            daemon.wait_for("status=deferred")
            daemon.wait_for("removed on request")
        assert told == [b"1 removed\n"] and process.returncode == 0
        assert queue.listing() == []
        assert queue.is_empty(), queue.files()


def test_remove_comes_too_late(queue, smarthost):
    """A message is removed, or delivered, and never told to be both."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        with removing(queue, smarthost, "BDAT") as (gate, process, told):
            wait_until_it_waits(queue, process)
            gate.set()
            daemon.wait_for("status=sent")
            daemon.wait_until_removed(1)
        assert told == [b"1 had left already: delivered\n"]
        assert process.returncode == 0
        assert not daemon.find("removed by")


def test_remove_does_not_wait_for_ever(queue, smarthost):
    queue.write_config(smarthost)
    with queue.daemon():
        with removing(queue, smarthost, "BDAT") as (gate, process, told):
            process.wait(30)
            gate.set()
    assert told == [b"1 on the way: removed unless delivered now\n"]


def wait_until_it_waits(queue, process):
    """Until the daemon has answered all but the request for an outcome."""
    end = time.monotonic() + 30
    seen = 0
    while seen < 3:
        assert time.monotonic() < end and process.poll() is None
        folder = pathlib.Path(f"/proc/{process.pid}/fd")
        with contextlib.suppress(FileNotFoundError):
            links = [os.readlink(path) for path in folder.iterdir()]
            sockets = [link for link in links if link.startswith("socket:")]
            seen = seen + 1 if len(sockets) == 1 else 0
        time.sleep(0.02)


@pytest.mark.parametrize("arguments", [
    ("hold",), ("hold", "x"), ("remove", "../../etc/passwd"), ("explode",),
    ("list", "--xml"), ("list", "--jso"), ("list", "--"), ("hold", "--json"),
    ("show", "--message"), ("flush", "all"), ("requeue",),
    ("release", "0" * 31), ("retry", "all", "all"), ("retry", "--wait"),
    ("hold", "--wait", "all")])
def test_usage(queue, arguments):
    queue.write_config(1)
    queue.postrider("queue", *arguments).expect(64)


@pytest.mark.parametrize("flag, chosen", [
    ("-qRc@", ["c@b.example"]), ("-qSx@shop", ["x@b.example"]),
    ("-q!R@b.example", []), ("-q!Rc@b", ["b@b.example", "x@b.example"]),
    ("-qI{id}", ["c@b.example"]), ("-qI{capitals}", ["c@b.example"])])
def test_selective_runs(queue, smarthost, flag, chosen):
    """-qI, -qR, -qS: only what matches leaves."""
    smarthost.recipients.update({name: "451 4.2.0 not now" for name in (
        "b@b.example", "c@b.example", "x@b.example")})
    queue.write_config(smarthost, settings={"retry_first": "1h",
                                            "retry_longest": "1h"})
    with queue.daemon() as daemon:
        fill(queue, "b@b.example", "c@b.example")
        fill(queue, "x@b.example", sender="x@shop.example")
        daemon.wait_for("status=deferred", 3)
        id_of = {i["recipients"][0]: i["queue_id"] for i in queue.listing()}
        smarthost.recipients.clear()
        queue_id = id_of["c@b.example"]
        queue.sendmail(flag.format(id=queue_id, capitals=queue_id.upper())
                       ).expect(0)
        daemon.wait_until_removed(len(chosen))
        assert sorted(r for m in smarthost.messages for r in m.recipients) \
            == chosen
        assert len(queue.listing()) == 3 - len(chosen)


def test_status_and_metrics(queue, smarthost):
    metrics = queue.run_folder / "metrics.prom"
    smarthost.recipients["later@b.example"] = "451 4.2.0 not now"
    queue.write_config(smarthost, settings={"metrics": str(metrics),
                                            "retry_first": "1h",
                                            "retry_longest": "1h"})
    with queue.daemon() as daemon:
        fill(queue, TO, "later@b.example")
        daemon.wait_for("status=deferred")
        daemon.wait_until_removed(1)
        status = queue.status()
        assert status["queued"] == 1 and status["accepted"] == 2
        assert status["delivered"] == 1 and status["deferrals"] == 1
        assert status["failed"] == 0 and status["held"] == 0
        assert status["oldest"] > 1700000000
        (host,) = status["smarthosts"]
        assert (host["name"], host["state"]) == ("host0", "up")
        text = queue.postrider("status").expect(0).stdout.decode()
        assert "queued 1\n" in text
        assert "smarthost host0 up " in text
        assert not re.search("(?m) $", text), text
    text = metrics.read_text()
    assert stat.S_IMODE(metrics.stat().st_mode) == 0o644
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) postrider_[a-z_]+ .+|postrider_'
                            r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.]+', line)
    assert "postrider_delivered_recipients_total 1\n" in text, \
        "written once more at the end"
    assert "postrider_queued_messages 1\n" in text
    assert "postrider_delivery_seconds_count 1\n" in text
    for outcome, count in (("delivered", 1), ("deferred", 1), ("failed", 0)):
        assert 'postrider_attempts_total{smarthost="host0",' \
            f'outcome="{outcome}"}} {count}\n' in text
    assert time.time() - 3600 < int(re.search(
        r"(?m)^postrider_last_delivery_timestamp_seconds (\d+)$",
        text).group(1))


def test_metrics_of_an_idle_daemon(queue):
    """They are renewed every 15 seconds, also where nothing else happens. The
    daemon's clock is ahead by all that it should have waited."""
    clock = Preload(queue.folder, "long_wait", [0])
    metrics = queue.run_folder / "metrics.prom"
    queue.write_config(1, settings={"metrics": str(metrics)})
    written = set()

    def is_renewed():
        if metrics.exists():
            written.add(metrics.stat().st_mtime_ns)
        return len(written) > 4

    with queue.daemon(env=clock.environment) as daemon:
        daemon.wait(is_renewed)
    longest, = clock.read()
    assert 10000 < longest <= 15000, "milliseconds"


@pytest.mark.parametrize("command", ["daemon", "queue", "status", "check",
                                     "test", "import", "setup", "direct"])
def test_help_of_each_command(queue, command):
    text = queue.postrider(command, "--help").expect(0).stdout.decode()
    assert text.startswith(f"usage: postrider {command}")
    assert max(map(len, text.splitlines())) <= 80 or command == "setup"
    page = re.fullmatch(r"(\S+)\((\d)\) is the reference\.",
                        text.splitlines()[-1])
    page = ROOT / "packaging" / "man" / f"{page[1]}.{page[2]}"
    assert f".Cm {command}" in page.read_text()


@pytest.mark.parametrize("typed, meant", [
    ("statsu", "status"), ("chekc", "check"), ("que", "queue"),
    ("explode", None)])
def test_slips_of_the_fingers(queue, typed, meant):
    wrong = queue.postrider(typed).expect(64).errors
    assert (f'is "{meant}" meant?' in wrong) == (meant is not None)


def test_missing_socket_in_a_container(queue):
    """The folder was not mounted; elsewhere the daemon does not run."""
    missing = queue.folder / "missing" / "control"
    queue.write_config(1, settings={"control": str(missing)})
    told = queue.postrider("status", env={"container": "podman"}).expect(69)
    assert f"{missing} is missing in this container; mount" in told.errors


def test_verbose_submission(queue, smarthost):
    """-v names the message, and with -odi what came of it."""
    queue.write_config(smarthost)
    told = queue.sendmail("-v", TO, stdin=message()).expect(0).stdout.decode()
    (queue_id,) = queue.names("drop")
    assert told == f"queued as {queue_id}\n"
    smarthost.recipients["c@b.example"] = "451 4.2.0 not now"
    smarthost.recipients["d@b.example"] = "550 5.1.1 no such user"
    smarthost.recipients["e@b.example"] = "550 5.1.2 no such domain"
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
        for recipient, status, outcome in (
                (TO, 0, "sent: b@b.example 2.0.0 "),
                ("c@b.example", 0, "deferred, it stays queued: c@b.example "
                 "4.2.0 451 4.2.0 not now"),
                ("d@b.example", 67, "refused: d@b.example 5.1.1 550 5.1.1"),
                ("e@b.example", 68, "refused: e@b.example 5.1.2 550 5.1.2")):
            told = queue.sendmail("-v", "-odi", recipient, stdin=message()
                                  ).expect(status).stdout.decode()
            assert re.match(f"queued as [0-9a-f]{{32}}\n{outcome}", told), told


def test_advice_of_an_attempt_that_is_waited_for(queue, smarthost):
    """The same as in the log and in direct delivery."""
    smarthost.replies["MAIL"] = "553 5.7.1 Sender address rejected: not owned"
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        told = queue.sendmail("-odi", TO, stdin=message()).expect(69).errors
        assert "not owned; send from an address of the account: " in told
        assert daemon.find(r"not owned; send from an address of the account: ")


def test_json_of_status_is_complete(queue, tls_smarthost):
    """What waits for a person is a member, with what that person can do."""
    queue.write_config(settings={"aliases": ""})
    with queue.daemon() as daemon:
        told = queue.status()
        assert (told["smarthosts"], told["troubles"]) == ([], [])
        assert (told["down"], told["parked"]) == (0, 0)
        assert "no smarthost is configured: run postrider setup" in \
            queue.postrider("status").expect(0).stdout.decode()
    queue.write_config(tls_smarthost, password="wrong")
    name = random_id()
    give_up(queue, name)
    with queue.daemon() as daemon:
        fill(queue, TO)
        daemon.wait_for("parked")
        told = queue.status()
        assert (told["down"], told["parked"]) == (0, 1)
        (host,) = told["smarthosts"]
        assert host["state"] == "parked"
        assert host["remedy"] == "correct that, then run: postrider queue flush"
        (trouble,) = told["troubles"]
        assert (trouble["kind"], trouble["count"]) == ("given-up", 1)
        assert "postrider-queue(8)" in trouble["remedy"]


def give_up(queue, name):
    path = queue.spool / "failed" / name
    path.write_bytes(message_file(name))
    queue.give(path)


def test_unknown_names_in_status(queue):
    queue.write_config(1)
    queue.postrider("status", "--xml").expect(64)


def test_actions_are_listed(queue):
    queue.write_config(1)
    text = queue.postrider("queue", "--help").expect(0).stdout.decode()
    actions = re.findall(r"(?m)^  ([a-z]+) ", text)
    assert actions == ["list", "show", "hold", "release", "retry", "remove",
                       "requeue", "flush", "resubmit"]
    wrong = queue.postrider("queue", "move").expect(64).errors
    assert all(action in wrong for action in actions)
    assert 'is "list" meant?' in queue.postrider("queue", "lst").errors
    for action in actions:
        asked = queue.postrider("queue", action, "--help").expect(0)
        assert text.startswith(asked.stdout.decode())


def test_name_with_blanks_in_status(queue):
    queue.write_config(extra='smarthost "my up 1 host" { host = localhost '
                             'port = 1 tls = none auth = none }\n')
    with queue.daemon() as daemon:
        fill(queue, TO)
        daemon.wait_for("is down")
        (smarthost,) = queue.status()["smarthosts"]
        assert smarthost["name"] == "my up 1 host"
        assert smarthost["state"] == "down" and smarthost["jobs"] == 0
        found = queue.postrider("check").stdout.decode()
        assert "smarthost my up 1 host is down: " in found


# The daemon as a process

def test_only_one(queue, smarthost):
    """Two daemons would send everything twice."""
    queue.write_config(smarthost)
    with queue.daemon():
        second = queue.start(ready=False)
        assert second.wait_end() == 78
        assert "another daemon" in second.log


def test_start_in_the_background(queue):
    """-bd: the exit status is that of the start, and says what to do."""
    queue.write_config(1)
    queue.sendmail("-bd").expect(0)
    try:
        assert queue.status()["queued"] == 0
        second = queue.sendmail("-bd").expect(78)
        assert "in use by another daemon; to start again, " in second.errors
    finally:
        end_background_daemon(queue)


def end_background_daemon(queue):
    """It is the one that answers at the control socket, and its parent."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(queue.control))
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED,
                                      struct.calcsize("3i"))
    manager = struct.unpack("3i", credentials)[0]
    stat = pathlib.Path(f"/proc/{manager}/stat").read_text()
    launcher = int(stat.rpartition(")")[2].split()[1])
    ended = os.pidfd_open(launcher)
    os.kill(launcher, signal.SIGTERM)
    select.select([ended], [], [], 30)
    os.close(ended)


@as_root
@pytest.mark.parametrize("program, arguments", [
    ("postrider", ["daemon"]), ("sendmail", ["-bd"]), ("sendmail", ["-bD"])])
@pytest.mark.parametrize("spoil", [
    lambda spool: None,
    lambda spool: (spool / "queue").rmdir(),        # not made yet
    lambda spool: os.chown(spool / "queue", 0, 0)])
def test_started_by_the_wrong_user(queue, program, arguments, spoil):
    """No command is printed that would give the spool to the caller."""
    queue.write_config(1)
    spoil(queue.spool)
    refused = queue.run(program, *arguments, **user(ALICE)).expect(77)
    assert f"belongs to user {DAEMON.pw_name}; start the daemon as root or " \
        "as that user" in refused.errors
    assert "chown" not in refused.errors and "install" not in refused.errors


def test_only_one_whatever_the_socket(queue, smarthost):
    queue.write_config(smarthost)
    with queue.daemon():
        queue.write_config(smarthost, settings={
            "control": str(queue.run_folder / "other")})
        second = queue.start(ready=False)
        assert second.wait_end() == 78
        assert "another daemon" in second.log


@as_root
@pytest.mark.parametrize("folder, change, remedy", [
    ("drop", lambda p: p.chmod(0o1733), "chmod 3733"),
    ("drop", lambda p: os.chown(p, 0, DAEMON.pw_gid), "chown"),
    ("drop", lambda p: (os.chown(p, DAEMON.pw_uid, 0), p.chmod(0o3733)),
     "chgrp"),
    ("queue", lambda p: p.chmod(0o755), "chmod 0700"),
    ("state", lambda p: os.chown(p, 0, 0), "chown"),
    ("failed", lambda p: p.rmdir(), "install -d"),
    ("", lambda p: p.chmod(0o777), "chmod 0755"),
    ("", lambda p: os.chown(p, ALICE, ALICE), "chown")])
def test_wrong_spool(queue, folder, change, remedy):
    """It does not start, and says how to mend it."""
    queue.write_config(1)
    change(queue.spool / folder)
    daemon = queue.start(ready=False)
    assert daemon.wait_end() == 78
    assert remedy in daemon.log


@as_root
def test_becomes_its_user(queue, smarthost):
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        status = open(f"/proc/{daemon.pid}/status").read()
        assert re.search(rf"(?m)^Uid:(\s+{DAEMON.pw_uid}){{4}}$", status)
        assert re.search(rf"(?m)^Gid:(\s+{DAEMON.pw_gid}){{4}}$", status)
        assert re.search(r"(?m)^NoNewPrivs:\s+1$", status)


def test_reload(queue, make_smarthost):
    """SIGHUP: the new configuration counts, and nothing is lost."""
    first, second = make_smarthost(), make_smarthost()
    queue.write_config(first)
    with queue.daemon() as daemon:
        fill(queue, TO)
        daemon.wait_until_removed(1)
        queue.write_config(second)
        here = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", after=here)
        fill(queue, TO)
        daemon.wait_until_removed(2)
    assert len(first.messages) == len(second.messages) == 1


def test_reload_is_proved_first(queue, smarthost):
    """What ExecReload of the unit asks."""
    queue.write_config(smarthost)
    assert queue.postrider("daemon", "--check").expect(0).errors == ""
    queue.config.write_text("nonsense = 1\n")
    assert "nonsense" in queue.postrider("daemon", "--check").expect(78).errors


def test_reload_of_a_wrong_configuration(queue, smarthost):
    """The old one stays in force."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        good = queue.config.read_text()
        queue.config.write_text("nonsense = 1\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("not reloaded: .*nonsense")
        queue.config.write_text(good)
        fill(queue, TO)
        daemon.wait_until_removed(1)
    assert daemon.count("daemon: started") == 1


def test_stop_waits_for_the_reply(queue, smarthost):
    """What a smarthost is about to accept is not sent again."""
    queue.write_config(smarthost)
    gate = smarthost.hold("BDAT")
    with queue.daemon() as daemon:
        fill(queue, TO)
        smarthost.wait_for_messages(1)
        daemon.signal(signal.SIGTERM)
        daemon.wait_for("stopping")
        gate.set()
        assert daemon.wait_end() == 0
    assert queue.is_empty(), queue.files()
    with queue.daemon():
        pass
    assert len(smarthost.messages) == 1


def test_stop_when_idle(queue, smarthost):
    """An idle session does not hold it up."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        fill(queue, TO)
        daemon.wait_until_removed(1)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait_end(timeout=4) == 0
        assert not queue.control.exists()
    assert smarthost.sessions[0].commands[-1] == "QUIT"


def notifications(sock, until):
    """Datagrams until one holds this text."""
    texts = []
    while not texts or until not in texts[-1]:
        texts.append(sock.recv(4096).decode())
    return texts


def test_sd_notify(queue, smarthost):
    path = queue.run_folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        path.chmod(0o666)
        sock.settimeout(20)
        queue.write_config(smarthost)
        daemon = queue.start(env={"NOTIFY_SOCKET": str(path),
                                  "WATCHDOG_USEC": "400000"})
        assert "READY=1" in notifications(sock, "READY=1")[0]
        texts = notifications(sock, "WATCHDOG=1")
        texts += notifications(sock, "WATCHDOG=1")
        assert any("STATUS=" in text for text in texts)
        daemon.signal(signal.SIGHUP)
        notifications(sock, "RELOADING=1")
        notifications(sock, "READY=1")
        daemon.signal(signal.SIGTERM)
        notifications(sock, "STOPPING=1")
        assert daemon.wait_end() == 0


def test_status_of_the_service(queue):
    """What systemctl status shows: what is wrong, and the way out."""
    path = queue.run_folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        path.chmod(0o666)
        sock.settimeout(20)
        queue.write_config(1)
        with queue.daemon(env={"NOTIFY_SOCKET": str(path)}) as daemon:
            fill(queue, TO)
            told = notifications(sock, "smarthost host0 is down: ")[-1]
            assert "refused" in told
            assert told.endswith(
                "; correct that, then run: postrider queue flush")
            queue.config.write_text("nonsense = 1\n")
            daemon.signal(signal.SIGHUP)
            told = notifications(sock, "configuration wrong")[-1]
            assert told.endswith("; configuration wrong, the old one is used: "
                                 "run postrider check")


@as_root
def test_without_a_smarthost(queue):
    """Start, first message and mailq have the reason why mail waits."""
    reason = "no smarthost is configured: run postrider setup"
    queue.write_config()
    with queue.daemon() as daemon:
        daemon.wait_for(f"mail is kept: {reason}")
        queue.write_drop("ab" * 16, message_file("ab" * 16))
        daemon.wait_for(f"ab: mail is kept: {reason}")
        wait_listed(queue, daemon, 1)
        assert f"({reason})" in queue.run("mailq").stdout.decode()


def test_status_for_people(down):
    queue, daemon = down
    told = queue.postrider("status").expect(0).stdout.decode().splitlines()
    assert told[:2] == ["the queue is empty", "host0: up"]
    fill(queue, TO)
    daemon.wait_for("host0 is down, .*; correct that, then run: postrider "
                    "queue flush$")
    wait_listed(queue, daemon, 1)
    told = on_terminal(queue, "status")
    assert re.fullmatch("1 message queued, 0 on the way, 0 held; the oldest "
                        "for [0-9]+ s", told[0])
    assert re.fullmatch(r"host0: down for [0-9]+ s, next try in [0-9]+ s: .*"
                        "refused.*", told[1])
    assert told[2:] == ["    correct that, then run: postrider queue flush"]
    (smarthost,) = queue.status()["smarthosts"]
    assert smarthost["since"] <= time.time() < smarthost["next_trial"] + 5


def test_a_successful_test_tells_the_daemon(queue, tls_smarthost):
    """The password is right again: what waits goes at once."""
    queue.write_config(tls_smarthost, password="wrong")
    with queue.daemon() as daemon:
        fill(queue, TO)
        daemon.wait_for("smarthost host0 is parked, .*; correct that, then "
                        "run: postrider queue flush$")
        daemon.wait(lambda: not daemon.workers())
        queue.write_config(tls_smarthost)
        queue.postrider("test").expect(0)
        daemon.wait_until_removed(1)


# The control socket

def connect(queue):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(queue.control))
    sock.settimeout(20)
    return sock


def test_nobody_stalls_it(queue, smarthost):
    """Clients that say nothing, wait for ever, or do not read keep nobody
    from the queue, and no mail."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        clients = [connect(queue) for _ in range(20)]
        for i, client in enumerate(clients):
            client.sendall(b"wait %032x\n" % i if i % 2 else b"li")
        fill(queue, TO)
        daemon.wait_until_removed(1)
        queue.postrider("queue", "list").expect(0)
        for client in clients:
            client.close()


def test_many_waiting_clients(queue, smarthost):
    """More of them than there is room for: the oldest give way."""
    queue.write_config(smarthost)
    with queue.daemon():
        clients = []
        for i in range(80):
            clients.append(connect(queue))
            with contextlib.suppress(BrokenPipeError):
                clients[-1].sendall(b"wait %032x\n" % i)
        result = queue.postrider("queue", "list").expect(0)
        assert result.seconds < 8
        result = queue.sendmail("-odi", TO, stdin=message()).expect(0)
        assert result.seconds < 8
        for client in clients:
            client.close()


@pytest.mark.parametrize("request_line", [
    b"\n", b"\0\0\n", b"nonsense\n", b"wait x\n", b"list" + b" " * 5000,
    b"hold ../../etc\n", b"run\n", b"run Z\n", b"run !\n", b"remove\n"])
def test_nonsense(queue, smarthost, request_line):
    queue.write_config(smarthost)
    with queue.daemon():
        with connect(queue) as client:
            client.sendall(request_line)
            with contextlib.suppress(ConnectionResetError):
                while client.recv(4096):
                    pass
        queue.postrider("queue", "list").expect(0)


def test_mail_goes_although_nobody_can_ask(queue, smarthost):
    """The folder of the control socket is missing and cannot be made."""
    queue.write_config(smarthost, settings={
        "control": "/proc/nowhere/control"})
    with queue.daemon() as daemon:
        daemon.wait_for("`mailq` will not work")
        queue.sendmail("-f", "a@a.example", "b@b.example",
                       stdin=message()).expect(0)
        daemon.wait_until_removed(1)
