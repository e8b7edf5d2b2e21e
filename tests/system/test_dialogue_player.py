"""The player of dialogues notices what is not as written."""

import socket
import ssl

import pytest

from lib.dialogue import Script, Stage, octets

HELLO = "S: 220 x\nC: EHLO me\nS: 250 x\n"


def play(tmp_path, certificates, text, client):
    """Failures of a script played for a client function."""
    path = tmp_path / "script.txt"
    path.write_text(text + "\nexit 0\n", encoding="utf-8")
    stage = Stage(Script(path), certificates)
    with socket.create_connection(("127.0.0.1", stage.port), 20) as sock:
        client(sock)
    stage.close()
    return stage.failures


def says(*parts):
    """A client that sends octets, one part after each reply."""
    def client(sock):
        for part in parts:
            sock.recv(1000)
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1000):
            pass
    return client


@pytest.mark.parametrize("script, client, failure", [
    (HELLO, says(b"EHLO me\r\n"), None),
    (HELLO, says(b"EHLO me\r\n", b"QUIT\r\n"), None),
    (HELLO, says(b"EHLO you\r\n"), "EHLO you"),
    (HELLO, says(b"EHLO me\n"), "without CR"),
    (HELLO, says(b"EHLO me\r\n", b"MAIL FROM:<x>\r\n"), "MAIL FROM"),
    (HELLO, says(b"EHLO me\r\n", b"QUI"), "QUI"),
    (HELLO, says(b""), "closed"),
    (HELLO + "C~ MAIL.*\n", says(b"EHLO me\r\n", b"MAIL x\r\n"), None),
    (HELLO + "C~ MAIL\n", says(b"EHLO me\r\n", b"MAIL x\r\n"), "MAIL x"),
    (HELLO + "IDLE\nS: 250\n", says(b"EHLO me\r\nNOOP\r\n"), "not wait"),
    (HELLO + "C.\nS: 250\n", says(b"EHLO me\r\n", b"a\r\n..\r\n.\r\n"), None),
    (HELLO + "C.\nS: 250\n", says(b"EHLO me\r\n", b"a\r\n"), "C."),
    (HELLO + "BDAT\nS: 250\n", says(b"EHLO me\r\n", b"BDAT 2 LAST\r\n.\n"),
     None),
    (HELLO + "CLOSE\n", says(b"EHLO me\r\n"), None),
    (HELLO + "CONNECT\nS: 220 x\n", says(b"EHLO me\r\n"), "not made"),
    ("", says(), "once more"),
    ("S: 220 x\nTLS\n", says(b"hello\r\n"), "tls:"),
    ("S: 220 x\nTLS fails\n", says(b"hello\r\n"), None),
])
def test_what_is_noticed(tmp_path, certificates, script, client, failure):
    failures = play(tmp_path, certificates, script, client)
    if failure is None:
        assert failures == []
    else:
        assert len(failures) == 1 and failure in failures[0]


def test_tls_and_flood(tmp_path, certificates):
    context = ssl.create_default_context(cafile=certificates.ca)

    def client(sock):
        assert sock.recv(100) == b"220 x\r\n"
        with context.wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"EHLO me\r\n")
            assert len(tls.recv(1000)) > 100
    assert play(tmp_path, certificates,
                "S: 220 x\nTLS\nC: EHLO me\nFLOOD 250-x\\r\\n\n", client) == []


def test_trickle_ends_with_the_client(tmp_path, certificates):
    def client(sock):
        assert sock.recv(1) == b"2"
    assert play(tmp_path, certificates, "TRICKLE 220\n", client) == []


def test_escapes():
    assert octets(r"a\r\n\x00\\n«3*b\t»«2*«2*x»y»") == \
        b"a\r\n\0\\nb\tb\tb\txxyxxy"


@pytest.mark.parametrize("short, long", [
    ("HELLO", "S: 220 smtp.test ESMTP\nC: EHLO client.example\n"
     "S: 250 smtp.test"),
    ("HELLO PIPELINING", "S: 220 smtp.test ESMTP\nC: EHLO client.example\n"
     "S: 250-smtp.test\nS: 250 PIPELINING"),
    ("EHLO AUTH PLAIN LOGIN, SIZE 10", "C: EHLO client.example\n"
     "S: 250-smtp.test\nS: 250-AUTH PLAIN LOGIN\nS: 250 SIZE 10"),
    ("STARTTLS", "C: STARTTLS\nS: 220 2.0.0 go ahead\nTLS"),
    ("MESSAGE", "C: MAIL FROM:<alice@a.example>\n"
     "C: RCPT TO:<bob@b.example>\nC: DATA\nS: 250 2.1.0 ok\n"
     "S: 250 2.1.5 ok\nS: 354 go ahead\nC."),
])
def test_short_forms(tmp_path, short, long):
    def steps(text):
        path = tmp_path / "script.txt"
        path.write_text(text + "\nexit 0\n", encoding="utf-8")
        return [step[1:] for step in Script(path).sessions[0]]
    assert steps(short) == steps(long)


@pytest.mark.parametrize("text", ["STARTTLS now", "MESSAGE x", "S:220", "X: y", "= a", "exit x", ""])
def test_bad_scripts_are_refused(tmp_path, text):
    path = tmp_path / "script.txt"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(ValueError):
        Script(path)
