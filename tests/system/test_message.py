"""What becomes of a message between standard input and the draft."""

import os
import pwd
import quopri
import re
import subprocess

import pytest

from lib.harness import message, wire, without

TO = "bob@b.example"
LOGIN = pwd.getpwuid(os.getuid()).pw_name


def submit(front, stdin, *arguments):
    front.sendmail(*(arguments or [TO]), stdin=stdin).expect(0)
    return front.draft()


# A complete message passes untouched

COMPLETE = message()


@pytest.mark.parametrize("body", [
    b"", b"\n", b"hello\n", b"two\n\nparts\n", b"  spaces  \n", b"\ttab\n",
    b"From me to you\n", b">From me\n", b"x" * 998 + b"\n",
    b"\n" * 1000,
    b"Gr\xc3\xbc\xc3\x9fe\n", b"\xfc\xdf\xff\n", b"a\0b\n", b"\x1b[2J\x07\n",
    b"Bcc: not a field\n", b"END 00000000000000000000 00000000 7\n",
    b"postrider 1 0\n", bytes(range(14, 256)) + b"\n",
    b"line\n" * 40000, b"\xef\xbb\xbfbom\n",
])
def test_body_passes_as_it_is(front, body):
    draft = submit(front, message(body), "-i", TO)
    assert draft.content == wire(message(body))
    assert draft.is_8bit == any(octet > 127 for octet in body)


@pytest.mark.parametrize("field", [
    b"Subject: plain", b"subject:no space", b"Subject:  two  spaces ",
    b"Subject: folded\n over\n\tlines", b"Subject:", b"Subject: ",
    b"SUBJECT: in capitals", b"X-Odd!#$%&'*+: x",
    b"X-Long: " + b"y" * 20000, b"X-8bit: \xfc\xdf", b"X-UTF8: \xc3\xbc",
    b"Reply-To: a@b.example (comment)", b"Cc: Strange <bob@b.example> (x)",
    b"Cc: =?utf-8?q?=C3=BC?= <u@b.example>", b"Cc: \"q, u\" <c@b.example>",
    b"Received: from x by y; Tue, 24 Nov 2026 08:27:29 +0100",
    b"DKIM-Signature: v=1; a=rsa-sha256;\n\tb=abc=",
    b"List-Id: <x.example>", b"Reply-To: not an address at all <",
])
def test_field_passes_as_it_is(front, field):
    text = b"\n".join([field, message(Subject=None)])
    draft = submit(front, text)
    assert draft.content == wire(text)


@pytest.mark.parametrize("field, sent", [
    (b"Subject : x", b"Subject: x\n"), (b"X-A \t:\n y", b"X-A:\n y\n"),
    (b"Return-Path: <x@y.example>", b""), (b"content-length : 5", b""),
    (b"Subject: a\n \n\t\n b", b"Subject: a\n b\n"), (b"X-A:\n \t", b"X-A:\n"),
    (b"Subject: a\n" + b" " * 999 + b"\n b\n ", b"Subject: a\n b\n"),
])
def test_field_that_may_not_leave_like_that(front, field, sent):
    rest = message(Subject=None)
    draft = submit(front, b"\n".join([field, rest]))
    assert draft.content == wire(sent + rest)


def test_order_and_repetition_are_kept(front):
    text = b"B: 1\nA: 2\nB: 3\nReceived: x\nReceived: y\n" + COMPLETE
    assert submit(front, text).content == wire(text)


def test_ten_thousand_fields(front):
    text = b"".join(b"X-%d: %d\n" % (i, i) for i in range(10000)) + COMPLETE
    assert submit(front, text).content == wire(text)


def test_field_of_a_megabyte(front):
    text = b"X-Big: " + b"z" * (1 << 20) + b"\n" + COMPLETE
    assert submit(front, text).content == wire(text)


# Lines that common servers refuse

@pytest.mark.parametrize("body", [
    b"x" * 999 + b"\n", b"short\n" * 20000 + b"x" * 300000 + b"\n",
    b"x" * 70000, b"word \t " * 500 + b"\n", b"\xc3\xbc=" * 9999 + b"\nb\n",
    b"\n\n.\n..\n" + b"a\0\x01" * 999 + b"\nFrom x\n",
])
@pytest.mark.parametrize("fields", [
    {}, {"Content_Type": "text/plain; charset=UTF-8"},
    {"Content_Transfer_Encoding": "8bit", "MIME_Version": "1.0",
     "Content_Type": "TEXT/html"},
])
def test_overlong_line_of_a_text_is_encoded(front, body, fields):
    draft = submit(front, message(body, **fields), "-i", TO)
    assert quopri.decodestring(draft.body) == \
        wire(body if body.endswith(b"\n") else body + b"\n")
    assert max(map(len, draft.body.split(b"\r\n"))) <= 76
    assert not re.search(rb"[ \t]\r\n", draft.body)
    assert draft.fields("Content-Transfer-Encoding") == ["quoted-printable"]
    assert draft.fields("MIME-Version") == ["1.0"]
    assert len(draft.fields("Content-Type")) == 1
    assert not draft.is_8bit


@pytest.mark.parametrize("body, charset", [
    (b"x" * 999, "us-ascii"), (b"x" * 20000 + b"\xc3\xbc" * 20000, "utf-8"),
    (b"\xf0\x9f\x93\xac" * 20001, "utf-8"),
    (b"\xfc" * 20000, "unknown-8bit"),
    (b"\xc3" + b"\xbc" * 40000, "unknown-8bit"),
])
def test_encoded_text_has_a_charset(front, body, charset):
    draft = submit(front, message(body), TO)
    assert draft.fields("Content-Type") == [f"text/plain; charset={charset}"]
    assert quopri.decodestring(draft.body) == body + b"\r\n"


@pytest.mark.parametrize("fields", [
    {"Content_Type": "multipart/mixed; boundary=x"},
    {"Content_Type": "application/pdf"},
    {"Content_Type": "text/plain", "Content_type": "text/html"},
    {"Content_Transfer_Encoding": "base64"},
    {"Content_Transfer_Encoding": "Quoted-Printable"},
    {"DKIM_Signature": "v=1; a=rsa-sha256"},
])
def test_other_overlong_lines_stay(front, fields):
    text = message(b"x" * 5000 + b"\n", **fields)
    assert submit(front, text).content == wire(text)


def test_encoded_text_counts_as_it_leaves(front):
    front.write_config(extra='message_size_limit = "10K"\n')
    front.sendmail(TO, stdin=message(b"\xff" * 4000)).expect(65)
    front.sendmail(TO, stdin=message(b"x" * 4000)).expect(0)


@pytest.mark.parametrize("field", [
    b"To: " + b", ".join(b"user%d@b.example" % i for i in range(999)),
    b"References: " + b" ".join(b"<%d@b.example>" % i for i in range(999)),
    b"X-Words:" + b" word" * 9999, b"X-Folded: a\n\t" + b"b " * 999 + b"c",
    b"X-Some: " + b"y" * 998 + b" " + b"z" * 2000 + b" end",
])
def test_overlong_line_of_a_field_is_folded(front, field):
    text = message(To=None) if field.startswith(b"To") else COMPLETE
    draft = submit(front, field + b"\n" + text, TO)
    sent = draft.content[:draft.content.index(b"\r\nFrom:")]
    assert sent.replace(b"\r\n", b"") == field.replace(b"\n", b"")
    for line in sent.split(b"\r\n"):
        assert len(line) <= 998 or b" " not in line.strip().split(b": ")[-1]
        assert line.strip()


@pytest.mark.parametrize("fields, sent", [
    (b"To: a@b.example\nTo: c@d.example\n",
     b"To: a@b.example,\n c@d.example\n"),
    (b"To:\nTo: a@b.example\n", b"To: a@b.example\n"),
    (b"Cc: A <a@b.example>,\nX: y\ncc:\n B <c@d.example> (x)\nCC: \n",
     b"Cc: A <a@b.example>,\n B <c@d.example> (x)\nX: y\n"),
    (b"Reply-To: a@b.example\nReply-To: G: c@d.example;\n",
     b"Reply-To: a@b.example,\n G: c@d.example;\n"),
    (b"To: a@b.example\nTo: not <an address\n",
     b"To: a@b.example\nTo: not <an address\n"),
])
def test_several_fields_of_addresses_become_one(front, fields, sent):
    rest = message(To=None) if fields.startswith(b"To") else COMPLETE
    assert submit(front, fields + rest).content == wire(sent + rest)


@pytest.mark.parametrize("field, sent", [
    (b"Reply-To: Anon <>", b""), (b"reply-to: <>", b""), (b"Cc: A <>, <>", b""),
    (b"Reply-To: Anon\n < >", b""), (b"Reply-To:", b"Reply-To:\n"),
    (b"Reply-To: A <a@b.example>, B <>",
     b"Reply-To: A <a@b.example>, B <>\n"),
    (b"Cc: nobody: <>;", b"Cc: nobody: <>;\n"),
    (b"Reply-To: not <an address", b"Reply-To: not <an address\n"),
    (b"X-Reply-To: <>", b"X-Reply-To: <>\n"),
])
def test_list_of_no_address_is_left_out(front, field, sent):
    """Exim refuses "missing or malformed local part"."""
    text = field + b"\n" + COMPLETE
    assert submit(front, text).content == wire(sent + COMPLETE)
    assert submit(front, text, "-G", TO).content == wire(text)


@pytest.mark.parametrize("field, sent", [
    (b"Reply-To: a@b.example; c@d.example;", b"Reply-To: a@b.example, "
     b"c@d.example \n"),
    (b'Cc: "x;y" <a@b.example>;\n (c\\);d) e@f.example',
     b'Cc: "x;y" <a@b.example>,\n (c\\);d) e@f.example\n'),
    (b"Cc: a@[IPv6:::1];b@c.example", b"Cc: a@[IPv6:::1],b@c.example\n"),
    (b"Cc: =?utf-8?q?a;b?= <a@b.example>; c@d.example",
     b"Cc: =?utf-8?q?a;b?= <a@b.example>, c@d.example\n"),
    (b"Cc: g: a@b.example; ", b"Cc: g: a@b.example; \n"),
    (b"Cc: g:;, a@b.example; c@d.example",
     b"Cc: g:;, a@b.example, c@d.example\n"),
    (b"Cc: a@b.example; not <an", b"Cc: a@b.example; not <an\n"),
    (b"X-Cc: a@b.example; c@d.example", b"X-Cc: a@b.example; c@d.example\n"),
])
def test_semicolons_are_commas(front, field, sent):
    """SES refuses "Illegal semicolon, not in group"."""
    text = field + b"\n" + COMPLETE
    assert submit(front, text).content == wire(sent + COMPLETE)
    assert submit(front, text, "-G", TO).content == wire(text)


def test_two_authors_under_a_rule_become_one(front):
    front.write_config(
        extra='sender "*" {\naddress = "shop@x.example"\n}\n')
    text = b"From: A <a@b.example>\nSender: x\nSender: y\n" + COMPLETE
    draft = submit(front, text)
    assert draft.fields("From") == ["A <shop@x.example>"]
    assert draft.fields("Sender") == ["shop@x.example"]


@pytest.mark.parametrize("name", ["From", "Sender", "Subject", "Date",
                                  "Message-ID", "In-Reply-To", "References"])
def test_of_several_such_fields_the_first_is_sent(front, name):
    """Gmail, for example, refuses all others: its page on duplicate headers."""
    one, two = (f"{name}: <{i}@b.example>\n".encode() for i in (1, 2))
    empty, same = f"{name}:\n".encode(), one.replace(b": ", b":  ")
    rest = message(**{name: None})
    sent = wire(one + b"X: y\n" + rest)
    for text in (one + b"X: y\n" + two + same,
                 one + b"X: y\n" + empty, empty + b"X: y\n" + one):
        assert submit(front, text + rest).content == sent
    assert submit(front, one + two + rest, "-G", TO).content == \
        wire(one + two + rest)


@pytest.mark.parametrize("fields, sent", [
    (b"MIME-Version: 1.0\nX: y\nMime-Version: 1.0 (x)\n",
     b"MIME-Version: 1.0\nX: y\n"),
    (b"Content-Type: text/html;\n charset=UTF-8\n"
     b"Content-type: text/html; charset=utf-8\n",
     b"Content-Type: text/html;\n charset=UTF-8\n"),
    (b"Content-Transfer-Encoding: 8bit\n" * 3,
     b"Content-Transfer-Encoding: 8bit\n"),
    (b"Content-Disposition:\nContent-Disposition: inline\n",
     b"Content-Disposition: inline\n"),
    (b"List-Unsubscribe: <http://x.example/>\n" * 2,
     b"List-Unsubscribe: <http://x.example/>\n"),
    (b"Content-Type: text/html\nContent-Type: text/plain\n" * 2,
     b"Content-Type: text/html\nContent-Type: text/plain\n" * 2),
    (b"Content-Type: text/html\nContent-Type: text/html; charset=UTF-8\n",
     b"Content-Type: text/html\nContent-Type: text/html; charset=UTF-8\n"),
])
def test_field_that_is_there_again_is_sent_once(front, fields, sent):
    """SES refuses "Duplicate header 'Content-Type'", amavis a bad header."""
    assert submit(front, fields + COMPLETE).content == wire(sent + COMPLETE)
    assert submit(front, fields + COMPLETE, "-G", TO).content == \
        wire(fields + COMPLETE)


@pytest.mark.parametrize("value, sent", [
    (b"1@a.example", b"<1@a.example>"), (b"1@[192.0.2.1]", b"<1@[192.0.2.1]>"),
    (b"5fd3", b"<5fd3@client.example>"), (b"<5fd3>", b"<5fd3@client.example>"),
    (b"\n <1@a.example>", b"\n <1@a.example>"), (b"<1@a> (x)", b"<1@a> (x)"),
    (b"two words", b"two words"), (b"@a.example", b"@a.example"),
    (b"1@", b"1@"), (b"1@2@a.example", b"1@2@a.example"),
    (b"<1@a.example", b"<1@a.example"), (b"<>", b"<>"), (b"a,b", b"a,b"),
    (b"\xc3\xbc@a.example", b"\xc3\xbc@a.example"),
])
def test_message_id_gets_what_it_lacks(front, value, sent):
    """Gmail refuses "missing a valid Message-ID"."""
    rest = message(Message_ID=None)
    field, wanted = (b"Message-ID: " + v + b"\n" for v in (value, sent))
    assert submit(front, field + rest).content == wire(wanted + rest)
    assert submit(front, field + rest, "-G", TO).content == wire(field + rest)


# Line ends

@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n"])
def test_line_ends_become_crlf(front, end):
    text = COMPLETE.replace(b"\n", end)
    assert submit(front, text).content == wire(COMPLETE)


@pytest.mark.parametrize("text, wired", [
    (b"A: 1\r\nB: 2\n\nbody\r\nx\ny\rz\n",
     b"A: 1\r\nB: 2\r\n\r\nbody\r\nx\r\ny\r\nz\r\n"),
    (b"A: 1\nB: 2\r\n\r\nbody\n", b"A: 1\r\nB: 2\r\n\r\nbody\r\n"),
    (b"A: 1\n\nno end", b"A: 1\r\n\r\nno end\r\n"),
    (b"A: 1\n\nends in cr\r", b"A: 1\r\n\r\nends in cr\r\n"),
    (b"A: 1\n\nx\r\r\ny\n", b"A: 1\r\n\r\nx\r\ny\r\n"),
    (b"A: 1\n\nx\r\ry\n", b"A: 1\r\n\r\nx\r\n\r\ny\r\n"),
    (b"A: 1\n\n\n\n", b"A: 1\r\n\r\n\r\n\r\n"),
    (b"A: 1\r\n folded\n more\r\n\nx\n",
     b"A: 1\r\n folded\r\n more\r\n\r\nx\r\n"),
])
def test_mixed_line_ends(front, text, wired):
    content = submit(front, text, "-i", TO).content
    header, _, body = wired.partition(b"\r\n\r\n")
    assert content.startswith(header + b"\r\n")
    assert content.endswith(b"\r\n\r\n" + body)


# Dots

@pytest.mark.parametrize("body, without_i, with_i", [
    (b"a\n.\nb\n", b"a\n", b"a\n.\nb\n"),
    (b"a\n..\nb\n", b"a\n.\nb\n", b"a\n..\nb\n"),
    (b"a\n.b\n", b"a\n.b\n", b"a\n.b\n"),
    (b".htaccess was changed\n", b".htaccess was changed\n",
     b".htaccess was changed\n"),
    (b"a\n..b\n", b"a\n.b\n", b"a\n..b\n"),
    (b"a\r.\rb\n", b"a\n.\nb\n", b"a\n.\nb\n"),
    (b"a\n.\rb\n", b"a\n.\nb\n", b"a\n.\nb\n"),
    (b"a\r.\nb\n", b"a\n.\nb\n", b"a\n.\nb\n"),
    (b"a\n.\r\r\nb\n", b"a\n", b"a\n.\nb\n"),
    (b"a\n...b\n", b"a\n..b\n", b"a\n...b\n"),
    (b".\n", b"", b".\n"),
    (b"..\n", b".\n", b"..\n"),
    (b"a\n.\r\nb\n", b"a\n", b"a\n.\nb\n"),
    (b"a\r\n.\r\nb\r\n", b"a\n", b"a\n.\nb\n"),
    (b"a.\n.", b"a.\n", b"a.\n.\n"),
    (b"a\n. \nb\n", b"a\n. \nb\n", b"a\n. \nb\n"),
    (b" .\nb\n", b" .\nb\n", b" .\nb\n"),
])
@pytest.mark.parametrize("option", [None, "-i", "-oi"])
def test_dots(front, body, without_i, with_i, option):
    arguments = [TO] if option is None else [option, TO]
    draft = submit(front, message(body), *arguments)
    assert draft.body == wire(without_i if option is None else with_i)


@pytest.mark.parametrize("option, end", [(None, b""), ("-i", b".\r\ny\r\n")])
def test_dot_after_a_long_line(front, option, end):
    text = message(b"x" * 70000 + b"\n.\ny\n", DKIM_Signature="v=1")
    draft = submit(front, text, *filter(None, [option, TO]))
    assert draft.body == b"x" * 70000 + b"\r\n" + end


def test_dot_ends_the_header_too(front):
    draft = submit(front, b"Subject: x\n.\nTo: y\n")
    assert draft.fields("Subject") == ["x"] and draft.body == b""


# Odd shapes

@pytest.mark.parametrize("text, fields, body", [
    (b"just text\n", {}, b"just text\r\n"),
    (b"\njust text\n", {}, b"just text\r\n"),
    (b"Subject: x\nno field\nA: b\n", {"Subject": ["x"]},
     b"no field\r\nA: b\r\n"),
    (b"Subject: x\n", {"Subject": ["x"]}, b""),
    (b"Subject: x", {"Subject": ["x"]}, b""),
    (b"From alice Tue Nov 24 08:27:29 2026\nSubject: x\n\nb\n",
     {"Subject": ["x"]}, b"b\r\n"),
    (b">From alice Tue Nov 24 08:27:29 2026\nSubject: x\n\nb\n",
     {"Subject": ["x"]}, b"b\r\n"),
    (b"\n", {}, b""),
    (b"\n\n\n", {}, b"\r\n\r\n"),
    (b"http://example.com/ is a link\n", None, None),
    (b": no name\n", {}, b": no name\r\n"),
    (b" starts folded\nSubject: x\n\nb\n", None, None),
])
def test_odd_shapes(front, text, fields, body):
    draft = submit(front, text, "-i", TO)
    if fields is None:                  # whatever: it must arrive
        assert wire(text).split()[-1] in draft.content
        return
    assert draft.body == body
    for name, values in fields.items():
        assert draft.fields(name) == values


# What is added

def test_missing_fields_are_added(front):
    draft = submit(front, b"Subject: x\n\nb\n", "-f", "x@y.example", TO)
    assert draft.fields("From") == ["x@y.example"]
    assert draft.fields("To") == ["undisclosed-recipients:;"]
    assert re.fullmatch(r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}",
                        draft.fields("Date")[0])
    assert re.fullmatch(r"<\S+@client\.example>",
                        draft.fields("Message-ID")[0])
    assert draft.id in draft.fields("Message-ID")[0]


@pytest.mark.parametrize("name", ["From", "Date", "Message-ID", "To"])
def test_fields_are_added_once(front, name):
    without_it = without(wire(COMPLETE), name)
    draft = submit(front, without_it)
    assert len(draft.fields(name)) == 1
    assert len(draft.fields("From")) == 1
    assert without(draft.content, name) == without_it


@pytest.mark.parametrize("cc", [{"Cc": "c@b.example"}, {"To": TO}])
def test_visible_recipients_are_enough(front, cc):
    fields = {"To": None, **cc}
    draft = submit(front, message(**fields))
    assert b"undisclosed" not in draft.content


@pytest.mark.parametrize("name, written", [
    ("Alice", "Alice <x@y.example>"),
    ("Alice B. Carl", None),
    ("Web-1 Server", "Web-1 Server <x@y.example>"),
    ('"Reminder Service"', None),
    ("A, B", '"A, B" <x@y.example>'),
    ("(Cron)", None),
    ("", "x@y.example"),
])
def test_full_name(front, name, written):
    draft = submit(front, message(From=None), "-F", name, "-f",
                   "x@y.example", TO)
    field = draft.fields("From")[0]
    assert field.endswith("x@y.example>") or field == "x@y.example"
    if written is not None:
        assert field == written
    else:
        inner = name.strip('"')
        assert field in (f'"{inner}" <x@y.example>',
                         f"{inner} <x@y.example>")


def test_full_name_is_encoded(front):
    draft = submit(front, message(From=None), "-F", "Jürgen Groß", "-f",
                   "x@y.example", TO)
    field = draft.fields("From")[0]
    assert field.isascii() and "=?utf-8?" in field.lower()


def test_full_name_cannot_add_a_field(front):
    draft = submit(front, message(From=None), "-F", "x\r\nBcc: evil@e.example",
                   "-f", "x@y.example", TO)
    assert draft.fields("Bcc") == []
    assert len(draft.fields("From")) == 1


def test_user_is_the_author(front):
    draft = submit(front, message(From=None))
    assert f"{LOGIN}@a.example" in draft.fields("From")[0]


def test_null_reverse_path_has_the_user_as_author(front):
    draft = submit(front, message(From=None), "-f", "<>", TO)
    assert f"{LOGIN}@a.example" in draft.fields("From")[0]


def test_full_name_leaves_a_given_from(front):
    draft = submit(front, COMPLETE, "-F", "Other", TO)
    assert draft.content == wire(COMPLETE)


# What is completed

@pytest.mark.parametrize("field, completed", [
    ("From: root", "From: root@a.example"),
    ("From: root (Cron Daemon)", "From: root@a.example (Cron Daemon)"),
    ("From: Anacron <root>", "From: Anacron <root@a.example>"),
    ("From: mdadm monitoring <root>",
     "From: mdadm monitoring <root@a.example>"),
    ("From: alice (Reminder Service)",
     "From: alice@a.example (Reminder Service)"),
    ("From: arpwatch (Arpwatch web1)",
     "From: arpwatch@a.example (Arpwatch web1)"),
    ("From: x@y.example", "From: x@y.example"),
    ("From: Backup Server", f"From: Backup Server <{LOGIN}@a.example>"),
    ("Sender: alice", "Sender: alice@a.example"),
    ("Reply-To: alice, x@y.example",
     "Reply-To: alice@a.example, x@y.example"),
    ("To: root", "To: root@a.example"),
    ("To: Root <root>, x@y.example", "To: Root <root@a.example>, x@y.example"),
    ("Cc: a,b", "Cc: a@a.example,b@a.example"),
    ("Resent-To: alice", "Resent-To: alice@a.example"),
    ("To: list: a, b;", "To: list: a@a.example, b@a.example;"),
    ("Errors-To: root", "Errors-To: root@a.example"),
    ("Return-Receipt-To: Al <al>", "Return-Receipt-To: Al <al@a.example>"),
    ("Disposition-Notification-To: al,\n x@y.example",
     "Disposition-Notification-To: al@a.example,\r\n x@y.example"),
    ("Subject: root", "Subject: root"),
    ("X-To: root", "X-To: root"),
])
def test_addresses_are_completed(front, field, completed):
    name = field.partition(":")[0]
    rest = without(wire(COMPLETE), name).decode()
    draft = submit(front, field + "\n" + rest)
    assert draft.content.startswith(completed.encode() + b"\r\n")


# What is removed

@pytest.mark.parametrize("field", [
    "Bcc: x@y.example", "bcc: x@y.example", "BCC: x@y.example",
    "Bcc:x@y.example", "Bcc: x@y.example,\n z@y.example", "Bcc:",
    "Bcc:\n x@y.example", "Bcc : x@y.example", "bCC: hidden",
    "Bcc: x@y.example\nBcc: z@y.example", "Bcc: not an address <"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_bcc_never_leaves(front, field, place):
    assert with_field(front, field, place).content == wire(COMPLETE)


def with_field(front, field, place):
    """The draft of a message with one more field."""
    header, _, body = COMPLETE.decode().partition("\n\n")
    lines = [field, header] if place == "first" else [header, field]
    return submit(front, "\n".join(lines) + "\n\n" + body)


@pytest.mark.parametrize("field", ["Resent-Bcc: x@y.example",
                                   "RESENT-BCC: x@y.example"])
@pytest.mark.parametrize("place", ["first", "last"])
def test_resent_bcc_never_leaves(front, field, place):
    """It makes a message that was sent again, which gets the fields of one."""
    content = with_field(front, field, place).content
    assert b"x@y.example" not in content and b"-bcc" not in content.lower()
    for name in ("Resent-Date", "Resent-From", "Resent-Message-ID"):
        assert name.encode() + b": " in content
        content = without(content, name)
    assert content == wire(COMPLETE)


def test_bcc_never_leaves_with_t(front):
    draft = submit(front, b"Bcc: x@y.example\n" + COMPLETE, "-t")
    assert draft.content == wire(COMPLETE)
    assert "x@y.example" in draft.recipients


def test_bcc_never_leaves_with_g(front):
    draft = submit(front, b"Bcc: x@y.example\n" + COMPLETE, "-G", TO)
    assert draft.content == wire(COMPLETE)


def test_gateway_completes_nothing(front):
    draft = submit(front, b"From: root\nTo: alice\n\nb\n", "-G", TO)
    assert draft.content == b"From: root\r\nTo: alice\r\n\r\nb\r\n"


# Resending

def test_resent_block_is_completed(front):
    draft = submit(front, b"Resent-To: r@y.example\n" + COMPLETE, "-t",
                   "-f", "x@y.example")
    assert draft.recipients == ["r@y.example"]
    assert draft.fields("Resent-From") == ["x@y.example"]
    assert len(draft.fields("Resent-Date")) == 1
    assert draft.content.endswith(wire(COMPLETE))


def test_resent_block_is_completed_without_t(front):
    """As mutt leaves it: whom it goes to is in the arguments."""
    draft = submit(front, b"Resent-To: r@y.example\n" + COMPLETE,
                   "-f", "x@y.example", TO)
    assert draft.recipients == [TO]
    assert draft.fields("Resent-From") == ["x@y.example"]
    assert len(draft.fields("Resent-Date")) == 1
    assert draft.id in draft.fields("Resent-Message-ID")[0]
    assert draft.content.startswith(b"Resent-To: r@y.example\r\n")
    assert draft.content.endswith(wire(COMPLETE))


# Limits

@pytest.mark.parametrize("count, status", [(1, 0), (50, 0), (51, 69),
                                           (500, 69)])
def test_loop_ends(front, count, status):
    text = b"Received: from x by y\n" * count + COMPLETE
    result = front.sendmail(TO, stdin=text).expect(status)
    assert front.handed_over == (status == 0)
    assert status == 0 or "too many hops" in result.errors


@pytest.mark.parametrize("size, status", [(700, 0), (2000, 65),
                                          (3000000, 65)])
def test_message_size_limit(front, size, status):
    front.write_config(settings={"message_size_limit": "1k"})
    text = b"X: y\n\n" + b"z" * size + b"\n"
    result = front.sendmail(TO, stdin=text).expect(status)
    assert front.handed_over == (status == 0)
    assert result.errors.count("\n") == (status != 0)


def peak_memory(pid):
    """Kilobytes of resident memory, at most so far."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])


def test_memory_is_constant(front):
    if b"__asan_init" in (front.build / "sendmail").read_bytes():
        pytest.skip("sanitizers need memory of their own")
    front.write_config(settings={"message_size_limit": "200M"})
    block = (b"0123456789" * 7 + b"\n") * 14000
    count = (100 << 20) // len(block)
    with subprocess.Popen(
            [front.build / "sendmail", "-i", TO], stdin=subprocess.PIPE,
            env=front.environment({"TMPDIR": str(front.folder)})) as process:
        process.stdin.write(COMPLETE)
        for _ in range(count):
            process.stdin.write(block)
        process.stdin.flush()
        peak = peak_memory(process.pid)
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert peak < 8 << 10
    assert os.path.getsize(front.folder / "draft") > count * len(block)


# All the way

def test_message_arrives_as_it_was(programs, tls_smarthost):
    body = b".\n..\n.dots\n" + bytes(range(14, 256)) + b"\nend"
    programs.write_config(tls_smarthost)
    programs.sendmail("-i", TO, stdin=message(body)).expect(0)
    sent = tls_smarthost.messages[0]
    assert without(sent.content, "Received") == wire(message(body) + b"\n")
