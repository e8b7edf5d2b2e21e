"""What the system refuses is not the sender's fault: mail stays, is told of,
and goes when that is mended."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from lib.harness import ROOT, message
from lib.queue import (ALICE, BOB, DAEMON, as_root, limit_file_size,
                       message_file, queued_line, random_id, user)

FILTER = ROOT / "tests" / "lib" / "refusing.py"
NEW_CALLS = "openat2,memfd_create,faccessat2"


def refuse(queue, name, calls):
    """The program is run so from now on; others in queue.build are not."""
    real = queue.folder / f"real-{name}"
    real.mkdir(mode=0o755)
    shutil.copy(FILTER, queue.folder / "refusing.py")
    program = queue.build / name
    program.rename(real / name)
    program.write_text(f"#!/bin/sh\nexec /usr/bin/python3 "
                       f"{queue.folder}/refusing.py {calls} {real}/{name} "
                       '"$@"\n')
    program.chmod(0o755)


def greeting_at(path, clients):
    """Of a connection that is open as long as the others."""
    client = clients.enter_context(socket.socket(socket.AF_UNIX))
    client.settimeout(30)
    client.connect(str(path))
    return client.recv(4)


def rescan(queue):
    queue.sendmail("-q").expect(0)


def run_remedy(daemon, pattern):
    """The command at the end of the line of the log; it is right as it is."""
    line = daemon.wait_for(pattern).string
    command = re.search(r"; ((find|chown|chmod) .*)", line)[1]
    subprocess.run(command, shell=True, check=True)


@pytest.mark.parametrize("size", [100, 100000])
def test_calls_that_are_newer_than_the_filter(queue, smarthost, size):
    """Filters of old container runtimes and service managers answer EPERM."""
    refuse(queue, "postrider", NEW_CALLS)
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example",
                       stdin=message(b"x" * 70 + b"\n" * size)).expect(0)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    assert not daemon.find("cannot|tried again")


@pytest.mark.parametrize("size", [100, 2000000])
@pytest.mark.parametrize("arguments, before, after", [
    (["b@b.example"], b"", b""),
    (["-bs"], b"HELO c.example\r\nMAIL FROM:<a@a.example>\r\n"
     b"RCPT TO:<b@b.example>\r\nDATA\r\n", b".\r\nQUIT\r\n"),
])
def test_no_files_in_memory(queue, smarthost, arguments, before, after, size):
    """A kernel before 3.17 has no memfd_create(2). What needs no name is in a
    temporary file then, which has none either."""
    place = queue.folder / "temporary"
    place.mkdir()
    queue.write_config(smarthost, settings={"delivery": "direct"})
    content = message(b"x" * 70 + b"\n" + b"y\n" * (size // 2))
    result = queue.run_other(
        ["python3", FILTER, "memfd_create", queue.build / "sendmail",
         *arguments], stdin=before + content.replace(b"\n", b"\r\n") + after,
        env={"TMPDIR": str(place)}).expect(0)
    assert len(smarthost.messages) == 1, str(result)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("size", [100, 2000000])
def test_a_report_without_files_in_memory(queue, smarthost, size):
    """The daemon may write in its spool, and nowhere else."""
    refuse(queue, "postrider", NEW_CALLS)
    smarthost.recipients["no@b.example"] = "550 5.1.1 nobody here"
    smarthost.extensions.remove("DSN")
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "a@a.example", "-R", "full", "no@b.example",
                       stdin=message(b"y" * 70 + b"\n" * size)).expect(0)
        daemon.wait_until_removed(2)
        assert queue.is_empty(), queue.files()
    (report,) = smarthost.messages
    assert report.recipients == ["a@a.example"]


@as_root
def test_connections_over_a_reload_without_files_in_memory(queue):
    """Those that go on count still."""
    path = queue.run_folder / "submit"
    refuse(queue, "postrider", "memfd_create")
    shutil.copy(queue.build / "sendmail", queue.folder / "real-postrider")
    queue.write_config(settings={"listen": [str(path)]})
    with queue.daemon() as daemon, contextlib.ExitStack() as clients:
        for _ in range(25):
            assert greeting_at(path, clients) == b"220 "
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(" started: ", 2)
        assert greeting_at(path, clients) == b"421 ", daemon.log


def test_no_notice_of_new_names(queue, smarthost):
    """As if no inotify(7) instance were left: the folder is read now and then,
    and on demand."""
    refuse(queue, "postrider", "inotify_init1")
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        daemon.wait_for("cannot be watched")
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        queue.sendmail("-q").expect(0)
        daemon.wait_until_removed(1)


def test_random_numbers_from_the_device(queue, smarthost):
    """Where getrandom(2) is refused, in all programs."""
    refuse(queue, "postrider", "getrandom")
    refuse(queue, "sendmail", "getrandom")
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_until_removed(1)


@pytest.mark.parametrize("call", ["fsync", "linkat"])
def test_a_message_that_cannot_be_stored_safely(queue, call):
    """It is not for want of a mode, nor will it be better later."""
    refuse(queue, "sendmail", call)
    queue.write_config(1)
    result = queue.sendmail("b@b.example", stdin=message()).expect(75)
    assert result.errors == (
        f"sendmail: message not queued: {queue.spool}/drop: Operation not "
        "permitted; postrider check shows whether its file system is fit for "
        "mail\n")
    assert queue.names("drop") == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_random_numbers_at_all(queue):
    """A queue-id that can be guessed is none: the caller tries again."""
    queue.write_config(2525)
    result = queue.run_other(
        ["strace", "-qq", "-o", "/dev/null", "-P", "/dev/urandom",
         "-e", "inject=openat:error=EACCES", "/usr/bin/python3", FILTER,
         "getrandom", ROOT / "build" / "sendmail", "b@b.example"],
        stdin=message())
    result.expect(75)
    assert "no random numbers" in result.errors
    assert queue.names("drop") == []


# What is known of outcomes

def place_queued(queue, recipients):
    """A message in queue/, as the daemon left it."""
    name = random_id()
    path = queue.spool / "queue" / name
    path.write_bytes(message_file(name, recipients) + queued_line())
    path.chmod(0o600)
    queue.give(path)
    return name


@pytest.mark.parametrize("where", ["queue", "drop"])
def test_journal_that_cannot_be_recorded(queue, smarthost, where):
    """The disk is full at the start: what was accepted is not sent again, by
    this daemon nor by the next one."""
    smarthost.recipients["c@b.example"] = "450 4.2.0 later"
    queue.write_config(smarthost)
    recipients = ("b@b.example", "c@b.example")
    if where == "queue":
        name, room = place_queued(queue, recipients), 10
    else:
        name = random_id()
        data = message_file(name, recipients)
        queue.write_drop(name, data)
        room = len(data)
    journal = queue.spool / "state" / "journal.0"
    journal.write_text(f"{name} 0\n")
    queue.give(journal)
    full = queue.start(preexec_fn=limit_file_size(room))
    full.wait_for(f"{name}: accepted by a smarthost before")
    full.wait_for("to=<c@b.example>.*deferred")
    full.kill()
    with queue.daemon() as daemon:
        daemon.wait_for("to=<c@b.example>.*deferred")
        (item,) = queue.listing()
        assert item["recipients"] == ["c@b.example"]
        assert name not in "".join(
            path.read_text() for path in journal.parent.glob("journal.*"))
    for each in full, daemon:       # it is logged again, never sent again
        assert each.count("to=<b@b") <= each.count("to=<b@b.*status=sent") <= 1
    assert full.count("to=<b@b") == 1


# Owners and modes

@as_root
def test_dropped_file_of_another_group(queue, smarthost, clock):
    """As a restore leaves it that knows no numbers: it stays for ever, is told
    of once an hour, and goes as soon as that is mended."""
    queue.write_config(smarthost)
    for uid in (ALICE, ALICE, BOB):
        name = queue.submit("b@b.example", stdin=message(), **user(uid))
        os.chown(queue.drop / name, -1, 999)
    with queue.daemon(env=clock.environment) as daemon:
        clock.turn(3700)
        rescan(queue)
        daemon.wait_for("drop: 3 messages cannot be read: .* has group 999 ")
        for _ in range(3):
            queue.sendmail("b@b.example", stdin=message()).expect(0)
            rescan(queue)
        daemon.wait_until_removed(3)
        assert len(queue.names("drop")) == 3
        assert daemon.count("cannot be read") == 1
        assert not daemon.find("drop: .*removed")
        run_remedy(daemon, "cannot be read")
        rescan(queue)
        daemon.wait_until_removed(6)
        assert len(smarthost.messages) == 6


@as_root
def test_dropped_file_that_its_owner_closed(queue, smarthost, clock):
    """... is not a message; but root's may come from a restore by root."""
    queue.write_config(smarthost)
    closed, roots, fresh = (queue.submit("b@b.example", stdin=message(),
                                         **user(uid))
                            for uid in (ALICE, 0, BOB))
    (queue.drop / closed).chmod(0o600)
    (queue.drop / roots).chmod(0o600)
    with queue.daemon(env=clock.environment) as daemon:
        daemon.wait_for(f"drop: 1 message cannot be read: .*{roots} has mode")
        daemon.wait_until_removed(1)        # the fresh one
        assert set(queue.names("drop")) == {closed, roots}
        clock.turn(3700)
        rescan(queue)
        daemon.wait_for(f"drop: uid={ALICE} {closed}: removed: it cannot be")
        assert queue.names("drop") == [roots]
        run_remedy(daemon, "cannot be read")
        rescan(queue)
        daemon.wait_until_removed(2)
    assert fresh not in queue.names("drop")


@as_root
def test_many_refused_hide_no_others(queue, smarthost):
    """Of the same owner, and in one pass."""
    queue.write_config(smarthost)
    for _ in range(250):
        name = random_id()
        path = queue.write_drop(".t" + name, message_file(name))
        os.chown(path, ALICE, 999)
        path.rename(queue.drop / name)
    name = random_id()
    queue.write_drop(name, message_file(name))
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
        daemon.wait_for("drop: 250 messages cannot be read")


@as_root
@pytest.mark.parametrize("folder", ["queue", "state"])
def test_daemon_whose_user_has_another_number(queue, smarthost, folder):
    """Only the folders got their new owner, as a start asks for."""
    queue.write_config(smarthost)
    smarthost.recipients["b@b.example"] = "450 4.2.0 later"
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
    (name,) = queue.names("queue")
    os.chown(queue.spool / folder / name, 998, 998)
    del smarthost.recipients["b@b.example"]
    with queue.daemon() as daemon:
        daemon.wait_for(rf"queue: 1 message cannot be read: .*/{folder}/{name} "
                        "belongs to user 998")
        assert queue.names("queue") == [name]
        rescan(queue)
        run_remedy(daemon, "cannot be read")
        assert (queue.spool / folder / name).stat().st_uid == DAEMON.pw_uid
        rescan(queue)
        daemon.wait_until_removed(1)
        assert daemon.count("cannot be read") == 1
    assert queue.is_empty()


@as_root
def test_right_that_is_lost_while_the_daemon_runs(queue, smarthost):
    queue.write_config(smarthost)
    smarthost.recipients["b@b.example"] = ["450 4.2.0 later"]
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        daemon.wait(lambda: queue.names("state")[-1:] != [] and
                    queue.names("drop") == [])
        (name,) = queue.names("queue")
        os.chown(queue.spool / "queue" / name, 998, 998)
        daemon.wait(lambda: rescan(queue) or
                    daemon.find("queue: 1 message cannot be read"))
        run_remedy(daemon, "cannot be read")
        rescan(queue)
        daemon.wait_until_removed(1)


@as_root
def test_junk_that_cannot_be_removed(queue, smarthost):
    """A file system that turned read-only: nothing is said to be removed that
    is there still, and the daemon does not try for ever."""
    queue.write_config(smarthost)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", queue.spool], check=True)
    try:
        queue.spool.chmod(0o755)
        for name, mode in (("drop", 0o3733), ("queue", 0o700),
                           ("state", 0o700), ("failed", 0o700)):
            (queue.spool / name).mkdir()
            queue.give(queue.spool / name)
            (queue.spool / name).chmod(mode)
        for _ in range(150):
            queue.write_drop(random_id(), b"x" * 100)
        subprocess.run(["mount", "-o", "remount,ro", queue.spool], check=True)
        with queue.daemon() as daemon:
            daemon.wait_for("drop: 150 messages cannot be read: .*"
                            "cannot be removed: Read-only file system")
            before = daemon.cpu_time()
            for _ in range(5):
                rescan(queue)
            assert daemon.cpu_time() - before < 1
            assert not daemon.find(": removed")
            subprocess.run(["mount", "-o", "remount,rw", queue.spool],
                           check=True)
            rescan(queue)
            daemon.wait_for(f"drop: uid={ALICE} .*: removed")
            daemon.wait(lambda: not queue.names("drop"))
    finally:
        subprocess.run(["umount", queue.spool], check=True)


@as_root
def test_what_cannot_be_read_is_shown(queue, smarthost):
    """With the daemon and without, to root, who could read it, and to the
    daemon's user; by check, and not a moment longer than it is so."""
    queue.write_config(smarthost, settings={"local_recipient": "a@a.example"})
    queue.config.chmod(0o644)
    name = queue.submit("b@b.example", stdin=message())
    os.chown(queue.drop / name, -1, 999)
    mine = {"user": DAEMON.pw_uid, "group": DAEMON.pw_gid, "extra_groups": []}
    shown = f"1 more that cannot be read: .*{name} has group 999.*\n"
    last = "\t\tTotal requests: 1\n-- 0 Kbytes in 1 Request.\n"
    out = queue.run("mailq", **mine).expect(0).stdout.decode()
    assert re.search(shown, out) and out.endswith(last)
    with queue.daemon() as daemon:
        daemon.wait_for("drop: 1 message cannot be read")
        for who in ({}, mine):
            out = queue.run("mailq", **who).expect(0).stdout.decode()
            assert re.search(shown, out) and out.endswith(last)
        assert queue.run("mailq", **user(ALICE)).expect(0).stdout == \
            b"1 more of other users\n\t\tTotal requests: 1\n" \
            b"-- 0 Kbytes in 1 Request.\n"
        status = queue.status()
        assert status["unread"] == 1
        (trouble,) = status["troubles"]
        assert (trouble["place"], trouble["kind"]) == ("drop", "refused")
        out = queue.postrider("check").expect(69).stdout.decode()
        assert re.search("^unread: error: 1 message cannot be read: .* has "
                         f"group 999 instead of {DAEMON.pw_gid}; find ", out,
                         re.M)
        subprocess.run(re.search("; (find .*)", out)[1], shell=True,
                       check=True)
        out = queue.postrider("check").stdout.decode()
        assert "unread: ok: " in out
        rescan(queue)
        daemon.wait_until_removed(1)
        assert queue.status()["unread"] == 0


@as_root
def test_given_up_is_shown(queue, smarthost):
    queue.write_config(smarthost)
    (queue.spool / "failed" / random_id()).write_bytes(b"x")
    with queue.daemon() as daemon:
        daemon.wait_for("failed: 1 message could neither be delivered nor")
        assert queue.status()["given_up"] == 1
        assert queue.status()["troubles"][0]["place"] == "failed"


# Folders and their daemons

def test_spool_that_is_replaced(queue, smarthost):
    """A backup is put in its place while the daemon runs."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        here = daemon.mark()
        shutil.copytree(queue.spool, queue.folder / "restored")
        for part in (".", "drop", "queue", "state", "failed"):
            copy, old = queue.folder / "restored" / part, queue.spool / part
            os.chown(copy, old.stat().st_uid, old.stat().st_gid)
            copy.chmod(old.stat().st_mode & 0o7777)
        queue.spool.rename(queue.folder / "old")
        (queue.folder / "restored").rename(queue.spool)
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_for("is not the one that was opened.*reading it again",
                        timeout=60)
        daemon.wait_for("started", after=here)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


@as_root
def test_spool_under_another_name(queue, smarthost):
    """One daemon has it, by whatever path and control socket others come."""
    queue.write_config(smarthost)
    with queue.daemon():
        other = queue.folder / "other"
        other.mkdir(mode=0o755)
        subprocess.run(["mount", "--bind", queue.spool, other], check=True)
        try:
            queue.write_config(smarthost, settings={
                "spool": str(other), "control": str(queue.run_folder / "c2")})
            second = queue.start(ready=False)
            second.wait_for(f"not started: {other} is in use by another")
            second.wait_end()
        finally:
            subprocess.run(["umount", other], check=True)
        queue.write_config(smarthost)


@as_root
def test_daemon_of_another_user(queue, smarthost):
    """Advice to give that user the spool would take it from the daemon."""
    queue.write_config(smarthost)
    queue.config.chmod(0o644)
    daemon = queue.start(ready=False, **user(ALICE))
    daemon.wait_for(f"belongs to user {DAEMON.pw_name}; start the daemon as "
                    "root or as that user")
    assert daemon.wait_end() == 77
    assert not daemon.find("chown")
