"""sendmail -bs: the message itself, by DATA and by BDAT; its end."""

import random

import pytest

from lib.smtp_server import ENVELOPE, content


def test_line_feeds_are_enough_for_a_client_that_knows_no_better(server):
    text = ("HELO x\n" + ENVELOPE.replace("\r", "") +
            "DATA\nSubject: x\n\n..dot\nend\n.\nQUIT\n")
    assert server.codes(text)[-2:] == ["250", "221"]
    assert content(server.stored()[0]) == b".dot\r\nend\r\n"


@pytest.mark.parametrize("smuggled", [
    "\n.\r\n", "\n.\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r",
])
def test_nothing_is_smuggled_behind_a_false_end(server, smuggled):
    text = ("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\nbody" + smuggled +
            "MAIL FROM:<evil@x.example>\r\nRCPT TO:<v@x.example>\r\n"
            "DATA\r\n\r\nevil\r\n.\r\nQUIT\r\n")
    server.run(text)
    stored, = server.stored()
    assert b"evil@x.example" in content(stored)


@pytest.mark.parametrize("length", [32766, 32767, 32768, 65535])
def test_dot_behind_a_long_line_is_no_end(server, length):
    """A line that does not fit the buffer, and what only looks like an end."""
    server.configure(message_size_limit="1M")
    body = "x" * length + "\r.\r\n..y\r\n"
    server.run("EHLO x\r\n" + ENVELOPE +
               "DATA\r\nContent-Type: multipart/x\r\n\r\n" + body +
               ".\r\nQUIT\r\n")
    assert content(server.stored()[0]) == \
        b"x" * length + b"\r\n.\r\n.y\r\n"


def test_every_octet_arrives(server):
    body = bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"")
    server.run(b"EHLO x\r\n" + ENVELOPE.encode() + b"DATA\r\n\r\n" + body +
               b"\r\n.\r\nQUIT\r\n")
    assert content(server.stored()[0]) == body + b"\r\n"


def test_octets_may_come_one_by_one(server):
    process, ours = server.open()
    text = ("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\n..\r\nx\r\n.\r\n" +
            ENVELOPE + "BDAT 4\r\n\r\ny\r" + "BDAT 1 LAST\r\n\nQUIT\r\n")
    with ours, ours.makefile("rb") as replies:
        for octet in text.encode():
            ours.sendall(bytes([octet]))
        heard = replies.read()
    assert process.wait() == 0 and heard.count(b"Ok: queued") == 2
    assert sorted(map(content, server.stored())) == [b".\r\nx\r\n", b"y\r\n"]


# Size

@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_large_message_is_read_and_refused(server, end):
    """In wire form, whatever the client's line ends are."""
    text = ("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\n" + "x\r\n" * 6900 +
            ".\r\nNOOP\r\nQUIT\r\n").replace("\r\n", end)
    lines = server.run(text)
    assert lines[-3].startswith("552 5.3.4 ")
    assert [line[:3] for line in lines[-2:]] == ["250", "221"]
    assert server.stored() == []


# BDAT

def test_chunks_are_put_together(server):
    text = ("EHLO x\r\n" + ENVELOPE + "BDAT 9\r\nA: b\r\n\r\n." +
            "BDAT 5  LAST\r\nx\r\n.\nQUIT\r\n")
    assert server.codes(text)[-3:] == ["250", "250", "221"]
    assert content(server.stored()[0]) == b".x\r\n.\r\n"


def test_last_chunk_may_be_empty(server):
    text = ("EHLO x\r\n" + ENVELOPE + "BDAT 5\r\n\r\nx\r\n" +
            "bdat 0 last\r\nQUIT\r\n")
    assert server.codes(text)[-3:] == ["250", "250", "221"]
    assert content(server.stored()[0]) == b"x\r\n"


@pytest.mark.parametrize("envelope, code", [
    ("", "503"),
    ("EHLO x\r\n", "503"),
    ("EHLO x\r\nMAIL FROM:<>\r\n", "503"),
    ("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\n", "554"),
])
def test_chunk_that_nobody_wants_is_read_and_refused(server, envelope, code):
    """What is in it are not commands."""
    codes = server.codes(envelope + "BDAT 6 LAST\r\nRSET\r\nQUIT\r\n")
    assert codes[-2:] == [code, "221"]
    assert server.stored() == []


def test_chunk_over_the_limit_is_refused_at_once(server):
    """And what follows is not taken for the message."""
    text = ("EHLO x\r\n" + ENVELOPE + "BDAT 30000\r\n" + "x" * 30000 +
            "BDAT 3 LAST\r\ny\r\nRSET\r\nQUIT\r\n")
    assert server.codes(text)[-4:] == ["552", "503", "250", "221"]
    assert server.stored() == []


def test_chunk_behind_a_refused_one_is_no_message(server):
    text = ("EHLO x\r\nMAIL FROM:<>\r\nBDAT 3\r\nx\r\n" +
            "RCPT TO:<c@d.example>\r\nBDAT 3 LAST\r\ny\r\nQUIT\r\n")
    assert server.codes(text)[-4:] == ["503", "503", "503", "221"]
    assert server.stored() == []


@pytest.mark.parametrize("command", [
    "DATA", "RCPT TO:<late@d.example>", "MAIL FROM:<late@d.example>"])
def test_chunks_are_not_mixed_with_anything(server, command):
    text = ("EHLO x\r\n" + ENVELOPE + "BDAT 2\r\n\r\n" + command +
            "\r\nBDAT 3 LAST\r\nx\r\nQUIT\r\n")
    assert server.codes(text)[-4:] == ["250", "503", "250", "221"]
    assert b"late" not in server.stored()[0]


@pytest.mark.parametrize("argument", ["x", "", "-1", "3 FIRST", "3 LAST now",
                                      "99999999999999999999"])
def test_chunk_without_an_end_ends_the_session(server, argument):
    codes = server.codes("EHLO x\r\n" + ENVELOPE + f"BDAT {argument}\r\n" +
                         "NOOP\r\n")
    assert codes[4:] == ["501"]


# Who goes away

@pytest.mark.parametrize("text", [
    "DATA\r\n\r\nhalf", "DATA\r\n\r\nwhole\r\n.", "DATA\r\n\r\nwhole\r\n",
    "BDAT 9 LAST\r\nhalf", "BDAT 2\r\n\r\n", "BDAT 2\r\n\r\nQUIT\r\n", ""])
def test_client_that_goes_away_leaves_nothing(server, text):
    server.run("EHLO x\r\n" + ENVELOPE + text)
    assert server.stored() == []


def test_client_that_does_not_wait_for_the_reply(server):
    """Whether the client reads it or not, it is stored."""
    process, ours = server.open()
    with ours, ours.makefile("rb") as replies:
        ours.sendall(("EHLO x\r\n" + ENVELOPE + "DATA\r\n").encode())
        while not replies.readline().startswith(b"354"):
            pass
        ours.sendall(b"\r\nx\r\n.\r\n")
    assert process.wait() == 0
    assert len(server.stored()) == 1


# Rewriting

def test_bcc_is_removed(server):
    server.run("HELO x\r\n" + ENVELOPE +
               "DATA\r\nBcc: secret@x.example\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert b"secret" not in server.stored()[0]


def test_what_goes_for_arguments_goes_for_smtp(server):
    """redirect_all, and a sender section by the client's name."""
    server.configure(redirect_all="stage@x.example")
    with server.programs.config.open("a") as config:
        config.write('sender "*" { address = "shop@x.example" }\n')
    server.run("HELO x\r\n" + ENVELOPE + "DATA\r\nFrom: Me <me@y.example>\r\n"
               "\r\nx\r\n.\r\nQUIT\r\n")
    stored, = server.stored()
    assert b"from shop@x.example\nto - - stage@x.example\n" in stored
    assert b"From: Me <shop@x.example>\r\n" in stored
    assert b"X-Original-To: c@d.example\r\n" in stored


def test_envelope_extensions_are_kept(server):
    server.run("EHLO x\r\nMAIL FROM:<a@b.example> RET=HDRS ENVID=a+2Bb\r\n"
               "RCPT TO:<team> NOTIFY=SUCCESS ORCPT=rfc822;team@z\r\n"
               "DATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    stored, = server.stored()
    for member in b"a", b"b":
        assert b"to SUCCESS rfc822;team@z " + member + b"@x.example\n" in \
            stored


def test_nonsense_is_survived(server):
    """Words of SMTP in any order, with octets of any kind."""
    chance = random.Random(5321)
    words = [b"EHLO x", b"MAIL FROM:", b"RCPT TO:", b"<a@b.example>", b"<",
             b">", b'"', b"\\", b" ", b"\r\n", b"\n", b"\r", b".", b"DATA",
             b"BDAT 3", b" LAST", b"RSET", b"VRFY ", b"EXPN team", b"\0",
             b"\xff", b" SIZE=", b" NOTIFY=", b" ORCPT=;", b"BDAT 0 LAST",
             b"MAIL FROM:<>\r\nRCPT TO:<team>\r\n", b"\t", b"x" * 9000]
    for _ in range(40):
        server.run(b"EHLO x\r\n" + b"".join(
            chance.choice(words) for _ in range(400)))
