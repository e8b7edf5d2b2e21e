"""The drop directory belongs to all users: what its users may try there.

Mail of others goes through at once, nothing forged is sent, nothing blocks.
"""

import fcntl
import os
import socket
import subprocess
import sys
import threading

import pytest

from lib.harness import message
from lib.queue import (ALICE, BOB, DAEMON, as_root, message_file,
                       queued_line, random_id, user, write_over)

GOOD = "good@b.example"

pytestmark = as_root


@pytest.fixture
def attacked(queue, smarthost):
    """A queue, its daemon, and its smarthost."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        yield queue, daemon, smarthost


def others_go_on(queue, daemon, smarthost, count=1):
    """Bob's mail goes through now; nothing else was sent."""
    before = len(smarthost.messages)
    result = queue.sendmail("-odi", GOOD, stdin=message(), **user(BOB))
    result.expect(0)
    assert result.seconds < 10
    assert [m.recipients for m in smarthost.messages[before:]] == [[GOOD]]


def rescan(queue, daemon):
    """The whole folder is read, and what is to be thrown out is."""
    queue.sendmail("-q").expect(0)


def as_alice(work):
    """Do it as the user ALICE, in a child."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(ALICE)
            os.setuid(ALICE)
            work()
            os._exit(0)
        except BaseException as error:      # noqa: B036, a child must end
            os.write(2, repr(error).encode())
        os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


# Objects that are not messages

@pytest.mark.parametrize("named", ["id", "other"])
@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "socket",
                                  "folder", "junk", "empty", "sparse",
                                  "truncated"])
def test_objects(attacked, kind, named):
    """Removed, whatever they are called; never read."""
    queue, daemon, smarthost = attacked
    name = random_id() if named == "id" else "x" + random_id()
    path = queue.drop / name

    def make():
        if kind == "link":
            path.symlink_to("/etc/passwd")
        elif kind == "dangling":
            path.symlink_to("nowhere")
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
        elif kind == "folder":
            path.mkdir()
        else:
            data = {"junk": os.urandom(5000), "empty": b"", "sparse": b"x",
                    "truncated": message_file(name)[:-1]}[kind]
            unseen = queue.drop / ".t-x"
            unseen.write_bytes(data)
            unseen.chmod(0o640)
            if kind == "sparse":
                os.truncate(unseen, 1 << 40)
            unseen.rename(path)
    as_alice(make)
    rescan(queue, daemon)
    daemon.wait_for(f"drop: uid={ALICE} {name}: removed: ")
    others_go_on(queue, daemon, smarthost)
    assert queue.names("drop") == []


def test_folder_with_content(attacked):
    """Cannot be removed; ignored, and its content, too."""
    queue, daemon, smarthost = attacked
    inner = random_id()

    def make():
        for name in (random_id(), "folder"):
            (home / name).mkdir()
            (home / name / inner).write_bytes(message_file(inner))
            (home / name).rename(queue.drop / name)
    home = queue.folder / "alice"
    home.mkdir()
    os.chown(home, ALICE, ALICE)
    as_alice(make)
    rescan(queue, daemon)
    others_go_on(queue, daemon, smarthost)
    assert len(queue.names("drop")) == 2


def test_unfinished_files_stay(attacked):
    """.t* is a message that is being written; a day later it is litter."""
    queue, daemon, smarthost = attacked
    new = queue.write_drop(".t" + random_id(), b"postrider 1 ")
    rescan(queue, daemon)
    others_go_on(queue, daemon, smarthost)
    assert new.exists()


def test_unfinished_files_of_a_day(queue, smarthost, clock):
    """A clock that is set a year ahead makes none of them old; a day does."""
    queue.write_config(smarthost)
    with queue.daemon(env=clock.environment) as daemon:
        name = random_id()
        young = queue.write_drop(".t" + name, b"postrider 1 ")
        clock.turn(365 * 86400)
        rescan(queue, daemon)
        others_go_on(queue, daemon, smarthost)
        assert young.exists()
        clock.elapse(86400 + 60)
        rescan(queue, daemon)
        daemon.wait_for(f"drop: uid={ALICE} .t{name}: removed: never finished")
        assert not young.exists()


# Message files that lie

@pytest.mark.parametrize("what", [
    dict(inner="0" * 32), dict(wrong_sum=True), dict(length=1),
    dict(length=10 ** 12), dict(lines=[""])], ids=lambda what: str(what)[:40])
def test_wrong_frame(attacked, what):
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name, **what))
    daemon.wait_for(f"drop: uid={ALICE} {name}: removed: ")
    others_go_on(queue, daemon, smarthost)
    assert queue.names("drop") == [] and len(smarthost.messages) == 1


@pytest.mark.parametrize("what, status", [
    (dict(recipients=["a b@b.example"]), "5.1.3"),
    (dict(recipients=["x@b\0.example"]), "5.1.3"),
    (dict(recipients=["x" * 300 + "@b.example"]), "5.1.3"),
    (dict(recipients=["x@b.example\r"]), "5.1.3"),
    (dict(lines=["opt-flaw " + "\udc80" * 3000]), "5.1.3"),
    (dict(lines=["uid x"]), "5.6.0"), (dict(lines=["uid 1", "uid 2"]), "5.6.0"),
    (dict(lines=["ret sideways"]), "5.6.0"),
    (dict(lines=["envid a b\tc"]), "5.6.0"),
    (dict(content=b"Subject: x\r\n\r\na\n.\r\nMAIL FROM:<e@e.example>\r\n"),
     "5.6.0"),
    (dict(content=b"Subject: x\r\n\r\na\r.\rb"), "5.6.0"),
], ids=lambda what: str(what)[:40])
def test_what_cannot_be_sent_is_returned(attacked, what, status):
    """A whole file is a message that was accepted, whatever is in it."""
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name, **what))
    (report,) = smarthost.wait_for_messages(1)
    daemon.wait_until_removed(2)
    assert (report.reverse_path, report.recipients) == ("", ["a@a.example"])
    assert f"Status: {status}\r\n".encode() in report.content
    assert queue.is_empty()


def test_others_get_it(attacked):
    """One recipient that cannot be one takes nothing from the others."""
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name, [
        GOOD, "a b@b.example", "fine@b.example"]))
    daemon.wait_until_removed(2)
    sent, report = smarthost.wait_for_messages(2)
    assert sent.recipients == [GOOD, "fine@b.example"]
    assert b"Final-Recipient: rfc822; a b@b.example\r\n" in report.content
    assert b"good@" not in report.content.partition(b"Undelivered")[0]
    assert daemon.count(name + r": to=<a b@b\.example>, relay=none, .*"
                        r"dsn=5\.1\.3, status=bounced") == 1
    assert queue.status()["failed"] == 1


@pytest.mark.parametrize("what", [
    dict(recipients=[]), dict(sender="a@a\x07.example"),
    dict(sender="", content=b"Subject: x\r\n\r\na\n.\r\nb\r\n")],
    ids=lambda what: str(what)[:40])
def test_what_nobody_can_be_told_of(attacked, what):
    """It is kept in failed/, harmless if it is moved back."""
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name, **what))
    daemon.wait_for(f"{name}: .* it is in .*failed now")
    assert daemon.count(f"{name}: cannot be sent: ") == 1
    assert queue.names("failed") == [name, name + ".state"]
    assert queue.names("drop") == queue.names("queue") == []
    kept = (queue.spool / "failed" / name).read_bytes()
    content = kept.partition(b"\n\n")[2].rpartition(b"END ")[0]
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    others_go_on(queue, daemon, smarthost)


def test_forged_owner(attacked):
    """Only what belongs to the daemon may say who sent it."""
    queue, daemon, smarthost = attacked
    name, daemons = random_id(), random_id()
    queue.write_drop(name, message_file(name, lines=["uid 0"]))
    daemon.wait_for(f"{name}: uid={ALICE} ")
    queue.write_drop(daemons, message_file(daemons, lines=[f"uid {BOB}"]),
                     uid=DAEMON.pw_uid)
    daemon.wait_for(f"{daemons}: uid={BOB} ")
    daemon.wait_until_removed(2)


def test_forged_trailer(attacked):
    """A file that says it was queued, and by whom: that is not believed."""
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name) + queued_line(0, uid=0))
    daemon.wait_for(f"{name}: uid={ALICE} ")
    (sent,) = smarthost.wait_for_messages(1)
    daemon.wait_until_removed(1)
    assert b"QUEUED" not in sent.content
    others_go_on(queue, daemon, smarthost)


def test_trailer_in_the_content(attacked):
    """... but a message may be about that."""
    queue, daemon, smarthost = attacked
    content = b"Subject: x\r\n\r\nEND %020d 00000000 7\r\n" % 3 \
        + queued_line()[:-1] + b"\r\n"
    name = random_id()
    queue.write_drop(name, message_file(name, content=content))
    (sent,) = smarthost.wait_for_messages(1)
    assert sent.content.endswith(content)
    daemon.wait_until_removed(1)


def test_log_cannot_be_forged(attacked):
    """Names and addresses are shown escaped, in one line."""
    queue, daemon, smarthost = attacked
    as_alice(lambda: (queue.drop / "x\npostrider: forged").write_bytes(
        b"x"))
    rescan(queue, daemon)
    daemon.wait_for("removed: ")
    others_go_on(queue, daemon, smarthost)
    assert not daemon.find("^postrider: forged")


def test_listing_of_hostile_addresses(queue):
    """What is not UTF-8 does not break the listing's JSON."""
    queue.write_config(1)
    name = random_id()
    queue.write_drop(name, message_file(
        name, recipients=["x\udcff\"\\@b.example", "gr\u00fc\u00df@b.example"],
        lines=["utf8"]))
    with queue.daemon() as daemon:
        daemon.wait_for(f"{name}: uid|{name}: removed")
        queue.listing()


# Games with files that are right

def test_hard_links(attacked):
    """The same file under another name is not a message; the right one is sent,
    once."""
    queue, daemon, smarthost = attacked
    name, other = random_id(), random_id()

    def make():
        secret = queue.drop / (".t" + name)
        secret.write_bytes(message_file(name))
        secret.chmod(0o640)
        os.link(secret, queue.drop / other)
        os.link(secret, queue.drop / name)
    as_alice(make)
    smarthost.wait_for_messages(1)
    daemon.wait_until_removed(1)
    daemon.wait_for(f"{other}: removed: ")
    others_go_on(queue, daemon, smarthost)
    assert len(smarthost.messages) == 2


def test_written_after_it_was_taken(attacked):
    """What was copied is sent; the owner's pen changes nothing."""
    queue, daemon, smarthost = attacked
    gate = smarthost.hold("MAIL")
    name = random_id()
    path = queue.write_drop(name, message_file(name))
    smarthost.wait_for_command("MAIL")
    write_over(path, message_file(name, ["evil@b.example"],
                                  content=b"X: y\r\n\r\nforged\r\n"))
    gate.set()
    (sent,) = smarthost.wait_for_messages(1)
    daemon.wait_until_removed(1)
    assert sent.recipients == ["b@b.example"]
    assert b"made by hand" in sent.content


def test_removed_after_it_was_taken(attacked):
    """Its owner may take a file away: it was accepted all the same."""
    queue, daemon, smarthost = attacked
    gate = smarthost.hold("MAIL")
    name = random_id()
    path = queue.write_drop(name, message_file(name))
    smarthost.wait_for_command("MAIL")
    path.unlink()
    gate.set()
    smarthost.wait_for_messages(1)
    daemon.wait_until_removed(1)


def test_growing(attacked):
    """A file that never stops growing is copied as it was at one moment."""
    queue, daemon, smarthost = attacked
    name = random_id()
    stop = threading.Event()
    path = queue.write_drop(".t" + name, b"postrider 1 " + name.encode()
                            + b"\nfrom a@a.example\nto - - b@b.example\n\n")

    file = open(path, "r+b", buffering=0)
    file.seek(0, os.SEEK_END)

    def grow():
        with file:
            while not stop.is_set() and file.tell() < 1 << 26:
                file.write(b"x" * 65536)
    thread = threading.Thread(target=grow)
    thread.start()
    os.rename(path, queue.drop / name)
    try:
        daemon.wait_for(f"{name}: removed: ")
        others_go_on(queue, daemon, smarthost)
    finally:
        stop.set()
        thread.join()


def test_leases(attacked):
    """A write lease makes an open() wait for 45 s, if one lets it."""
    queue, daemon, smarthost = attacked
    name = random_id()
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        fd = os.open(queue.drop / (".t" + name), os.O_CREAT | os.O_RDWR, 0o640)
        os.fchown(fd, ALICE, DAEMON.pw_gid)
        os.setgid(ALICE)
        os.setuid(ALICE)
        os.write(fd, message_file(name))
        os.fchmod(fd, 0o640)
        import signal
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        try:
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            os.write(ready[1], b"n")
            os._exit(0)
        os.rename(queue.drop / (".t" + name), queue.drop / name)
        os.write(ready[1], b"y")
        os.read(done[0], 1)
        os._exit(0)
    answer = os.read(ready[0], 1)
    if answer == b"y":
        rescan(queue, daemon)
        daemon.wait_for(f"{name}.*will be tried again")
        others_go_on(queue, daemon, smarthost)
    os.write(done[1], b"x")
    os.waitpid(pid, 0)
    for fd in ready + done:
        os.close(fd)
    if answer != b"y":
        pytest.skip("no leases on this file system")
    rescan(queue, daemon)
    daemon.wait_until_removed(2)            # it is a message like others


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o600, 0o4750, 0o666])
def test_modes(attacked, mode):
    """What the daemon cannot read stays for a while; set-id bits mean
    nothing."""
    queue, daemon, smarthost = attacked
    name = random_id()
    queue.write_drop(name, message_file(name), mode=mode)
    if mode & 0o044:
        daemon.wait_until_removed(1)
    else:
        others_go_on(queue, daemon, smarthost)
        assert queue.names("drop") == [name]
        rescan(queue, daemon)
        others_go_on(queue, daemon, smarthost)
        assert queue.names("drop") == [name]


@pytest.mark.parametrize("mode", [0o000, 0o640])
def test_many_unreadable_files(attacked, mode):
    """They cost neither CPU time nor a line of the log each, and hide nobody
    else's mail, nor their owner's."""
    queue, daemon, smarthost = attacked
    for i in range(300):
        name = random_id()
        path = queue.write_drop(".t" + name, message_file(name), mode=mode)
        os.chown(path, ALICE, ALICE)        # not the daemon's group
        path.rename(queue.drop / name)
    rescan(queue, daemon)
    others_go_on(queue, daemon, smarthost)
    queue.sendmail("mine@b.example", stdin=message(), **user(ALICE)).expect(0)
    smarthost.wait_for_messages(2)
    daemon.wait_until_removed(2)
    before, lines = daemon.cpu_time(), daemon.mark()
    smarthost.wait_for_sessions(1)          # until its worker has gone idle
    assert daemon.cpu_time() - before < 0.3
    assert daemon.mark() - lines < 20
    assert daemon.count("will be tried again") < 30


def test_20000_junk_files(attacked):
    """Another's mail goes through while they are looked at and removed."""
    queue, daemon, smarthost = attacked
    as_alice(lambda: [(queue.drop / f"{i:032x}").write_bytes(b"junk")
                      for i in range(20000)])
    for _ in range(3):
        others_go_on(queue, daemon, smarthost)
    rescan(queue, daemon)
    daemon.wait(lambda: queue.names("drop") == [], 60)
    assert daemon.count("removed: ") < 200


FLOOD = """
import itertools, os, sys
for i in itertools.count():
    name = f"{sys.argv[1]}/{os.getpid():016x}{i % 1000:016x}"
    try:
        os.mkfifo(name) if i % 2 else os.symlink("/etc/shadow", name)
        if i % 3:
            os.unlink(name)
    except OSError:
        pass
"""


def test_names_that_come_and_go(attacked):
    """Made faster than they can be looked at."""
    queue, daemon, smarthost = attacked
    users = [subprocess.Popen([sys.executable, "-c", FLOOD, str(queue.drop)],
                              **user(uid)) for uid in (ALICE, 4003, 4004)]
    try:
        daemon.wait_for("removed: not a regular file", times=len(users))
        for _ in range(3):
            others_go_on(queue, daemon, smarthost)
    finally:
        for each in users:
            each.kill()
            each.wait()
    rescan(queue, daemon)
    daemon.wait(lambda: queue.names("drop") == [])


def test_fair_between_users(queue, smarthost):
    """Alice's 300 messages do not stand in the way of Bob's one."""
    queue.write_config(smarthost, connections=1)
    for _ in range(300):
        name = random_id()
        queue.write_drop(name, message_file(name, ["many@b.example"]))
    name = random_id()
    queue.write_drop(name, message_file(name, [GOOD]), uid=BOB)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(301)
    order = [m.recipients[0] for m in smarthost.messages]
    assert order.index(GOOD) < 150, order.index(GOOD)
