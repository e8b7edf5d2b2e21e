"""Files of other versions in the spool: of a newer sendmail while an upgrade is
under way, of a newer daemon after a return to the version before.

They stay where they are, as they are, until a program comes that knows them.
And clients and daemons of other versions at the control socket: what one does
not know of the other it passes over, or refuses.
"""

import contextlib
import json
import re
import socket
import threading

import pytest

from lib.harness import message
from lib.queue import message_file, queued_line, random_id, write_over

STATE = "postrider-state {} {}\n{}rcpt open 0 0 0 - - -\nend\n"


def newer_version(name):
    return message_file(name).replace(b"postrider 1 ", b"postrider 2 ", 1)


def newer_word(name):
    return message_file(name, lines=["x 1"])


NEWER = pytest.mark.parametrize("make", [newer_version, newer_word])
REASON = "newer version wrote it|it has version 2"


def put(queue, folder, name, data):
    """A file of the daemon's."""
    path = queue.spool / folder / name
    path.write_bytes(data)
    queue.give(path)
    return path


def is_delivered(queue, smarthost):
    """The daemon of the newer version comes."""
    with queue.daemon() as daemon:
        smarthost.wait_for_messages(1)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    return queue.is_empty()


@NEWER
def test_newer_message_in_drop(queue, smarthost, make):
    queue.write_config(smarthost)
    name = random_id()
    path = queue.write_drop(name, make(name))
    for _ in range(2):
        with queue.daemon() as daemon:
            daemon.wait_for(f"drop/{name}: .*({REASON})")
            queue.sendmail("-q").expect(0)
        assert queue.files() == {"drop": [name], "queue": [], "state": [],
                                 "failed": []}
    write_over(path, message_file(name))
    assert is_delivered(queue, smarthost)


@NEWER
def test_newer_message_in_queue(queue, smarthost, make):
    queue.write_config(smarthost)
    name = random_id()
    put(queue, "queue", name, make(name) + queued_line())
    put(queue, "state", name, STATE.format(2, name, "").encode())
    before = queue.files()
    for _ in range(2):
        with queue.daemon() as daemon:
            daemon.wait_for(f"{name}: .*({REASON})")
        assert queue.files() == before
    put(queue, "queue", name, message_file(name) + queued_line())
    put(queue, "state", name, STATE.format(1, name, "").encode())
    assert is_delivered(queue, smarthost)


@pytest.mark.parametrize("version, line", [(2, ""), (1, "x 1\n")])
def test_newer_state(queue, smarthost, version, line):
    queue.write_config(smarthost)
    name = random_id()
    put(queue, "queue", name, message_file(name) + queued_line())
    put(queue, "state", name, STATE.format(version, name, line).encode())
    before = queue.files()
    for _ in range(2):
        with queue.daemon() as daemon:
            daemon.wait_for(f"state/{name}: .*({REASON})")
        assert queue.files() == before
    put(queue, "state", name, STATE.format(1, name, "").encode())
    assert is_delivered(queue, smarthost)


@NEWER
@pytest.mark.parametrize("has_state", [True, False])
def test_newer_copy_without_its_name(queue, smarthost, make, has_state):
    """A stop came between the newer daemon's copy and its name."""
    queue.write_config(smarthost)
    name = random_id()
    put(queue, "queue", "." + name, make(name) + queued_line())
    if has_state:
        put(queue, "state", name, STATE.format(2, name, "").encode())
    before = queue.files()
    with queue.daemon() as daemon:
        daemon.wait_for(f"queue/.{name}: .*it stays")
    assert queue.files() == before


def test_newer_state_without_a_message(queue, smarthost):
    queue.write_config(smarthost)
    name = random_id()
    put(queue, "state", name, STATE.format(2, name, "").encode())
    with queue.daemon():
        pass
    assert queue.names("state") == [name]


def test_optional_words_are_passed_over(queue, smarthost):
    """What a newer version can do without, so can we."""
    queue.write_config(smarthost)
    name, queued = random_id(), random_id()
    queue.write_drop(name, message_file(name, lines=["opt-x", "opt-y 1 2"]))
    put(queue, "queue", queued, message_file(queued, lines=["opt-x 1"]) +
        queued_line())
    put(queue, "state", queued,
        STATE.format(1, queued, "opt-z 1\nattempts 1\n").encode())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)
    assert len(smarthost.messages) == 2
    assert queue.is_empty()


# What each version of the format has. An older daemon may still run when its
# sendmail is replaced already, and it must take what that one writes.

WORDS_1 = {b"from", b"to", b"ret", b"envid", b"smarthost", b"utf8", b"uid"}


@pytest.mark.parametrize("arguments", [
    [], ["-f", "a@a.example", "-N", "success", "-R", "hdrs", "-V", "one"],
    ["-f", "<>"], ["-f", "www"],
], ids=["local", "dsn", "null", "local-f"])
def test_what_a_message_needs_is_in_version_1(queue, smarthost, arguments):
    queue.write_config(smarthost,
                       extra='sender "*" { smarthost = "host0" }\n')
    name = queue.submit(*arguments, "b@b.example", "c\u00e9@b.example",
                        stdin=message(Subject="\u00e9"))
    first, *lines = (queue.drop / name).read_bytes() \
        .partition(b"\n\n")[0].splitlines()
    assert first == b"postrider 1 " + name.encode()
    assert {line.split()[0] for line in lines} <= WORDS_1


# One file of each kind and version that ever was, as its programs wrote it;
# but taken in the year 2100, so that it never expires

VERSION_1 = {
    "drop": b"""\
postrider 1 4ad1c9f02b7e4c57a1f0d3b2c4e5f607
from shop@example.com
to - - bob@example.net
to FAILURE,DELAY rfc822;al@example.net alice@example.net
ret hdrs
envid id+20one
utf8

From: Shop <shop@example.com>\r
Subject: one\r
\r
hello\r
END 00000000000000000054 f80118bb 7
""",
    "queue": b"""\
postrider 1 5bd1c9f02b7e4c57a1f0d3b2c4e5f607
from shop@example.com
to - - bob@example.net
to - - carol@example.net
uid 1000

Subject: two\r
\r
hello\r
END 00000000000000000023 4114e8d5 7
QUEUED 00000000004102444800 0000001000
""",
    "state": b"""\
postrider-state 1 5bd1c9f02b7e4c57a1f0d3b2c4e5f607
attempts 2
last 1795514531
next 1795514661
warned 0
held 0
reports 0
rcpt delivered 1 1 1795514531 2.0.0 smtp.example.com[192.0.2.1]:587 250 ok
rcpt open 0 1 1795514531 4.2.1 smtp.example.com[192.0.2.1]:587 450 busy
end
""",
}


def test_version_1_is_read(queue, smarthost):
    queue.write_config(smarthost)
    for folder, data in VERSION_1.items():
        name = data.split()[2].decode()
        if folder == "drop":
            queue.write_drop(name, data)
        else:
            put(queue, folder, name, data)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(2)
    assert sorted((m.recipients, m.content.rpartition(b"\r\n\r\n")[2])
                  for m in smarthost.messages) == [
        (["bob@example.net", "alice@example.net"], b"hello\r\n"),
        (["carol@example.net"], b"hello\r\n")]
    assert queue.is_empty()


# The control socket

@contextlib.contextmanager
def daemon_that_answers(queue, answers):
    """One of another version: it answers a request by its first word."""
    queue.write_config(settings={"delivery": "queue"})

    def serve(listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, client.makefile("rb") as request:
                    for word in request.readline().split()[:1]:
                        client.sendall(answers[word.decode()].encode())

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(queue.control))
        queue.control.chmod(0o666)
        listener.listen()
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def ask(queue, request):
    """The daemon's answer to a client of our own making."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(queue.control))
        client.sendall(request.encode() + b"\n")
        with client.makefile("r") as answer:
            return answer.read()


ITEM = "\t{}\t0\t10\t1700000000\t1\tnot now\ta@a.example\tb@b.example\n"


def test_list_of_a_newer_daemon(queue):
    """A mark, a kind of line and a last line that did not exist before."""
    first, second = random_id(), random_id()
    with daemon_that_answers(queue, {"list": first + ITEM.format("!") +
                                     second + ITEM.format("~") +
                                     f"later\t{first}\t1700000000\n"
                                     "unread\t2\tthey are newer\n"
                                     "summary 2 1 0\n"}):
        assert [(item["queue_id"], item["state"]) for item in
                queue.listing()] == [(first, "held"), (second, "waiting")]
        shown = queue.run("mailq").expect(0).stdout.decode()
        assert f"\n{first.upper()}! " in shown
        assert f"\n{second.upper()}  " in shown
        assert shown.endswith("2 more that cannot be read: they are newer\n"
                              "\t\tTotal requests: 4\n-- 1 Kbytes in 4 Requests.\n")
        assert queue.sendmail("-bP").expect(0).stdout == b"4\n"


def test_status_of_a_newer_daemon(queue):
    lines = ("queued 3\nmood very good\nsmarthost main down 1 0 it is off\n"
             "smarthost spare paused 0 0 \ntrouble queue bent 2 straighten it\n"
             "shelf 1 2 3\n")
    with daemon_that_answers(queue, {"status": lines, "list": ""}):
        assert queue.status() == {
            "queued": 3,
            "smarthosts": [{"name": "main", "state": "down", "workers": 1,
                            "jobs": 0, "reason": "it is off", "remedy":
                            "correct that, then run: postrider queue flush"}],
            "troubles": [{"place": "queue", "kind": "other", "count": 2,
                          "text": "straighten it", "remedy": ""}],
            "down": 1, "parked": 0}
        shown = queue.postrider("status").expect(0).stdout.decode()
        assert shown.endswith("\n" + lines.replace("0 \n", "0\n"))
        found = json.loads(queue.postrider("check", "--json").stdout)
        assert "2 messages in queue need an administrator: straighten it" in \
            [finding["text"] for finding in found]


@pytest.mark.parametrize("answer, status, error", [
    ("bounced b@b.example 5.1.1 550 5.1.1 nobody\n", 67,
     "refused: b@b.example 5.1.1 550 5.1.1 nobody"),
    ("bounced b@b.example 5.7.1 550 5.7.1 no\nbecause x\n", 69, "refused: "),
    ("quarantined b@b.example 5.7.1 550 no\n", 0, ""),
    ("error unknown request\n", 0, ""), ("", 0, "")])
def test_outcome_of_another_daemon(queue, answer, status, error):
    with daemon_that_answers(queue, {"wait": answer}):
        result = queue.sendmail("-odi", "b@b.example", stdin=message())
        result.expect(status)
        assert error in result.errors


@pytest.mark.parametrize("request_line", [
    "move all main", "list mine", "status long", "flush now", "hold alice",
    "release", "remove all but one", "run A x", "wait all"])
def test_request_of_a_newer_client(queue, smarthost, request_line):
    """It is refused, and changes nothing."""
    smarthost.replies["GREETING"] = "421 4.3.2 later"
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_for("is down")
        before = [(item["queue_id"], item["state"]) for item in
                  queue.listing()]
        assert ask(queue, request_line).startswith("error unknown ")
        assert [(item["queue_id"], item["state"]) for item in
                queue.listing()] == before


def test_what_older_clients_read(queue, smarthost):
    """They know these lines by their places."""
    smarthost.recipients["b@b.example"] = "550 5.1.1 nobody"
    smarthost.recipients["c@b.example"] = "451 4.2.0 not now"
    queue.write_config(smarthost, settings={"retry_first": "1h",
                                            "retry_longest": "1h"})
    name, late = random_id(), random_id()
    with queue.daemon() as daemon, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(queue.control))
        client.sendall(f"wait {name}\n".encode())
        queue.write_drop(name, message_file(name))
        with client.makefile("r") as answer:
            assert answer.read() == \
                "bounced b@b.example 5.1.1 550 5.1.1 nobody\n"
        daemon.wait_until_removed(2)            # it, and the report
        queue.write_drop(late, message_file(late, ["c@b.example"]))
        daemon.wait_for("status=deferred")
        (item,) = daemon.wait(lambda: queue.listing())
        size, uid = item["size"], item["uid"]
        following, listed = ask(queue, "list").splitlines(True)
        assert re.fullmatch(f"next\t{late}\t[0-9]+\n", following)
        assert listed == \
            f"{late}\t-\t{uid}\t{size}\t{item['arrival_time']}\t1\t" \
            "451 4.2.0 not now\ta@a.example\tc@b.example\n"
        assert ask(queue, "hold all") == "1\n"
        assert ask(queue, "list").split("\t")[1] == "!"
        assert ask(queue, "hold " + random_id()) == "0\n"
        lines = ask(queue, "status").splitlines()
        assert "queued 1" in lines and "held 1" in lines
        assert re.fullmatch("smarthost host0 up [01] 0 ", lines[-1])
