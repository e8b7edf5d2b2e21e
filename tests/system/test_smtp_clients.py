"""sendmail -bs, and who talks to it: over what, and how."""

import contextlib
import re
import smtplib
import socket
import subprocess

import pytest

from lib.queue import ALICE, as_root, user
from lib.smtp_server import ENVELOPE, content

SESSION = ("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\nhello\r\n.\r\n" +
           "QUIT\r\n").encode()


def client_of(connection):
    """A client at this end, which has heard the greeting."""
    client = smtplib.SMTP(local_hostname="x")
    client.sock = connection
    assert client.getreply()[0] == 220
    return client


def accept(address, family):
    """Both ends of a TCP connection to this address."""
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        ours = socket.create_connection(listener.getsockname()[:2], 30)
        return ours, listener.accept()[0]


def own_address():
    """One that is not a loopback address, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))     # nothing is sent
        except OSError:
            return None
        return probe.getsockname()[0]


def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("address, family", [
    ("127.0.0.1", socket.AF_INET),
    ("127.1.2.3", socket.AF_INET),
    pytest.param("::1", socket.AF_INET6, marks=pytest.mark.skipif(
        not has_ipv6(), reason="there is no ::1")),
    pytest.param("::ffff:127.0.0.1", socket.AF_INET6, marks=pytest.mark.skipif(
        not has_ipv6(), reason="there is no IPv6")),
])
def test_loopback_is_served(server, address, family):
    ours, theirs = accept(address, family)
    process, _ = server.open(theirs)
    with ours, client_of(ours) as client:
        client.sendmail("a@b.example", ["c@d.example"], "Subject: x\n\nhello")
    assert process.wait() == 0
    assert content(server.stored()[0]) == b"hello\r\n"


@pytest.mark.skipif(own_address() is None, reason="there is no network")
def test_network_is_not_served(server):
    """Whatever socket unit an administrator has written."""
    ours, theirs = accept(own_address(), socket.AF_INET)
    process = subprocess.Popen(
        [str(server.programs.build / "sendmail"), "-bs"], stdin=theirs,
        stdout=theirs, stderr=subprocess.PIPE,
        env=server.programs.environment())
    theirs.close()
    with ours, ours.makefile("rb") as replies:
        assert replies.readline().startswith(b"554 5.7.1 ")
        ours.shutdown(socket.SHUT_WR)
        assert replies.read() == b""
    _, errors = process.communicate()
    assert process.returncode == 77 and b"loopback" in errors
    assert server.stored() == []


def test_client_that_has_no_more_to_say_hears_the_end(server):
    process, ours = server.open()
    with ours, ours.makefile("rb") as replies:
        ours.sendall(SESSION)
        ours.shutdown(socket.SHUT_WR)
        heard = replies.read()
    assert process.wait() == 0
    assert heard.endswith(b"221 2.0.0 Bye\r\n") and b"Ok: queued" in heard


def test_worker_of_a_web_program(server):
    """One process for many messages: RSET after an error, NOOP to see whether
    it is still there."""
    process, ours = server.open()
    with ours:
        client = client_of(ours)
        for i in range(20):
            assert client.noop()[0] == 250
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("a@b.example", ["-x@d.example"], "")
            assert client.rset()[0] == 250
            refused = client.sendmail(
                "a@b.example", ["c@d.example", "broken"],
                f"Subject: {i}\r\n\r\n.\r\n", ["BODY=8BITMIME"])
            assert refused["broken"][0] == 451
        client.quit()
    assert process.wait() == 0
    assert [content(stored) for stored in server.stored()] == 20 * [b".\r\n"]


def test_client_is_told_too_large_before_he_sends(server):
    process, ours = server.open()
    with ours, client_of(ours) as client:
        with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
            client.sendmail("a@b.example", ["c@d.example"], "x\n" * 20000)
        assert refusal.value.smtp_code == 552
    assert process.wait() == 0


def test_replies_wait_for_the_client_that_pipelines(server):
    """None comes before what it answers, and DATA holds nothing back."""
    process, ours = server.open()
    with ours, ours.makefile("rb") as replies:
        assert replies.readline().startswith(b"220 ")
        ours.sendall(("RSET\r\n" + "NOOP\r\n" * 50).encode())
        assert {replies.readline() for _ in range(51)} == \
            {b"250 2.0.0 Ok\r\n"}
        ours.sendall(("HELO x\r\n" + ENVELOPE + "DATA\r\n").encode())
        codes = [replies.readline()[:3] for _ in range(4)]
        assert codes == [b"250", b"250", b"250", b"354"]
        ours.sendall(b"\r\nx\r\n.\r\nRSET\r\nQUIT\r\n")
        codes = [line[:3] for line in replies]
        assert codes == [b"250", b"250", b"221"]
    assert process.wait() == 0


# The daemon

def test_client_that_wants_to_know_hears_the_refusal(queue, smarthost):
    """-odi: it is final, and must not be tried again."""
    queue.write_config(smarthost)
    smarthost.recipients["c@d.example"] = "550 5.1.1 no such user"
    with queue.daemon():
        result = queue.sendmail("-bs", "-odi", stdin=SESSION).expect(0)
    reply = result.stdout.splitlines()[-2]
    assert reply.startswith(b"550 5.1.1 refused: c@d.example ")


def test_daemon_serves_many_at_a_time(queue, smarthost):
    """A client that is idle, or stops in the middle, delays no other."""
    path = queue.run_folder / "submit"
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    with queue.daemon() as daemon, contextlib.ExitStack() as stack:
        for text in [b"", b"EHL", b"EHLO x\r\nMAIL FROM:<>\r\n", SESSION[:-14]]:
            idle = stack.enter_context(socket.socket(socket.AF_UNIX))
            idle.connect(str(path))
            idle.sendall(text)
        with socket.socket(socket.AF_UNIX) as ours:
            ours.connect(str(path))
            ours.sendall(SESSION)
            ours.shutdown(socket.SHUT_WR)
            assert b"Ok: queued" in ours.makefile("rb").read()
        daemon.wait_until_removed(1)
    assert [message.body for message in smarthost.messages] == [b"hello\r\n"]


@as_root
def test_second_way_in_is_there_for_smtp_too(queue, smarthost):
    """A web program in a sandbox, where drop/ cannot be written."""
    path = queue.run_folder / "submit"
    queue.write_config(smarthost, settings={
        "listen": [str(path)], "redirect_all": "stage@a.example"})
    with queue.daemon() as daemon:
        queue.drop.chmod(0o700)
        result = queue.sendmail("-bs", stdin=SESSION, **user(ALICE)).expect(0)
        assert b"Ok: queued" in result.stdout
        daemon.wait_until_removed(1)
        assert daemon.find(f": uid={ALICE} from=<a@b.example>")
    sent, = smarthost.messages
    assert sent.recipients == ["stage@a.example"]
    assert re.findall(b"X-Original-To: .*", sent.content) == \
        [b"X-Original-To: c@d.example\r"]


@as_root
def test_second_way_in_does_not_lead_to_itself(queue, smarthost):
    """The one whom the daemon started for the socket has no other way."""
    path = queue.run_folder / "submit"
    queue.write_config(smarthost, settings={"listen": [str(path)]})
    with queue.daemon() as daemon:
        queue.drop.chmod(0)
        with socket.socket(socket.AF_UNIX) as ours:
            ours.settimeout(30)
            ours.connect(str(path))
            ours.sendall(SESSION)
            replies = ours.makefile("rb").read()
        assert b"\r\n451 4.3.0 " in replies and b"daemon" not in replies
        queue.drop.chmod(0o3733)
        assert daemon.process.poll() is None
