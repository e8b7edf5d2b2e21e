"""The queue: stored, picked up, delivered, kept, tried again."""

import os
import re
import signal
import socket
import stat

import pytest

from lib.harness import message, without, wire
from lib.queue import (ALICE, DAEMON, IS_ROOT, as_root, limit_file_size,
                       user)
from lib.smarthost import CLOSE

TO = "b@b.example"


# Submission

def check_stored(queue, queue_id):
    status = (queue.drop / queue_id).stat()
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert status.st_gid == DAEMON.pw_gid
    assert queue.names("drop") == [queue_id], "something beside it"


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o177, 0o777])
def test_umask(queue, umask):
    queue.write_config(2525)
    queue_id = queue.submit(TO, stdin=message(), umask=umask, **user(ALICE))
    check_stored(queue, queue_id)


def test_uid_without_passwd_entry(queue, smarthost):
    queue.write_config(smarthost)
    queue_id = queue.submit(TO, stdin=message(), **user(ALICE))
    check_stored(queue, queue_id)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
    (sent,) = smarthost.messages
    uid = ALICE if IS_ROOT else os.getuid()
    assert f"userid {uid})" in sent.fields("Received")[0]
    assert daemon.find(f"{queue_id}: uid={uid} from=<.*>, size=[0-9]+, "
                       "nrcpt=1, message-id=<test@a.example>, "
                       "header-from=<alice@a.example>$")


@as_root
def test_no_new_privileges(queue):
    """A user who may not become another one can send mail all the same."""
    queue.write_config(2525)
    script = 'exec "$0" b@b.example'
    result = queue.run_other(
        ["setpriv", "--no-new-privs", f"--reuid={ALICE}", f"--regid={ALICE}",
         "--clear-groups", "--bounding-set=-all", "sh", "-c", script,
         str(queue.build / "sendmail")], stdin=message())
    result.expect(0)
    (queue_id,) = queue.names("drop")
    check_stored(queue, queue_id)


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_closed_descriptors(queue, closed):
    queue.write_config(2525)
    script = f'exec "$0" b@b.example {closed}'
    queue.run_other(["sh", "-c", script, str(queue.build / "sendmail")],
                    stdin=message("all of it\n"), **user(ALICE)).expect(0)
    (queue_id,) = queue.names("drop")
    check_stored(queue, queue_id)
    assert b"\r\n\r\nall of it\r\nEND " in (queue.drop / queue_id).read_bytes()


@pytest.mark.parametrize("name", ["SIGPIPE", "SIGCHLD", "SIGTERM", "SIGHUP"])
def test_signals_of_the_caller(queue, name):
    """Ignored and blocked ones do no harm."""
    def inherit():
        signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    queue.write_config(2525)
    queue_id = queue.submit(TO, stdin=message(), preexec_fn=inherit,
                            **user(ALICE))
    check_stored(queue, queue_id)


def test_closed_input(queue):
    """Closed is not empty: there is no message."""
    queue.write_config(2525)
    result = queue.run_other(
        ["sh", "-c", 'exec "$0" b@b.example <&-',
         str(queue.build / "sendmail")], **user(ALICE))
    assert result.status != 0
    assert queue.names("drop") == []


def test_read_error_is_no_end(queue):
    queue.write_config(2525)
    # Reading /proc/self/mem at its start gives EIO.
    with open("/proc/self/mem", "rb", buffering=0) as unreadable:
        result = queue.sendmail(TO, stdin=unreadable)
    assert result.status in (65, 66, 74, 75), str(result)
    assert queue.names("drop") == []


@pytest.mark.parametrize("limit", [0, 100, 5000])
def test_file_size_limit(queue, limit):
    """A message that is cut by RLIMIT_FSIZE is not there at all."""
    queue.write_config(2525)
    result = queue.sendmail(TO, stdin=message("x" * 70 + "\n" + "y" * 9000),
                            preexec_fn=limit_file_size(limit), **user(ALICE))
    result.expect(75)
    assert re.fullmatch(r"sendmail: message not queued: (write|copy) it: File "
                        r"too large; raise the limit of file sizes "
                        r"\(ulimit -f\)\n", result.errors)
    assert queue.names("drop") == []


def refused(queue, status, *words):
    """No message, one line, and quickly."""
    result = queue.sendmail(TO, stdin=message(), **user(ALICE))
    result.expect(status)
    assert result.seconds < 10
    assert len(result.errors.splitlines()) == 1, str(result)
    assert result.stdout == b""
    for word in words:
        assert word in result.errors, str(result)


def test_missing_drop(queue):
    queue.write_config(2525)
    queue.drop.rmdir()
    refused(queue, 75, "drop")


@as_root
def test_drop_that_cannot_be_written(queue):
    queue.write_config(2525)
    queue.drop.chmod(0o700)
    refused(queue, 75, "3733")


@as_root
def test_drop_that_lost_its_setgid_bit(queue):
    """The daemon could never read the message: it must not be accepted."""
    queue.write_config(2525)
    queue.drop.chmod(0o1733)
    refused(queue, 78, "chmod 3733")
    assert queue.names("drop") == []


@as_root
def test_read_only_drop(queue):
    queue.write_config(2525)
    mount = ("mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && "
             "exec setpriv --reuid=4001 --regid=4001 --clear-groups "
             "\"$2\" b@b.example")
    result = queue.run_other(
        ["unshare", "-m", "sh", "-c", mount, "sh", str(queue.drop),
         str(queue.build / "sendmail")], stdin=message())
    if "unshare" in result.errors or "mount:" in result.errors:
        pytest.skip("nothing can be mounted here")
    result.expect(75)
    assert len(result.errors.splitlines()) == 1, str(result)


@as_root
def test_full_spool(queue):
    """ENOSPC: told at once, and no trace is left."""
    queue.write_config(2525)
    script = ("mount -t tmpfs -o size=64k,mode=03733,uid=$3,gid=$4 none "
              "\"$1\" && setpriv --reuid=4001 --regid=4001 --clear-groups "
              "\"$2\" b@b.example; status=$?; ls -A \"$1\"; exit $status")
    result = queue.run_other(
        ["unshare", "-m", "sh", "-c", script, "sh", str(queue.drop),
         str(queue.build / "sendmail"), str(DAEMON.pw_uid),
         str(DAEMON.pw_gid)], stdin=message("x" * 60 + "\n") * 4000)
    if "unshare" in result.errors or "mount:" in result.errors:
        pytest.skip("nothing can be mounted here")
    result.expect(75)
    assert result.stdout == b""
    assert "make room" in result.errors


# Pick-up and delivery

def test_stored_and_delivered(queue, smarthost):
    """Picked up at once, delivered whole, and nothing is left."""
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("-f", "a@a.example", TO, "c@b.example",
                       stdin=message("hello\n"), **user(ALICE)).expect(0)
        (sent,) = smarthost.wait_for_messages(1)
        daemon.wait_until_removed(1)
        assert queue.is_empty(), queue.files()
    assert sent.recipients == [TO, "c@b.example"]
    assert sent.reverse_path == "a@a.example"
    assert without(sent.content, "Received") == wire(message("hello\n"))


def test_delivered_over_tls(queue, tls_smarthost):
    queue.write_config(tls_smarthost)
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    (sent,) = tls_smarthost.messages
    assert sent.tls and sent.user


def test_found_without_a_hint(queue, smarthost):
    """What is in drop/ already is found; what comes in the same moment is
    found by reading the folder when a flush asks for it."""
    queue.write_config(smarthost)
    for _ in range(3):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        smarthost.wait_for_messages(3)
        daemon.wait_until_removed(3)


def test_sessions_are_reused(queue, smarthost):
    queue.write_config(smarthost, connections=1)
    for _ in range(20):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(20)
    assert len(smarthost.sessions) == 1


def test_messages_per_connection(queue, smarthost):
    queue.write_config(smarthost, connections=1, messages_per_connection=3)
    for _ in range(10):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(10)
    counts = [len(s.messages) for s in smarthost.sessions if s.messages]
    assert max(counts) <= 3 and sum(counts) == 10


def test_connections(queue, make_smarthost):
    """As many sessions as are allowed, and no more."""
    smarthost = make_smarthost()
    queue.write_config(smarthost, connections=2)
    for _ in range(60):
        queue.submit(TO, stdin=message())
    gate = smarthost.hold("MAIL")
    with queue.daemon() as daemon:
        smarthost.wait(lambda: sum(
            any(c.startswith("MAIL") for c in s.commands)
            for s in smarthost.sessions) == 2)
        assert len(daemon.workers()) == 2
        gate.set()
        daemon.wait_until_removed(60)
    assert len(smarthost.sessions) == 2


def test_messages_per_minute(queue, smarthost):
    queue.write_config(smarthost, messages_per_minute=5)
    for _ in range(8):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(5)
        assert queue.status()["queued"] == 3
        assert len(smarthost.messages) == 5


@pytest.mark.parametrize("way", ["reload", "stop", "kill"])
def test_messages_per_minute_after_a_restart(queue, smarthost, way):
    """Another process must not send as many again."""
    queue.write_config(smarthost, messages_per_minute=5)
    daemon = queue.start()
    for _ in range(4):
        queue.sendmail(TO, stdin=message()).expect(0)
    daemon.wait_until_removed(4)
    if way != "reload":
        getattr(daemon, way)()
        daemon = queue.start()
    else:
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon: started", times=2)
    mark = daemon.mark()
    for _ in range(3):
        queue.sendmail(TO, stdin=message()).expect(0)
    daemon.wait_until_removed(1, after=mark)
    daemon.wait(lambda: queue.status()["queued"] == 2)
    assert len(smarthost.messages) == 5
    daemon.stop()


def test_messages_per_minute_of_a_killed_daemon(queue, smarthost):
    """What was on its way may have been sent since."""
    queue.write_config(smarthost, messages_per_minute=5, connections=1)
    gate = smarthost.hold("BDAT")
    for _ in range(8):
        queue.submit(TO, stdin=message())
    daemon = queue.start()
    smarthost.wait_for_command("BDAT")
    daemon.kill()
    gate.set()
    smarthost.wait_for_messages(1)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(4)
        daemon.wait(lambda: queue.status()["active"] == 0)
        assert len(smarthost.messages) == 5
        assert queue.status()["queued"] == 3


def test_limit_is_not_used_up_by_waiting(queue, smarthost):
    """messages_per_minute counts what is sent, not what could not be."""
    queue.write_config(smarthost, messages_per_minute=45, connections=1)
    for _ in range(40):
        queue.submit(TO, stdin=message())
    gate = smarthost.hold("MAIL")
    with queue.daemon() as daemon:
        smarthost.wait_for_command("MAIL")
        for _ in range(10):
            queue.status()              # each request is a separate round
        gate.set()
        daemon.wait_until_removed(40, timeout=5)


def test_large_message(queue, smarthost):
    """Copied to a file, not to memory; arrives whole."""
    body = b"".join(b"%08d %s\n" % (i, b"x" * 70) for i in range(40000))
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message(body)).expect(0)
        (sent,) = smarthost.wait_for_messages(1)
        daemon.wait_until_removed(1)
        assert queue.is_empty()
    assert without(sent.content, "Received") == wire(message(body))


@as_root
def test_socket_where_drop_cannot_be_written(queue, smarthost):
    """The second way in: the daemon's own socket, as the same user."""
    path = queue.run_folder / "submit"
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        queue.drop.chmod(0o700)
        queue.sendmail("-f", "a@a.example", TO, stdin=message("hello\n"),
                       **user(ALICE)).expect(0)
        daemon.wait_until_removed(1)
        assert daemon.find(f": uid={ALICE} from=<a@a.example>")
    (sent,) = smarthost.messages
    assert sent.recipients == [TO] and sent.body == b"hello\r\n"


@as_root
def test_socket_tells_what_the_drop_would(queue, smarthost):
    """The queue-id, and the recipients that cannot be served."""
    path = queue.run_folder / "submit"
    queue.write_aliases("both: |/bin/cat, bob@b.example\n")
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        queue.drop.chmod(0o700)
        result = queue.sendmail(
            "-v", "-f", "a@a.example", "both", "x@@y", "Jürgen <j@ü>, k@@é",
            stdin=message(), **user(ALICE)).expect(0)
        daemon.wait_until_removed(2)
        assert daemon.find(f"{result.stdout.split()[2].decode()}: uid={ALICE} from=<a@a.example>")
    sent, report = smarthost.messages
    assert sent.recipients == ["bob@b.example", "j@ü"]
    assert report.recipients == ["a@a.example"]
    for text in ("<x@@y>: ", "<|/bin/cat>: ", "<k@@é>: "):
        assert text.encode() in report.body
    assert result.errors == ""


# Smarthosts that are down

def free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def test_down_and_up_again(queue, make_smarthost):
    """Mail stays while no server listens, and leaves when one does."""
    port = free_port()
    queue.write_config(port)
    with queue.daemon() as daemon:
        for _ in range(3):
            queue.sendmail(TO, stdin=message(), **user(ALICE)).expect(0)
        daemon.wait_for("smarthost host0 is down, its mail is kept")
        daemon.wait(lambda: len(queue.listing()) == 3)
        assert queue.status()["smarthosts"][0]["state"] == "down"
        smarthost = make_smarthost(port=port, families=("ipv4", "ipv6"))
        queue.sendmail("-q").expect(0)
        smarthost.wait_for_messages(3)
        daemon.wait_until_removed(3)
        daemon.wait_for("smarthost host0 is up")
        assert queue.is_empty()
    assert daemon.count("is down") == 1


def test_down_over_a_restart(queue, make_smarthost):
    port = free_port()
    queue.write_config(port)
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message(), **user(ALICE)).expect(0)
        daemon.wait_for("is down")
    assert len(queue.names("queue")) + len(queue.names("drop")) == 1
    smarthost = make_smarthost(port=port)
    with queue.daemon() as daemon:
        assert daemon.find("started: [01] queued")
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


def test_two_smarthosts_in_order(queue, make_smarthost):
    first, second = make_smarthost(), make_smarthost()
    queue.write_config([first, second], connections=1)
    for _ in range(60):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(60)
    assert not second.sessions, "the second is for when the first is down\n" \
        + daemon.log


def test_second_smarthost_when_the_first_is_down(queue, make_smarthost):
    second = make_smarthost()
    queue.write_config([free_port(), second])
    for _ in range(5):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(5)
        states = [h["state"] for h in queue.status()["smarthosts"]]
        assert states == ["down", "up"]
    assert len(second.messages) == 5


def test_smarthost_of_a_sender_rule(queue, make_smarthost):
    first, second = make_smarthost(), make_smarthost()
    queue.write_config([first, second], extra='sender "@shop.example" {\n'
                       '    smarthost = "host1"\n}\n')
    with queue.daemon() as daemon:
        queue.sendmail("-f", "x@shop.example", TO, stdin=message()).expect(0)
        queue.sendmail("-f", "y@a.example", TO, stdin=message()).expect(0)
        daemon.wait_until_removed(2)
    assert [m.reverse_path for m in first.messages] == ["y@a.example"]
    assert [m.reverse_path for m in second.messages] == ["x@shop.example"]


def test_wrong_password(queue, tls_smarthost):
    """Parked, said once, nothing lost; works when it is put right."""
    queue.write_config(tls_smarthost, password="wrong")
    with queue.daemon() as daemon:
        for _ in range(3):
            queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("smarthost host0 is parked")
        daemon.wait(lambda: len(queue.listing()) == 3)
        status = queue.status()["smarthosts"][0]
        assert status["state"] == "parked" and "535" in status["reason"]
        assert not tls_smarthost.messages
        attempts = len(tls_smarthost.sessions)
        queue.sendmail("-q").expect(0)      # wrong still: asked once more
        tls_smarthost.wait(lambda: len(tls_smarthost.sessions) > attempts)
        queue.secret("password0",
                     next(iter(tls_smarthost.users.values())))
        # The worker that was refused must be gone before its password can be
        # read again: ask until it is.
        daemon.wait(lambda: queue.postrider("queue", "retry", "all").status
                    in (0, 66) and len(tls_smarthost.messages) == 3
                    or not queue.sendmail("-q").status and
                    len(tls_smarthost.messages) == 3)
        daemon.wait_until_removed(3)
    assert daemon.count("is parked") == 1
    assert len([c for s in tls_smarthost.sessions for c in s.credentials
                if not c.accepted]) <= 3


@pytest.mark.parametrize("stage, reply, keys", [
    ("MAIL", "530 5.7.0 authentication required", {}),
    ("RCPT", "530 5.7.0 authentication required", {}),
    ("RCPT", "554 5.7.1 Relay access denied", {"auth": "auto"}),
])
def test_missing_login(queue, make_smarthost, stage, reply, keys):
    """The smarthost's section is wrong, not the message: as with a wrong
    password, mail is kept. It was not opened by a session alone."""
    host = make_smarthost(extensions=["PIPELINING", "AUTH PLAIN"])
    host.replies[stage] = lambda session, argument: reply
    queue.write_config(host, **keys)
    with queue.daemon() as daemon:
        queue.sendmail(TO, "other@b.example", stdin=message()).expect(0)
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for(f"smarthost host0 is parked.*{reply}; set .*user and "
                        "password_file")
        daemon.wait(lambda: len(queue.listing()) == 2)
        assert queue.status()["smarthosts"][0]["state"] == "parked"
        before = daemon.mark()
        queue.sendmail("-q").expect(0)      # wrong still: asked once more
        daemon.wait_for("status=deferred", after=before)
        assert not daemon.find("is (up|parked)", after=before)
        del host.replies[stage]
        queue.sendmail("-q").expect(0)
        daemon.wait_until_removed(2)
    assert daemon.count("is parked") == daemon.count("is up") == 1
    assert daemon.count("notification") == 0
    assert len(host.messages) == 2


def test_refusal_by_a_smarthost_that_needs_no_login(queue, make_smarthost):
    """It has taken mail without: what it refuses now, it refuses for good."""
    host = make_smarthost(extensions=["PIPELINING", "AUTH PLAIN"])
    host.recipients["blocked@b.example"] = "554 5.7.1 blocked"
    queue.write_config(host, auth="auto")
    with queue.daemon() as daemon:
        queue.sendmail("-odi", TO, stdin=message()).expect(0)
        queue.sendmail("blocked@b.example", stdin=message()).expect(0)
        daemon.wait_until_removed(3)
    assert daemon.count("is parked") == 0
    assert daemon.count("non-delivery notification") == 1


# Outcomes of single recipients

def test_partial_outcomes_survive_a_restart(queue, smarthost):
    """One delivered, one refused, one deferred: only the last is tried
    again, also by another daemon."""
    queue.write_config(smarthost, settings={"retry_first": "1h",
                                            "retry_longest": "1h"})
    smarthost.recipients["later@b.example"] = "451 4.2.0 not now"
    smarthost.recipients["never@b.example"] = "550 5.1.1 nobody"
    with queue.daemon() as daemon:
        queue.sendmail("-f", "a@a.example", "good@b.example",
                       "later@b.example", "never@b.example",
                       stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        daemon.wait_until_removed(1)        # the bounce
        (item,) = queue.listing()
        assert item["recipients"] == ["later@b.example"]
        assert "not now" in item["reason"]
    assert len(queue.names("state")) == 1
    del smarthost.recipients["later@b.example"]
    with queue.daemon() as daemon:
        queue.postrider("queue", "retry", item["queue_id"]).expect(0)
        daemon.wait_until_removed(1)
        assert queue.is_empty()
    first, bounce, again = smarthost.messages
    assert first.recipients == ["good@b.example"]
    assert (bounce.reverse_path, bounce.recipients) == ("", ["a@a.example"])
    assert again.recipients == ["later@b.example"]


def test_retried_by_itself(queue, smarthost):
    queue.write_config(smarthost)
    smarthost.replies["DATA"] = ["451 4.3.0 later", "451 4.3.0 later"]
    smarthost.replies["BDAT"] = ["451 4.3.0 later", "451 4.3.0 later"]
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    assert daemon.count("status=deferred") == 2
    assert daemon.count("status=sent") == 1


def test_closed_before_the_reply(queue, smarthost):
    """In doubt it is sent again; never given up, never bounced."""
    queue.write_config(smarthost)
    smarthost.replies["END"] = [CLOSE]
    smarthost.replies["BDAT"] = [CLOSE]
    with queue.daemon() as daemon:
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    assert daemon.count("status=deferred") == 1


@as_root
def test_state_that_cannot_be_written(queue, smarthost):
    """Nobody gets it twice while the daemon runs, and it goes on."""
    queue.write_config(smarthost)
    smarthost.recipients["later@b.example"] = "451 4.2.0 not now"
    with queue.daemon() as daemon:
        queue.sendmail("first@b.example", stdin=message()).expect(0)
        daemon.wait_until_removed(1)        # its worker waits for more
        (queue.spool / "state").chmod(0o500)
        queue.sendmail("good@b.example", "later@b.example",
                       stdin=message()).expect(0)
        daemon.wait_for("will be tried again")
        here = daemon.mark()
        daemon.wait_for("status=deferred", after=here)
        (queue.spool / "state").chmod(0o700)
        del smarthost.recipients["later@b.example"]
        queue.sendmail("-q").expect(0)
        daemon.wait_until_removed(2)
        assert queue.is_empty(), queue.files()
    assert [m.recipients for m in smarthost.messages[1:]] == [
        ["good@b.example"], ["later@b.example"]]


# -odi

def test_interactive(queue, smarthost):
    queue.write_config(smarthost)
    smarthost.recipients["later@b.example"] = "451 4.2.0 not now"
    smarthost.recipients["never@b.example"] = "550 5.1.1 nobody"
    with queue.daemon() as daemon:
        queue.sendmail("-odi", TO, stdin=message()).expect(0)
        assert len(smarthost.messages) == 1, "it was said to be delivered"
        queue.sendmail("-odi", "later@b.example", stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        result = queue.sendmail("-odi", "never@b.example", stdin=message())
        result.expect(67)
        assert "nobody" in result.errors
        daemon.wait_for("status=bounced")


def test_interactive_goes_by_the_status_code(queue, smarthost):
    """Not by what else looks like one in a reply or in an address."""
    queue.write_config(smarthost)
    smarthost.recipients["never@b.example"] = "550 5.7.1 as 5.1.1 before"
    never, odd = "never@b.example", '"a 5.1.1 b"@b.example'
    smarthost.recipients[odd] = "550 5.7.1 not here"
    with queue.daemon():
        for recipient, reason in ((never, "before"), (odd, "not here")):
            result = queue.sendmail("-odi", recipient, stdin=message())
            result.expect(69)
            assert f"refused: {recipient} 5.7.1 550 5.7.1 " in result.errors
            assert reason in result.errors


def test_interactive_while_down(queue):
    """Stored is accepted, whatever is down."""
    queue.write_config(free_port())
    queue.sendmail("-odi", TO, stdin=message()).expect(0)
    with queue.daemon() as daemon:
        result = queue.sendmail("-odi", TO, stdin=message()).expect(0)
        result = queue.sendmail("-odi", TO, stdin=message()).expect(0)
        assert result.seconds < 20
        daemon.wait(lambda: len(queue.listing()) == 3)


def test_interactive_many(queue, smarthost):
    """Nobody waits in vain, however fast the smarthost is."""
    queue.write_config(smarthost)
    with queue.daemon():
        for _ in range(40):
            result = queue.sendmail("-odi", TO, stdin=message())
            result.expect(0)
            assert result.seconds < 20
    assert len(smarthost.messages) == 40


# Cost

def test_idle_daemon_does_not_spin(queue, make_smarthost):
    """Waiting mail, unreadable files and an idle session cost nothing."""
    smarthost = make_smarthost()
    queue.write_config([free_port(), smarthost],
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    smarthost.recipients[TO] = "451 4.2.0 not now"
    with queue.daemon() as daemon:
        for _ in range(20):
            queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("status=deferred", 20)
        before = daemon.cpu_time()
        smarthost.wait_for_sessions(1)      # idle workers leave after 5 s
        used = daemon.cpu_time() - before
    assert used < 0.2, f"{used} s of CPU time with nothing to do"
