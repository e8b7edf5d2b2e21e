"""Some of the recipients cannot be served: the others get the message."""

import re

import pytest

from lib.harness import message

GOOD = "admin@example.com"


def submit(front, *arguments, **fields):
    front.sendmail(*arguments, stdin=message(**fields)).expect(0)
    return front.draft()


JUNK = ["root admin@example.com\n", "<<<<<<< HEAD\n", "just words\n",
        ": a@b\n", "\"open: a@b\n", "a\0b: c@d\n"]


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("first", [True, False])
def test_a_line_that_is_no_alias(front, junk, first):
    good = f"root: {GOOD}\n"
    front.write_aliases(junk + good if first else good + junk)
    result = front.sendmail("root", stdin=message()).expect(0)
    assert front.draft().recipients == [GOOD]
    assert f"aliases:{1 if first else 2}: " in result.errors


@pytest.mark.parametrize("part, why", [
    ('"|/usr/local/bin/ticket -q"', "runs no programs"),
    ("/var/mail/root", "delivers to no files"),
    (":include:/nowhere/at/all", "No such file"),
    (":include:relative", "must be an absolute path"),
    ("two words", "is not an address"),
])
def test_an_alias_of_which_a_part_cannot_be_served(front, part, why):
    front.write_aliases(f"root: {GOOD}, {part}, two@example.com\n")
    draft = submit(front, "root")
    sent = [r for r in draft.recipients if r not in draft.flaws]
    assert sent == [GOOD, "two@example.com"]
    assert len(draft.flaws) == 1
    assert why in list(draft.flaws.values())[0]
    assert "aliases:1: " in list(draft.flaws.values())[0]


@pytest.mark.parametrize("part, status", [
    ("|/bin/true", 78), ("/var/mail/x", 78), (":include:/nowhere", 78),
    ("", 78), ("y\ny: x", 78),
])
def test_nothing_is_left_of_an_alias(front, part, status):
    front.write_aliases(f"x: {part}\n")
    front.sendmail("x", stdin=message()).expect(status)
    assert not front.handed_over
    draft = submit(front, "x", "bob@b.example")
    assert [r for r in draft.recipients if r not in draft.flaws] == \
        ["bob@b.example"]


def test_devnull_discards(front):
    front.write_aliases("noreply: /dev/null\n")
    result = front.sendmail("noreply", stdin=message(body="x\n" * 100000))
    result.expect(0)
    assert not front.handed_over
    assert re.search(r"to=<noreply>, .*status=discarded", result.errors)
    draft = submit(front, "noreply", "bob@b.example")
    assert draft.recipients == ["bob@b.example"]


def test_devnull_among_others(front):
    front.write_aliases(f"log: /dev/null, {GOOD}\n")
    assert submit(front, "log").recipients == [GOOD]


def test_devnull_and_what_cannot_be_served(front):
    front.write_aliases("log: /dev/null, |/bin/true\n")
    assert list(submit(front, "log").flaws) == ["|/bin/true"]


@pytest.mark.parametrize("field, good", [
    ("bob@b.example, <broken, carol@c.example", None),
    ("bob@b.example, a@b@c, carol@c.example", None),
    ("a@b..c, bob@b.example, carol@c.example", None),
    ("Team: bob@b.example, a@b@c, carol@c.example;", None),
    ('"A, B" <bob@b.example>, a@b@c, carol@c.example (x, y)', None),
    ("bob@b.example, some words, carol@c.example", None),
])
def test_a_field_with_one_that_cannot_be_read(front, field, good):
    draft = submit(front, "-t", To=field)
    sent = [r for r in draft.recipients if r not in draft.flaws]
    assert "bob@b.example" in sent
    if "<broken" not in field:
        assert sent == ["bob@b.example", "carol@c.example"]
    assert len(draft.flaws) == 1


def test_one_field_cannot_be_read_another_can(front):
    draft = submit(front, "-t", To="a@b@c", Cc="bob@b.example")
    assert [r for r in draft.recipients if r not in draft.flaws] == \
        ["bob@b.example"]


def test_an_argument_cannot_be_read(front):
    draft = submit(front, "bob@b.example", "a@b@c", "x@y..z")
    assert [r for r in draft.recipients if r not in draft.flaws] == \
        ["bob@b.example"]
    assert len(draft.flaws) == 2


@pytest.mark.parametrize("arguments, to", [
    (["-t"], "a@b@c"), (["a@b@c"], "bob@b.example"), (["-t"], "x@y..z"),
])
def test_nothing_is_left(front, arguments, to):
    front.sendmail(*arguments, stdin=message(To=to)).expect(65)
    assert not front.handed_over


def test_apparently_to_names_no_recipient(front):
    draft = submit(front, "-t", Apparently_To="eve@e.example")
    assert draft.recipients == ["bob@b.example"]


def test_an_address_that_is_too_long_is_not_cut(front):
    long = "a@" + "b." * 150 + "example"
    draft = submit(front, "bob@b.example", long)
    assert len(draft.flaws) == 1 and list(draft.flaws)[0].endswith(".")


def test_the_sender_is_told(queue, smarthost):
    queue.write_aliases(f"root: {GOOD}, |/usr/local/bin/ticket\n")
    queue.write_config(smarthost)
    with queue.daemon():
        queue.sendmail("-f", "alice@a.example", "root",
                       stdin=message()).expect(0)
        smarthost.wait_for_messages(2)
    to = {m.recipients[0]: m for m in smarthost.messages}
    assert GOOD in to
    report = to["alice@a.example"].content.decode()
    assert "Status: 5.1.3" in report
    assert "|/usr/local/bin/ticket" in report
    assert "Postrider runs no programs" in re.sub(r"\r\n\s+", " ", report)


def test_direct_delivery_tells_by_its_status(programs, smarthost):
    programs.write_aliases(f"root: {GOOD}, |/usr/local/bin/ticket\n")
    programs.write_config(smarthost)
    result = programs.sendmail("root", stdin=message()).expect(65)
    assert smarthost.messages[0].recipients == [GOOD]
    assert "sent to 1 of 2 recipients" in result.errors
    assert re.search(r"^sendmail: \|/usr/local/bin/ticket: not sent: "
                     r"\S+aliases:1: .*runs no programs", result.errors, re.M)


def test_each_rcpt_is_answered_by_itself(server):
    server.aliases.write_text(f"root: {GOOD}, |/bin/x\nbad: |/bin/x\n"
                              "noreply: /dev/null\n")
    begin = "HELO x\r\nMAIL FROM:<a@a.example>\r\n"
    end = "DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
    assert server.codes(begin + "RCPT TO:<bad>\r\nRCPT TO:<root>\r\n"
                        "RCPT TO:<noreply>\r\n" + end) == \
        ["220", "250", "250", "451", "250", "250", "354", "250", "221"]
    assert len(server.stored()) == 1
    assert server.codes(begin + "RCPT TO:<noreply>\r\n" + end) == \
        ["220", "250", "250", "250", "354", "250", "221"]
    assert len(server.stored()) == 1


def test_expn_shows_whom_mail_goes_to(server):
    server.aliases.write_text(f"root: {GOOD}, |/bin/x\nnoreply: /dev/null\n")
    assert server.run("EXPN root\r\nVRFY noreply\r\nQUIT\r\n")[1:3] == [
        f"250 2.1.5 <{GOOD}>", "252 2.1.5 Its mail is discarded"]


@pytest.mark.parametrize("name, words, status", [
    ("root", [r"root\.\.\. undeliverable: \S+:1: \|/bin/x: ",
              rf"root\.\.\. deliverable: .*user {GOOD}$"], 67),
    ("noreply", [r"noreply\.\.\. deliverable: its mail is discarded$"], 0),
])
def test_bv_shows_what_is_served(front, name, words, status):
    front.write_aliases(f"root: {GOOD}, |/bin/x\nnoreply: /dev/null\n")
    lines = front.sendmail("-bv", name).expect(status).stdout.decode()
    assert len(lines.splitlines()) == len(words)
    for line, expected in zip(lines.splitlines(), words):
        assert re.match(expected, line), lines


def test_newaliases_shows_all(front):
    front.write_aliases(
        "junk\nroot: |/bin/x\nroot: a@b.example\ninfo@example.com: a@b\n"
        "*: a@b.example\ndefault: a@b.example\nok: a@b.example\n")
    result = front.run("newaliases").expect(78)
    for number in (1, 2, 3, 4, 5, 6):
        assert f"aliases:{number}: " in result.errors, result.errors
    assert "aliases:7: " not in result.errors


def test_a_mark_in_front_of_the_aliases(front):
    (front.folder / "aliases").write_bytes(
        b"\xef\xbb\xbfroot: admin@example.com\r\r\n")
    assert submit(front, "root").recipients == [GOOD]
