"""sendmail -bs: its commands, one by one."""

import ctypes
import os
import re
import socket
import struct
import subprocess

import pytest

from lib.smtp_server import ENVELOPE, content


def test_message_is_stored_when_the_dot_is_answered(server):
    codes = server.codes("HELO x\r\n" + ENVELOPE +
                         "DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    assert codes == ["220", "250", "250", "250", "354", "250", "221"]
    stored, = server.stored()
    assert b"from a@b.example\nto - - c@d.example\n" in stored
    assert content(stored) == b"hello\r\n"


def test_client_hears_the_queue_id(server):
    """Libraries look for "queued as ID", and give it to their users."""
    lines = server.run("HELO x\r\n" + ENVELOPE +
                       "DATA\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    stored, = server.drop.iterdir()
    assert lines[-2] == f"250 2.0.0 Ok: queued as {stored.name}"


def test_several_transactions_and_rset(server):
    text = ("HELO x\r\n" + ENVELOPE + "DATA\r\n\r\n1\r\n.\r\n" + ENVELOPE +
            "RSET\r\nRCPT TO:<x@y.example>\r\n" + ENVELOPE +
            "DATA\r\n\r\n2\r\n.\r\nQUIT\r\n")
    assert server.codes(text)[6:9] == ["250", "250", "250"]
    assert len(server.stored()) == 2


def test_ehlo_offers_what_is_served(server):
    lines = server.run("EHLO x\r\nQUIT\r\n")
    assert lines[1:-1] == [
        "250-web1.example.com", "250-PIPELINING", "250-SIZE 20480", "250-DSN",
        "250-ENHANCEDSTATUSCODES", "250-8BITMIME", "250-SMTPUTF8",
        "250-XFLAW", "250 CHUNKING"]


@pytest.mark.parametrize("command, code", [
    ("MAIL FROM:<a@b.example> SIZE=99999999", "552 5.3.4"),
    ("MAIL FROM:<a@b.example> SIZE=20480", "250 2.1.0"),
    ("MAIL FROM:<a@b.example> SIZE=x", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> FOO=1", "555 5.5.4"),
    ("MAIL FROM:a@b.example", "250 2.1.0"),
    ("MAIL FROM:a@b.example SIZE=10", "250 2.1.0"),
    ("MAIL FROM: <a@b.example>", "250 2.1.0"),
    ("mail from:<>", "250 2.1.0"),
    ("MAIL FROM:<www-data>", "250 2.1.0"),
    ('MAIL FROM:<"a > b"@c.example>', "250 2.1.0"),
    ("MAIL FROM:<@r.example,@s.example:a@b.example>", "250 2.1.0"),
    ("MAIL FROM:<a b@c.example>", "553 5.1.3"),
    ("MAIL FROM:<-x@c.example>", "553 5.1.3"),
    ("MAIL FROM:<a@b.example\x07>", "553 5.1.3"),
    ("MAIL FROM:<" + "x" * 300 + "@b.example>", "553 5.1.3"),
    ("MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x",
     "250 2.1.0"),
    ("MAIL FROM:<a@b.example> BODY=BINARYMIME", "504 5.5.4"),
    ("MAIL FROM:<a@b.example> BODY=9BIT", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> RET=SOME", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> RET=FULL RET=FULL", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> RET=HDRS ENVID=a ret=full", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> ENVID=a ENVID=b", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> SMTPUTF8 SMTPUTF8", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> ENVID=a+b", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> SMTPUTF8=1", "501 5.5.4"),
    ("MAIL FROM:<a@b.example> AUTH=<>", "250 2.1.0"),
    ("MAIL", "501 5.5.4"),
    ("MAIL FROM:", "501 5.5.4"),
    ("MAIL FROM:<a@b.example", "501 5.5.4"),
    ("MAIL FROM:<a@b.example>x", "501 5.5.4"),
    ("RCPT TO:<a@b.example>", "503 5.5.1"),
    ("DATA", "503 5.5.1"),
    ("DATA now", "501 5.5.4"),
    ("RSET all", "501 5.5.4"),
    ("QUIT soon", "501 5.5.4"),
    ("RSET ", "250 2.0.0"),
    ("NOOP a word", "250 2.0.0"),
    ("NOOP\ta word", "250 2.0.0"),
    ("VRFY root", "252 2.0.0"),
    ("VRFY <a@b.example>", "252 2.0.0"),
    ("VRFY one", "250 2.1.5"),
    ("VRFY one SMTPUTF8", "250 2.1.5"),
    ("VRFY Joe User", "501 5.5.4"),
    ("VRFY broken", "451 4.3.5"),
    ("VRFY", "501 5.5.4"),
    ("EXPN one", "250 2.1.5"),
    ("EXPN buecher", "252 2.6.8"),
    ("EXPN buecher SMTPUTF8", "250 2.1.5"),
    ("VRFY bücher@d.example", "252 2.6.8"),
    ("EXPN a@b.example", "250 2.1.5"),
    ("EXPN", "501 5.5.4"),
    ("HELP", "214 2.0.0"),
    ("HELP MAIL", "214 2.0.0"),
    ("EHLO", "501 5.5.4"),
    ("HELO", "501 5.5.4"),
    ("STARTTLS", "502 5.5.1"),
    ("AUTH PLAIN", "502 5.5.1"),
    ("ETRN x.example", "502 5.5.1"),
    ("FROBNICATE", "500 5.5.2"),
    ("", "500 5.5.2"),
    ("X" * 9000, "500 5.5.2"),
    ("X" * 70000, "500 5.5.2"),
    ("NOOP\0", "500 5.5.2"),
])
def test_command_gets_its_code(server, command, code):
    lines = server.run(f"EHLO x\r\n{command}\r\nQUIT\r\n")
    assert lines[10].startswith(code)
    assert lines[11:] == ["221 2.0.0 Bye"]


@pytest.mark.parametrize("command, code", [
    ("RCPT TO:<c@d.example> NOTIFY=NEVER", "250 2.1.5"),
    ("RCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y",
     "250 2.1.5"),
    ("RCPT TO:<c@d.example> ORCPT=rfc822;x+2By@z", "250 2.1.5"),
    ("RCPT TO:<c@d.example> ORCPT=rfc822;x+y@z", "501 5.5.4"),
    ("RCPT TO:<c@d.example> ORCPT=rfc822;", "501 5.5.4"),
    ("RCPT TO:<c@d.example> ORCPT=x@y", "501 5.5.4"),
    ("RCPT TO:<c@d.example> NOTIFY=SOMETIMES", "501 5.5.4"),
    ("RCPT TO:<c@d.example> NOTIFY=NEVER,DELAY", "501 5.5.4"),
    ("RCPT TO:<c@d.example> NOTIFY=NEVER notify=NEVER", "501 5.5.4"),
    ("RCPT TO:<c@d.example> ORCPT=rfc822;x@y ORCPT=rfc822;x@y", "501 5.5.4"),
    ("RCPT TO:<c@d.example> SIZE=1", "555 5.5.4"),
    ("RCPT TO:<Postmaster>", "250 2.1.5"),
    ("RCPT TO:<team>", "250 2.1.5"),
    ("RCPT TO:<>", "553 5.1.3"),
    ("RCPT TO:<@r.example:c@d.example>", "250 2.1.5"),
    ('RCPT TO:<"a b"@d.example>', "250 2.1.5"),
    ("RCPT TO:<bücher@d.example>", "250 2.1.5"),
    ("RCPT TO:<broken>", "451 4.3.5"),
    ("RCPT TO:c@d.example", "250 2.1.5"),
    ("RCPT TO:<|/bin/sh>", "250 2.1.5"),
    ("RCPT TO:", "501 5.5.4"),
    ("RCPT", "501 5.5.4"),
    ("MAIL FROM:<x@y.example>", "503 5.5.1"),
    ("DATA", "503 5.5.1"),
    ("BDAT 0 LAST", "503 5.5.1"),
    ("RCPT TO:<>\r\nDATA", "553 5.1.3"),
])
def test_recipient_gets_its_code(server, command, code):
    lines = server.run(f"EHLO x\r\nMAIL FROM:<>\r\n{command}\r\nQUIT\r\n")
    assert lines[11].startswith(code)


def test_all_recipients_refused(server):
    """Which is another matter than none: RFC 5321 section 3.3."""
    codes = server.codes("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nDATA\r\n"
                         "RSET\r\nMAIL FROM:<>\r\nDATA\r\nQUIT\r\n")
    assert codes[-6:] == ["553", "554", "250", "250", "503", "221"]


def test_greeting_comes_first(server):
    assert server.codes("MAIL FROM:<>\r\nQUIT\r\n")[1] == "503"


@pytest.mark.parametrize("command", ["RSET", "EHLO x", "HELO x"])
def test_command_ends_the_transaction(server, command):
    codes = server.codes("EHLO x\r\n" + ENVELOPE + command +
                         "\r\nDATA\r\nQUIT\r\n")
    assert codes[4:] == ["250", "503", "221"]


def test_bad_ehlo_leaves_the_transaction(server):
    codes = server.codes("EHLO x\r\n" + ENVELOPE +
                         "EHLO\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert codes[4:] == ["501", "354", "250", "221"]


def test_members_are_told(server):
    for verb in "EXPN", "VRFY":
        lines = server.run(f"EHLO x\r\n{verb} team\r\nQUIT\r\n")
        assert lines[10:12] == ["250-2.1.5 <a@x.example>",
                               "250 2.1.5 <b@x.example>"]


def test_reply_is_no_longer_than_allowed(server):
    lines = server.run("EHLO x\r\nMAIL FROM:<" + "ü" * 4000 +
                       "@x.example>\r\nQUIT\r\n")
    assert lines[10].startswith("553 5.1.3 ")
    assert max(len(line.encode()) for line in lines) <= 510


def test_too_many_recipients(server):
    text = "MAIL FROM:<>\r\n" + "".join(
        f"RCPT TO:<r{i}@d.example>\r\n" for i in range(10001))
    codes = server.codes("EHLO x\r\n" + text + "DATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert codes[-5:] == ["250", "452", "354", "250", "221"]
    assert server.stored()[0].count(b"\nto ") == 10000


# Who does not know what he says, and who does well all the same

def test_errors_without_end_end_the_session(server):
    assert server.codes("EHLO x\r\n" + "WHAT\r\n" * 200)[-2:] == ["500", "421"]
    lines = server.run("EHLO x\r\n" + ENVELOPE + "WHAT\r\n" * 101 +
                       "DATA\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert lines[-1].startswith("421 4.7.0")
    assert server.stored() == []


def test_errors_are_forgiven_to_who_gets_mail_through(server):
    """A worker of a web program may live for weeks."""
    text = "EHLO x\r\n" + 3 * (
        ENVELOPE + "RCPT TO:<>\r\n" * 60 + "DATA\r\n\r\nx\r\n.\r\n")
    assert server.codes(text + "QUIT\r\n")[-2:] == ["250", "221"]
    assert len(server.stored()) == 3


def test_flags_are_tolerated(server):
    codes = server.codes("HELO x\r\nQUIT\r\n",
                         ["-odb", "-oem", "-om", "-i", "-t",
                          "-f", "x@y.example"])
    assert codes == ["220", "250", "221"]


def test_log_knows_what_a_client_may_never_show(server):
    server.configure(log="stderr")
    result = server.programs.sendmail(
        "-bs", stdin="EHLO x\r\nMAIL FROM:<> SIZE=30000\r\nMAIL FROM:<>\r\n"
        "RCPT TO:<-x@y.example>\r\nRSET\r\nQUIT\r\n").expect(0)
    refusals = [line.split(f"uid={os.getuid()}: ")[1]
                for line in result.errors.splitlines()]
    assert [refusal[:9] for refusal in refusals] == ["552 5.3.4", "553 5.1.3"]
    assert "-x@y.example" in refusals[1]


def test_only_replies_where_both_outputs_are_one(server):
    """As nmh and inetd have it: a line of the log would be a reply."""
    server.configure(log="stderr")
    result = subprocess.run(
        [server.programs.build / "sendmail", "-bs"],
        input=b"EHLO x\r\nMAIL FROM:<> SIZE=30000\r\nQUIT\r\n",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=server.programs.environment(), timeout=60, check=True)
    lines = result.stdout.decode().splitlines()
    assert all(re.match(r"[245][0-9]{2}[ -]", line) for line in lines), lines
    assert lines[-2].startswith("552 ")


def test_bad_configuration_asks_to_come_again(server):
    server.configure(message_size_limit="many")
    line, = server.run("HELO x\r\nQUIT\r\n", status=78)
    assert line.startswith("421 4.3.5 ") and "message_size_limit" in line


class Opened:
    """Counts how often a file is opened: inotify(7)."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self.fd, os.fsencode(path), 0x20) != -1

    def count(self):
        """Events of the same kind in a row are one."""
        size = struct.calcsize("iIII")
        try:
            return len(os.read(self.fd, 65536)) // size
        except BlockingIOError:
            return 0
        finally:
            os.close(self.fd)


def ask(client, text, code):
    client.sendall(text.encode() + b"\r\n")
    reply = client.recv(4096).decode()
    assert reply.startswith(code), reply
    return reply


def test_aliases_are_read_once_a_session(server):
    process, client = server.open()
    client.recv(4096)
    ask(client, "HELO x", "250")
    ask(client, "MAIL FROM:<>", "250")
    ask(client, "RCPT TO:<team>", "250")
    opened = Opened(server.aliases)
    for name in ("one", "team", "nobody", "one"):
        ask(client, f"RCPT TO:<{name}>", "250")
        ask(client, "VRFY one", "250")
    assert opened.count() == 0
    client.close()
    assert process.wait(30) == 0


def test_a_change_of_the_aliases_counts_in_the_session(server):
    process, client = server.open()
    client.recv(4096)
    assert "<a@x.example>" in ask(client, "EXPN one", "250")
    written = server.aliases.stat()
    server.aliases.write_text(server.aliases.read_text().replace(
        "one: a@x", "one: z@x"))
    os.utime(server.aliases, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert "<z@x.example>" in ask(client, "EXPN one", "250")
    server.aliases.unlink()
    assert "<one@example.com>" in ask(client, "EXPN one", "250")
    server.aliases.write_text("one: y@x.example\n")
    assert "<y@x.example>" in ask(client, "EXPN one", "250")
    client.close()
    assert process.wait(30) == 0


def test_silence_ends_the_session(server):
    """Outside a transaction, as the option says."""
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    with ours, subprocess.Popen(
            [server.programs.build / "sendmail", "-bs",
             "-O", "Timeout.command=1s"], stdin=theirs, stdout=theirs,
            env=server.programs.environment()) as process:
        theirs.close()
        words = b""
        while more := ours.recv(100):
            words += more
        assert b"\r\n421 4.4.2 " in words
        assert process.wait(30) == 0
