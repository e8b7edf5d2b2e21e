"""sendmail -bs: SMTP on standard input, stored in the queue."""

import pytest


@pytest.fixture
def server(tmp_path, programs):
    """Runs `sendmail -bs` with a drop directory of its own."""
    return Server(tmp_path, programs)


class Server:
    def __init__(self, tmp_path, programs):
        self.programs = programs
        self.spool = tmp_path / "spool"
        self.spool.mkdir()
        self.drop = self.spool / "drop"
        self.drop.mkdir()
        self.drop.chmod(0o3733)
        self.config = tmp_path / "postrider.conf"
        aliases = tmp_path / "aliases"
        aliases.write_text("team: a@x.example, b@x.example\n"
                           "broken: |/bin/cat\n")
        self.config.write_text(
            'hostname = "web1.example.com"\ndomain = "example.com"\n'
            f'aliases = "{aliases}"\nlog = "none"\n'
            f'spool = "{self.spool}"\nmessage_size_limit = "20k"\n')

    def run(self, text, arguments=()):
        data = text if isinstance(text, bytes) else text.encode()
        result = self.programs.sendmail(
            "-bs", *arguments, stdin=data,
            env={"POSTRIDER_CONFIG": str(self.config)})
        assert result.status == 0, result
        assert b"\n" not in result.stdout.replace(b"\r\n", b"")
        return result.stdout.decode().split("\r\n")[:-1]

    def codes(self, text, arguments=()):
        return [line[:3] for line in self.run(text, arguments)
                if line[3:4] == " "]

    def stored(self):
        return [path.read_bytes() for path in sorted(self.drop.iterdir())]


ENVELOPE = "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"


def content(stored):
    """The message in a stored file, without what was added to it."""
    text = stored.split(b"\n\n", 1)[1].rsplit(b"END ", 1)[0]
    return text.split(b"\r\n\r\n", 1)[1]


def test_message_is_stored_when_the_dot_is_answered(server):
    codes = server.codes("HELO x\r\n" + ENVELOPE +
                         "DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    assert codes == ["220", "250", "250", "250", "354", "250", "221"]
    stored, = server.stored()
    assert b"from a@b.example\nto - - c@d.example\n" in stored
    assert content(stored) == b"hello\r\n"


def test_several_transactions_and_rset(server):
    text = ("HELO x\r\n" + ENVELOPE + "DATA\r\n\r\n1\r\n.\r\n" + ENVELOPE +
            "RSET\r\nRCPT TO:<x@y.example>\r\n" + ENVELOPE +
            "DATA\r\n\r\n2\r\n.\r\nQUIT\r\n")
    assert server.codes(text)[6:9] == ["250", "250", "250"]
    assert len(server.stored()) == 2


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


@pytest.mark.parametrize("command, code", [
    ("MAIL FROM:<a@b.example> SIZE=99999999", "552"),
    ("MAIL FROM:<a@b.example> SIZE=x", "501"),
    ("MAIL FROM:<a@b.example> FOO=1", "555"),
    ("MAIL FROM:a@b.example", "250"),
    ("MAIL FROM: <a@b.example>", "250"),
    ("mail from:<>", "250"),
    ("MAIL FROM:<a b@c.example>", "553"),
    ("MAIL FROM:<-x@c.example>", "553"),
    ("MAIL FROM:<a@b.example> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x", "250"),
    ("MAIL FROM:<a@b.example> RET=SOME", "501"),
    ("MAIL", "501"),
    ("RCPT TO:<a@b.example>", "503"),
    ("DATA", "503"),
    ("VRFY root", "252"),
    ("VRFY", "501"),
    ("HELP", "214"),
    ("STARTTLS", "502"),
    ("AUTH PLAIN", "500"),
    ("FROBNICATE", "500"),
    ("", "500"),
    ("X" * 9000, "500"),
    ("NOOP\0", "500"),
])
def test_command_gets_its_code(server, command, code):
    assert server.codes(f"EHLO x\r\n{command}\r\nQUIT\r\n")[2] == code


@pytest.mark.parametrize("command, code", [
    ("RCPT TO:<c@d.example> NOTIFY=NEVER", "250"),
    ("RCPT TO:<c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y", "250"),
    ("RCPT TO:<c@d.example> NOTIFY=SOMETIMES", "501"),
    ("RCPT TO:<Postmaster>", "250"),
    ("RCPT TO:<>", "553"),
    ("RCPT TO:<@r.example:c@d.example>", "250"),
    ('RCPT TO:<"a b"@d.example>', "250"),
    ("RCPT TO:<broken>", "451"),
    ("RCPT TO:c@d.example", "250"),
    ("RCPT", "501"),
])
def test_recipient_gets_its_code(server, command, code):
    text = f"EHLO x\r\nMAIL FROM:<>\r\n{command}\r\nQUIT\r\n"
    assert server.codes(text)[3] == code


def test_greeting_comes_first(server):
    assert server.codes("MAIL FROM:<>\r\nQUIT\r\n")[1] == "503"


def test_chunks_are_put_together(server):
    text = ("EHLO x\r\n" + ENVELOPE + "BDAT 9\r\nA: b\r\n\r\n." +
            "BDAT 5 LAST\r\nx\r\n.\nQUIT\r\n")
    assert server.codes(text)[-3:] == ["250", "250", "221"]
    assert content(server.stored()[0]) == b".x\r\n.\r\n"


def test_chunk_without_recipients_is_read_and_refused(server):
    text = "EHLO x\r\nMAIL FROM:<>\r\nBDAT 6 LAST\r\nRSET\r\nQUIT\r\n"
    assert server.codes(text)[3:] == ["554", "221"]
    assert server.stored() == []


def test_large_message_is_read_and_refused(server):
    text = ("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\n" + "x\r\n" * 20000 +
            ".\r\nNOOP\r\nQUIT\r\n")
    assert server.codes(text)[-3:] == ["552", "250", "221"]
    assert server.stored() == []


def test_client_that_goes_away_leaves_nothing(server):
    server.run("EHLO x\r\n" + ENVELOPE + "DATA\r\n\r\nhalf")
    assert server.stored() == []


def test_alias_members_are_told(server):
    lines = server.run("EHLO x\r\nEXPN team\r\nQUIT\r\n")
    assert "250-<a@x.example>" in lines and "250 <b@x.example>" in lines


def test_flags_are_tolerated(server):
    codes = server.codes("HELO x\r\nQUIT\r\n",
                         ["-odb", "-oem", "-om", "-i", "-f", "x@y.example"])
    assert codes == ["220", "250", "221"]


def test_bcc_is_removed(server):
    server.run("HELO x\r\n" + ENVELOPE +
               "DATA\r\nBcc: secret@x.example\r\n\r\nx\r\n.\r\nQUIT\r\n")
    assert b"secret" not in server.stored()[0]
