"""Whom a message is from and for: arguments, header, aliases, rules."""

import email.header
import email.utils
import os
import pwd

import pytest

from lib.harness import message

TO = "bob@b.example"
LOGIN = pwd.getpwuid(os.getuid()).pw_name


def submit(front, *arguments, **fields):
    front.sendmail(*arguments, stdin=message(**fields)).expect(0)
    return front.draft()


# The reverse-path

@pytest.mark.parametrize("arguments, reverse_path", [
    ([], LOGIN + "@a.example"),
    (["-f", "x@y.example"], "x@y.example"),
    (["-fx@y.example"], "x@y.example"),
    (["-r", "x@y.example"], "x@y.example"),
    (["-f", "x@Y.Example"], "x@Y.Example"),
    (["-f", "alice"], "alice@a.example"),
    (["-f", "<alice>"], "alice@a.example"),
    (["-f", "<x@y.example>"], "x@y.example"),
    (["-f", "A Name <x@y.example>"], "x@y.example"),
    (["-f", '"Quoted, Name" <x@y.example>'], "x@y.example"),
    (["-f", "x@y.example (comment)"], "x@y.example"),
    (["-f", " x@y.example "], "x@y.example"),
    (["-f", "x@y.example\n"], "x@y.example"),
    (["-f", "\r\nx@y.example\r\n"], "x@y.example"),
    (["-f", "bounce+tag=x@app.example"], "bounce+tag=x@app.example"),
    (["-f", '"a b"@y.example'], '"a b"@y.example'),
    (["-f", '""@y.example'], '""@y.example'),
    (["-f", ""], ""),
    (["-f", "<>"], ""),
    (["-f<>"], ""),
    (["-f", "x@y.example", "-f", "z@y.example"], "z@y.example"),
    (["-f", "x@y.example", "-r", "<>"], ""),
    (["-f", "<>", "-f", "x@y.example"], "x@y.example"),
])
def test_reverse_path(front, arguments, reverse_path):
    assert submit(front, *arguments, TO).reverse_path == reverse_path


@pytest.mark.parametrize("host", [
    "localhost", "LOCALHOST", "localhost.localdomain", "web1"])
def test_a_sender_of_this_machine_only_is_completed(front, host):
    draft = submit(front, "-f", f"nagios@{host}", TO,
                   From=f"Nagios <nagios@{host}>", Sender=f"nagios@{host}",
                   Reply_To=f"<ops@{host}>, x@y.example",
                   To=f"root@{host}")
    assert draft.reverse_path == "nagios@a.example"
    assert draft.from_local
    assert draft.fields("From") == ["Nagios <nagios@a.example>"]
    assert draft.fields("Sender") == ["nagios@a.example"]
    assert draft.fields("Reply-To") == ["<ops@a.example>, x@y.example"]
    assert draft.fields("To") == [f"root@{host}"]


@pytest.mark.parametrize("sender", ["cron@", "<cron@>", "Cron <cron@>"])
def test_a_sender_with_nothing_after_the_at_is_completed(front, sender):
    """Scripts write cron@$(hostname -d), where the machine has no domain."""
    draft = submit(front, "-f", sender, TO, From=sender, Sender=sender)
    assert draft.reverse_path == "cron@a.example"
    assert draft.from_local
    complete = sender.replace("@", "@a.example")
    assert draft.fields("From") == draft.fields("Sender") == [complete]


def test_an_address_literal_is_not_local(front):
    draft = submit(front, "-f", "x@[IPv6:::1]", TO, From="x@[IPv6:::1]")
    assert draft.reverse_path == "x@[IPv6:::1]" and not draft.from_local
    assert draft.fields("From") == ["x@[IPv6:::1]"]


def test_escaped_local_part_is_understood(front):
    """Ruby's mail puts the backslash into the argument."""
    path = submit(front, "-f", r"a\=b@y.example", TO).reverse_path
    assert path in ("a=b@y.example", '"a=b"@y.example',
                    r'"a\=b"@y.example')


BAD_ADDRESSES = [
    "-x@y.example", "a\nb@y.example", "a\rb@y.example", "a\x01b@y.example",
    "a\x7fb@y.example", "a\r\nRCPT TO:<z@z>@y.example",
    "x@y.example\nz@y.example", "x@y.example\r\n z@y.example",
    "x@y.example\x0b", "@y.example", "x@y@z.example", "x@y..example",
    "x@.y.example",
    "a" * 300 + "@y.example", "x@" + "y." * 200 + "example",
    "<x@y.example", "x. y@z.example", "x@y. example", "x::y",
    ":include:/etc/passwd", "@r.example:x@y.example", "alice bob, x@y.example",
    "<x@y.example> alice", "Name <x@y.example> z@y. example",
    "x@y.example (", 'x@y.example "', "x@y.example>", "x@y.example)",
    b"\xff@y.example", "x@y.example\u200b", "\u00a0x@y.example",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES + [
    "x y", "x y@z.example", "x@y.example Name", "x@y.example z@y.example"])
def test_bad_reverse_path_is_refused(front, address):
    result = front.sendmail("-f", address, TO, stdin=message()).expect(65)
    assert result.errors.startswith("sendmail: ")
    assert result.errors.count("\n") == 1
    assert not front.handed_over


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_recipient_is_refused(front, address):
    result = front.sendmail("-i", "--", address, stdin=message())
    if address != "alice bob, x@y.example":
        result.expect(65)
        assert result.errors.count("\n") == 1
        assert not front.handed_over
    draft = submit(front, "-i", "--", address, TO)
    assert TO in draft.recipients
    assert set(draft.recipients) - set(draft.flaws) <= {TO, "x@y.example"}
    assert len(draft.flaws) == 1


@pytest.mark.parametrize("address", [
    "-x@y.example", "x@y@z.example", "a\x01b@y.example", "x::y",
    ":include:/etc/passwd", "X <x@y.example> (",
    "<x@y.example> Q. Z z@y.example", "x@y.example Q. z@y.example",
    "a\0b@y.example", "a\rb@y.example", "x@y.example\rz@y.example",
    "x@y.example\0 z@y.example"])
def test_bad_recipient_in_the_header_is_refused(front, address):
    front.sendmail("-t", stdin=message(To=address)).expect(65)
    assert not front.handed_over


# Recipients in arguments

@pytest.mark.parametrize("arguments, recipients", [
    (["x@y.example"], ["x@y.example"]),
    (["x@y.example", "z@y.example"], ["x@y.example", "z@y.example"]),
    (["x@y.example,z@y.example"], ["x@y.example", "z@y.example"]),
    (["x@y.example, z@y.example ,"], ["x@y.example", "z@y.example"]),
    (["x@y.example z@y.example"], ["x@y.example", "z@y.example"]),
    (["<x@y.example> <z@y.example>"], ["x@y.example", "z@y.example"]),
    (["x@y.example\n", "\nz@y.example\r\n"], ["x@y.example", "z@y.example"]),
    (["x@y.example; z@y.example;"], ["x@y.example", "z@y.example"]),
    (["X <x@y.example> Jr."], ["x@y.example"]),
    (["alice bob"], ["alice@a.example", "bob@a.example"]),
    (["Name x@y.example"], ["Name@a.example", "x@y.example"]),
    (['"x@y.example"'], ["x@y.example"]),
    (['"x"@y.example', '"alice"'], ["x@y.example", "alice@a.example"]),
    (["relay.example!x", "x%y.example"],
     ["relay.example!x@a.example", "x%y.example@a.example"]),
    (["x@y.example", "nobody:;"], ["x@y.example"]),
    (["X Y <x@y.example>"], ["x@y.example"]),
    (['"Y, X" <x@y.example>, z@y.example'], ["x@y.example", "z@y.example"]),
    (["<x@y.example>"], ["x@y.example"]),
    (["x@y.example (X)"], ["x@y.example"]),
    (["list: x@y.example, z@y.example;"], ["x@y.example", "z@y.example"]),
    (["<@relay.example:x@y.example>"], ["x@y.example"]),
    (["alice"], ["alice@a.example"]),
    (["alice,bob"], ["alice@a.example", "bob@a.example"]),
    (["ops@dest.example,bob"], ["ops@dest.example", "bob@a.example"]),
    (["alice@localhost"], ["alice@a.example"]),
    (["alice@client"], ["alice@a.example"]),
    (["alice@client.example"], ["alice@client.example"]),
    (["x@y.example", "x@y.example"], ["x@y.example"]),
    (["x@y.example", "x@Y.EXAMPLE"], ["x@y.example"]),
    (["X@y.example", "x@y.example"], ["X@y.example", "x@y.example"]),
    (["--", "x@y.example"], ["x@y.example"]),
    (["x@[192.0.2.1]"], ["x@[192.0.2.1]"]),
    (['"a b"@y.example'], ['"a b"@y.example']),
    (["x'y@y.example"], ["x'y@y.example"]),
    (["x%y.example@z.example"], ["x%y.example@z.example"]),
    (["", "x@y.example"], ["x@y.example"]),
])
def test_recipients_in_arguments(front, arguments, recipients):
    assert submit(front, *arguments).recipients == recipients


def test_recipients_in_the_header_count_only_with_t(front):
    assert submit(front, TO, To="x@y.example").recipients == [TO]


def test_many_recipients(front):
    many = [f"user{i}@y.example" for i in range(2000)]
    assert submit(front, *many).recipients == many


# Recipients in the header

@pytest.mark.parametrize("fields, recipients", [
    ({"To": "x@y.example"}, ["x@y.example"]),
    ({"To": "x@y.example, z@y.example"}, ["x@y.example", "z@y.example"]),
    ({"To": "x@y.example", "Cc": "c@y.example", "Bcc": "b@y.example"},
     ["x@y.example", "c@y.example", "b@y.example"]),
    ({"To": None, "Bcc": "b@y.example"}, ["b@y.example"]),
    ({"To": None, "BCC": "b@y.example"}, ["b@y.example"]),
    ({"To": None, "Cc": "alice"}, ["alice@a.example"]),
    ({"To": "A B <x@y.example>,\n C <c@y.example>"},
     ["x@y.example", "c@y.example"]),
    ({"To": "list: x@y.example, c@y.example;"},
     ["x@y.example", "c@y.example"]),
    ({"To": "undisclosed-recipients:;", "Bcc": "b@y.example"},
     ["b@y.example"]),
    ({"To": "=?utf-8?q?J=C3=BCrgen?= <x@y.example>"}, ["x@y.example"]),
    ({"To": "=?utf-8?Q?M=C3=BCller,_J?= <x@y.example>"}, ["x@y.example"]),
    ({"To": "x@y.example (with, a comment)"}, ["x@y.example"]),
    ({"To": '"Y, X" <x@y.example>'}, ["x@y.example"]),
    ({"To": "x@y.example", "Cc": "x@Y.example"}, ["x@y.example"]),
    ({"To": "x @ y . example"}, ["x@y.example"]),
    ({"To": "x@y.example z@y.example"}, ["x@y.example", "z@y.example"]),
    ({"To": "<x@y.example> <z@y.example>"}, ["x@y.example", "z@y.example"]),
    ({"To": 'Bob <x@y.example> Jr., "C" <c@y.example>'},
     ["x@y.example", "c@y.example"]),
    ({"To": "X <x@y.example>\n C <c@y.example>,,"},
     ["x@y.example", "c@y.example"]),
    ({"To": "x@y.example,\n", "Cc": ";"}, ["x@y.example"]),
    ({"To": "x@y.example", "Resent-To": "r@y.example"}, ["r@y.example"]),
    ({"To": "x@y.example", "Resent-To": "r@y.example",
      "Resent-Bcc": "s@y.example"}, ["r@y.example", "s@y.example"]),
])
def test_recipients_in_the_header(front, fields, recipients):
    assert submit(front, "-t", **fields).recipients == recipients


def test_arguments_add_to_the_header(front):
    draft = submit(front, "-t", "z@y.example", To="x@y.example")
    assert draft.recipients == ["z@y.example", "x@y.example"]


@pytest.mark.parametrize("arguments, recipients", [
    (["z@y.example"], ["x@y.example", "w@y.example"]),
    (["x@y.example"], ["w@y.example"]),
    (["X Y <x@Y.example>"], ["w@y.example"]),
])
def test_arguments_may_subtract(front, arguments, recipients):
    front.write_config(settings={"extract": "subtract"})
    draft = submit(front, "-t", *arguments, To="x@y.example, w@y.example")
    assert draft.recipients == recipients


def test_subtracting_all_leaves_nobody(front):
    front.write_config(settings={"extract": "subtract"})
    result = front.sendmail("-t", TO, stdin=message(To=TO)).expect(64)
    assert "Recipient names must be specified" in result.errors


@pytest.mark.parametrize("fields", [
    {"To": None}, {"To": ""}, {"To": "undisclosed-recipients:;"},
    {"To": None, "Bcc": ""}, {"To": "x@y.example", "Resent-Bcc": ""}])
def test_no_recipient_in_the_header(front, fields):
    result = front.sendmail("-t", stdin=message(**fields)).expect(64)
    assert "Recipient names must be specified" in result.errors
    assert not front.handed_over


# Aliases

ALIASES = """
# comment
root: admin@example.com
postmaster: root
Webmaster : root, web@b.example
team: alice,
    bob@b.example
self: self, copy@b.example
loop1: loop2
loop2: loop1
pipe: "|/bin/cat"
file: /var/mail/x
"quoted name": q@b.example
"""


@pytest.mark.parametrize("argument, recipients", [
    ("root", ["admin@example.com"]),
    ("ROOT", ["admin@example.com"]),
    ("root@localhost", ["admin@example.com"]),
    ("root@client", ["admin@example.com"]),
    ("root@client.example", ["admin@example.com"]),
    ("root@CLIENT.example", ["admin@example.com"]),
    ("root@a.example", ["root@a.example"]),
    ("postmaster", ["admin@example.com"]),
    ("webmaster", ["admin@example.com", "web@b.example"]),
    ("team", ["alice@a.example", "bob@b.example"]),
    ("self", ["self@a.example", "copy@b.example"]),
    ("root, postmaster", ["admin@example.com"]),
    ("alice", ["alice@a.example"]),
    ('"quoted name"', ["q@b.example"]),
])
def test_aliases(front, argument, recipients):
    front.write_aliases(ALIASES)
    assert submit(front, argument).recipients == recipients


@pytest.mark.parametrize("name", ["root", "team", "pipe"])
def test_no_aliases_with_n(front, name):
    front.write_aliases(ALIASES)
    assert submit(front, "-n", name).recipients == [name + "@a.example"]


@pytest.mark.parametrize("name", ["pipe", "file", "loop1"])
def test_broken_alias_is_a_configuration_error(front, name):
    front.write_aliases(ALIASES)
    result = front.sendmail(name, stdin=message()).expect(78)
    assert str(front.folder / "aliases") + ":" in result.errors
    assert not front.handed_over


def test_broken_alias_hurts_only_who_uses_it(front):
    front.write_aliases(ALIASES)
    assert submit(front, "root").recipients == ["admin@example.com"]


def test_aliases_go_for_the_header_too(front):
    front.write_aliases(ALIASES)
    draft = submit(front, "-t", To="root")
    assert draft.recipients == ["admin@example.com"]
    assert draft.fields("To") == ["root@a.example"]


def test_included_list(front):
    (front.folder / "list").write_text("x@y.example\n# no\nalice\n")
    front.write_aliases(f"list: :include:{front.folder}/list\n")
    assert submit(front, "list").recipients == ["x@y.example",
                                                "alice@a.example"]


@pytest.mark.parametrize("argument, recipients", [
    ("alice", ["local@z.example"]),
    ("alice@localhost", ["local@z.example"]),
    ("alice@client.example", ["local@z.example"]),
    ("alice,carl", ["local@z.example"]),
    ("root", ["admin@example.com"]),
    ("team", ["local@z.example", "bob@b.example"]),
    ("x@y.example", ["x@y.example"]),
])
def test_local_recipient_gets_the_rest(front, argument, recipients):
    front.write_aliases(ALIASES)
    front.write_config(settings={"local_recipient": "local@z.example"})
    assert submit(front, argument).recipients == recipients


@pytest.mark.parametrize("sender, is_local", [
    ([], True), (["-f", "www"], True), (["-f", "www@a.example"], False),
    (["-f", "<>"], False),
])
def test_sender_that_is_a_local_name(front, sender, is_local):
    """The daemon sends reports where mail for that name goes."""
    assert submit(front, *sender, TO).from_local == is_local


# redirect_all

def test_redirection_takes_all(front):
    front.write_aliases(ALIASES)
    front.write_config(settings={"redirect_all": "stage@z.example"})
    draft = submit(front, "-t", "root", To="X <x@y.example>",
                   Cc="c@y.example")
    assert draft.recipients == ["stage@z.example"]
    assert draft.fields("X-Original-To") == [
        "root@a.example, x@y.example, c@y.example"]
    assert draft.fields("To") == ["X <x@y.example>"]


def test_redirection_leaves_the_header_without_it(front):
    assert submit(front, TO).fields("X-Original-To") == []


# DSN

def test_dsn_parameters(front):
    draft = submit(front, "-N", "failure,delay", "-R", "hdrs", "-V", "id1",
                   "-f", "a@a.example", "x@y.example", "z@y.example")
    assert draft.settings == {"ret": "hdrs", "envid": "id1"}
    assert draft.notify == {"x@y.example": "FAILURE,DELAY",
                            "z@y.example": "FAILURE,DELAY"}


@pytest.mark.parametrize("option, notify", [
    ("never", "NEVER"), ("NEVER", "NEVER"), ("success", "SUCCESS"),
    ("delay,success", "SUCCESS,DELAY"), (None, "-"),
    ("success,failure,delay", "SUCCESS,FAILURE,DELAY")])
def test_notify(front, option, notify):
    arguments = [] if option is None else ["-N", option]
    assert submit(front, *arguments, TO).notify == {TO: notify}


@pytest.mark.parametrize("given, original", [
    ("alice", "rfc822;alice"), ("root", "rfc822;root"),
    ("a+b@localhost", "rfc822;a+2Bb@localhost"),
    ("x@y.example", "-"), ("X <x@y.example>", "-")])
def test_original_recipient(front, given, original):
    front.write_aliases(ALIASES)
    assert list(submit(front, given).original.values()) == [original]


@pytest.mark.parametrize("arguments, fields, utf8", [
    ([TO], {}, False),
    (["-U", TO], {}, True),
    (["jürgen@b.example"], {}, True),
    (["x@bücher.example"], {}, True),
    (["-f", "jürgen@b.example", TO], {}, True),
    ([TO], {"Subject": "Grüße"}, True),
    (["-t"], {"To": "Jürgen <x@y.example>"}, True),
])
def test_utf8_is_for_addresses_and_header(front, arguments, fields, utf8):
    draft = submit(front, *arguments, **fields)
    assert ("utf8" in draft.settings) == utf8


# The author's name

@pytest.mark.parametrize("name, arguments, author", [
    ("Al B", [], f"Al B <{LOGIN}@a.example>"),
    ("Al B", ["-f", "x@y.example"], "Al B <x@y.example>"),
    ("Al B", ["-F", "Carl", "-f", "x@y.example"], "Carl <x@y.example>"),
    ("Al B", ["-F", "", "-f", "x@y.example"], "x@y.example"),
    ("A\nBcc: v@y.example", ["-f", "x@y.example"],
     '"A Bcc: v@y.example" <x@y.example>'),
    ("", ["-f", "x@y.example"], "x@y.example"),
])
def test_name_of_the_environment(front, name, arguments, author):
    front.sendmail(*arguments, TO, stdin=message(From=None),
                   env={"NAME": name}).expect(0)
    assert front.draft().fields("From") == [author]
    assert front.draft().recipients == [TO]


# Sender sections

def section(match, **keys):
    body = "".join(f'    {k} = "{v}"\n' for k, v in keys.items())
    return f'sender "{match}" {{\n{body}}}\n'


@pytest.mark.parametrize("match, arguments, fields, applies", [
    (LOGIN, [], {}, True),
    (LOGIN, ["-f", "x@y.example"], {}, True),
    ("nobody-else", [], {}, False),
    ("x@y.example", ["-f", "x@y.example"], {}, True),
    ("x@y.example", ["-f", "z@y.example"], {}, False),
    ("@y.example", ["-f", "z@y.example"], {}, True),
    ("@y.example", ["-f", "z@Y.Example"], {}, True),
    ("@y.example", ["-f", "z@sub.y.example"], {}, False),
    ("alice@a.example", [], {"From": "Alice <alice@a.example>"}, True),
    ("alice@a.example", [], {"From": "alice"}, True),
    ("alice@a.example", [], {"From": "bob"}, False),
    ("alice@a.example", [], {"From": "A, Inc. <alice@a.example>"}, True),
    ("*", [], {}, True),
    ("*", ["-f", "x@y.example"], {}, True),
])
def test_sender_section(front, match, arguments, fields, applies):
    front.write_config(extra=section(match, address="shop@s.example"))
    draft = submit(front, *arguments, TO, **fields)
    assert (draft.reverse_path == "shop@s.example") == applies
    assert ("shop@s.example" in draft.fields("From")[0]) == applies


@pytest.mark.parametrize("arguments, author, reverse_path", [
    ([], "Site One <one@s.example>", "one@s.example"),
    ([], "one@s.example, two@s.example", "one@s.example"),
    ([], "one", "one@a.example"),
    ([], "Sites, Inc. <one@s.example>", "one@s.example"),
    ([], None, f"{LOGIN}@a.example"),
    ([], "no address at all", f"{LOGIN}@a.example"),
    (["-f", "x@y.example"], "one@s.example", "x@y.example"),
    (["-f", "<>"], "one@s.example", ""),
])
def test_sender_section_takes_the_envelope_from_from(front, arguments, author,
                                                     reverse_path):
    front.write_config(extra=section("*", envelope="from"))
    draft = submit(front, *arguments, TO, From=author)
    assert draft.reverse_path == reverse_path


def test_address_of_a_section_goes_before_the_one_in_from(front):
    front.write_config(extra=section("*", envelope="from",
                                     address="shop@s.example"))
    draft = submit(front, TO, From="one@s.example")
    assert draft.reverse_path == "shop@s.example"


@pytest.mark.parametrize("null", ["", "<>"])
def test_null_reverse_path_stays_null(front, null):
    front.write_config(extra=section("*", address="shop@s.example"))
    draft = submit(front, "-f", null, TO)
    assert draft.reverse_path == ""
    assert draft.fields("From") == ["shop@s.example"]


def test_sender_section_keeps_the_display_name(front):
    front.write_config(extra=section("*", address="shop@s.example",
                                     name="The Shop"))
    draft = submit(front, TO, From="Alice <alice@a.example>")
    assert draft.fields("From") == ["Alice <shop@s.example>"]


@pytest.mark.parametrize("author, shown", [
    ("Shop, Inc. <alice@a.example>", '"Shop, Inc." <{}>'),
    ("ERROR: Backup <alice@a.example>", '"ERROR: Backup" <{}>'),
    ("=?utf-8?Q?Caf=C3=A9,_B?= <alice@a.example>",
     "=?utf-8?Q?Caf=C3=A9=2C_B?= <{}>"),
])
@pytest.mark.parametrize("address", [None, "shop@s.example"])
def test_name_without_its_quotes_is_one_name(front, author, shown, address):
    """Gmail, for example, refuses a From with several addresses."""
    front.write_config(extra=section("*", address=address) if address else "")
    draft = submit(front, TO, From=author)
    assert draft.fields("From") == [shown.format(address or "alice@a.example")]


@pytest.mark.parametrize("authors, shown", [
    ("Alice <alice@a.example>, bob@b.example", "Alice <shop@s.example>"),
    ("alice@a.example, Bob <bob@b.example>", "shop@s.example"),
    ("Team: alice@a.example, bob@b.example;", "shop@s.example"),
])
def test_sender_section_leaves_one_author(front, authors, shown):
    front.write_config(extra=section("*", address="shop@s.example"))
    assert submit(front, TO, From=authors).fields("From") == [shown]


@pytest.mark.parametrize("author", [
    "CEO <ceo@corp.example", "ceo@corp.example>", "CEO ceo@corp.example",
    "CEO <ceo@corp.example> (", "ceo@corp.example, CEO <ceo@corp.example> CEO",
    "ceo@corp.example\0", "ceo@corp.example\r<ceo@corp.example"])
def test_no_from_escapes_a_sender_section(front, author):
    """Programs show it as they like, whether it is an address or not."""
    front.write_config(extra=section("*", address="shop@s.example"))
    draft = submit(front, TO, From=author)
    assert draft.fields("From") == ["shop@s.example"]
    assert b"corp.example" not in draft.content


def test_sender_section_supplies_a_name(front):
    front.write_config(extra=section("*", address="shop@s.example",
                                     name="The Shop"))
    assert submit(front, TO).fields("From") == ["The Shop <shop@s.example>"]


@pytest.mark.parametrize("author, keys, sent", [
    ("alice@a.example", {}, "The Shop <alice@a.example>"),
    ("alice", {}, "The Shop <alice@a.example>"),
    ("<alice@a.example>", {}, "The Shop <alice@a.example>"),
    ("Al <alice@a.example>", {}, "Al <alice@a.example>"),
    ("alice@a.example (Al)", {}, "alice@a.example (Al)"),
    (None, {}, f"The Shop <{LOGIN}@a.example>"),
    ("Al <alice@a.example>", {"replace_name": "true"},
     "The Shop <alice@a.example>"),
    ("=?utf-8?q?=C3=BC?= \"b\" <alice@a.example>", {"replace_name": "true"},
     "The Shop <alice@a.example>"),
    ("alice@a.example (Al)", {"replace_name": "true"},
     "The Shop <alice@a.example> (Al)"),
    ("Al <x@a.example>, y@a.example", {"replace_name": "true"},
     "The Shop <x@a.example>, The Shop <y@a.example>"),
    ("Al <x@a.example>", {"replace_name": "true", "address": "s@s.example"},
     "The Shop <s@s.example>"),
    (None, {"replace_name": "true"}, f"The Shop <{LOGIN}@a.example>"),
])
def test_sender_section_names_the_author(front, author, keys, sent):
    front.write_config(extra=section("*", name="The Shop", **keys))
    draft = submit(front, TO, From=author)
    assert draft.fields("From") == [sent]


@pytest.mark.parametrize("keys, sent", [
    ({}, f"Al <{LOGIN}@a.example>"),
    ({"replace_name": "true"}, f"The Shop <{LOGIN}@a.example>"),
])
def test_name_of_the_command_line_and_of_a_section(front, keys, sent):
    front.write_config(extra=section("*", name="The Shop", **keys))
    draft = submit(front, "-F", "Al", TO, From=None)
    assert draft.fields("From") == [sent]


@pytest.mark.parametrize("name", [
    "=?UTF-8?B?SsO8cmdlbg==?=", "=?utf-8?Q?J=C3=BCrgen_Gro=C3=9F?=",
    "=?iso-8859-1?q?J=FCrgen?= =?iso-8859-1?q?_Gro=DF?=",
])
def test_encoded_name_of_the_command_line_stays(front, name):
    draft = submit(front, "-F", name, "-f", "x@y.example", TO, From=None)
    author, = draft.fields("From")
    assert " ".join(author.split()) == f"{name} <x@y.example>"


@pytest.mark.parametrize("name", [
    "=?UTF-8?B?x?=, <v@y.example>", "=?UTF-8?Q?a b?=", "=?utf-8?x?b?=",
    "=?utf-8?q?a,b?=", "=?", "=?utf-8?q?", "Al =?utf-8?q?b?=",
])
def test_what_only_looks_encoded_is_encoded(front, name):
    draft = submit(front, "-F", name, "-f", "x@y.example", TO, From=None)
    author, = draft.fields("From")
    (shown, address), = email.utils.getaddresses([author])
    assert address == "x@y.example"
    assert str(email.header.make_header(
        email.header.decode_header(shown))) == name


def test_sender_section_makes_a_missing_from(front):
    front.write_config(extra=section("*", address="shop@s.example",
                                     name="The Shop"))
    draft = submit(front, TO, From=None)
    assert draft.fields("From") == ["The Shop <shop@s.example>"]


def test_first_sender_section_wins(front):
    front.write_config(extra=section("x@y.example", address="one@s.example")
                       + section("*", address="two@s.example"))
    assert submit(front, "-f", "x@y.example",
                  TO).reverse_path == "one@s.example"
    assert submit(front, "-f", "z@y.example",
                  TO).reverse_path == "two@s.example"


def test_sender_section_chooses_the_smarthost(front):
    front.write_config([2525, 2526], extra=section("*", smarthost="host1"))
    draft = submit(front, "-f", "x@y.example", TO)
    assert draft.settings == {"smarthost": "host1"}
    assert draft.reverse_path == "x@y.example"


# All the way

def test_envelope_reaches_the_smarthost(programs, smarthost):
    programs.write_aliases(ALIASES)
    programs.write_config(smarthost)
    programs.sendmail("-f", "x@y.example", "-N", "failure", "-R", "hdrs",
                      "-V", "id1", "-t", "root", stdin=message(
                          Bcc="hidden@b.example")).expect(0)
    sent = smarthost.messages[0]
    assert sent.reverse_path == "x@y.example"
    assert sent.recipients == ["admin@example.com", TO, "hidden@b.example"]
    assert b"hidden" not in sent.content
    assert sent.parameters["RET"] == "HDRS"
    assert sent.parameters["ENVID"] == "id1"
    assert sent.recipient_parameters["admin@example.com"] == {
        "NOTIFY": "FAILURE", "ORCPT": "rfc822;root"}


def test_null_reverse_path_reaches_the_smarthost(programs, smarthost):
    programs.write_config(smarthost)
    programs.sendmail("-f", "<>", TO, stdin=message()).expect(0)
    assert smarthost.messages[0].reverse_path == ""


def test_original_recipient_needs_no_notify(programs, smarthost):
    programs.write_config(smarthost)
    programs.sendmail("-bs", stdin=(
        "EHLO x\r\nMAIL FROM:<x@y.example>\r\n"
        f"RCPT TO:<{TO}> ORCPT=rfc822;z@y.example\r\n"
        "DATA\r\n\r\nx\r\n.\r\nQUIT\r\n")).expect(0)
    assert smarthost.messages[0].recipient_parameters == {
        TO: {"ORCPT": "rfc822;z@y.example"}}


@pytest.mark.parametrize("octet", [b"\r", b"\0"])
def test_control_character_divides_no_recipients(front, octet):
    """For another program the field ends there, or is one wrong address."""
    text = b"To: a@b.example" + octet + b"c@d.example\nSubject: x\n\nx\n"
    result = front.sendmail("-t", stdin=text)
    result.expect(65)
    assert "a control character between addresses" in result.errors
    assert not front.handed_over
