"""sendmail -bs in direct delivery: the final reply is the smarthost's.

SMTP has one reply for all recipients of a message. 250 means that all of them
have it; a temporary one, that nobody has it, so that who tries again sends it
to nobody twice.
"""

import re

import pytest

from lib.smarthost import CLOSE

TO = ["b@b.example", "c@c.example", "d@d.example"]
SENT = "250 2.0.0 Ok: sent"         # as an id
UNKNOWN, LATER = "550 5.1.1 no such user", "450 4.2.1 mailbox busy"


def session(recipients, body="hello"):
    return ("EHLO x\r\nMAIL FROM:<a@a.example>\r\n" +
            "".join(f"RCPT TO:<{path}>\r\n" for path in recipients) +
            f"DATA\r\nSubject: x\r\n\r\n{body}\r\n.\r\n")


def final_replies(programs, text, *arguments):
    """The replies to the final dots, as lists of their lines."""
    result = programs.sendmail("-bs", *arguments,
                               stdin=text + "QUIT\r\n").expect(0)
    replies, lines = [], []
    for line in result.stdout.decode().splitlines():
        lines.append(re.sub(" as [0-9a-f]{32}$", "", line))
        if line[3] == " ":
            replies.append(lines)
            lines = []
    return [after for before, after in zip(replies, replies[1:])
            if before[0].startswith("354")]


def final_reply(programs, smarthost, **replies):
    """The one to a message for b, c and d, of whom some are refused."""
    programs.write_config(smarthost)
    for name, reply in replies.items():
        smarthost.recipients[f"{name}@{name}.example"] = reply
    reply, = final_replies(programs, session(TO))
    return reply


def test_all_have_it(programs, smarthost):
    assert final_reply(programs, smarthost) == [SENT]
    assert smarthost.messages[0].recipients == TO


def test_reply_names_who_was_refused(programs, smarthost):
    reply = final_reply(programs, smarthost, c=UNKNOWN)
    assert reply[0] == "554-5.0.0 sent to 2 of 3 recipients"
    assert reply[1].startswith("554 5.0.0 c@c.example: refused by ")
    assert reply[1].endswith(UNKNOWN)
    assert smarthost.messages[0].recipients == ["b@b.example", "d@d.example"]


def test_who_has_it_does_not_get_it_again(programs, smarthost):
    """So one that is deferred is refused, too."""
    reply = final_reply(programs, smarthost, b=LATER, c=UNKNOWN)
    assert reply[0] == "554-5.0.0 sent to 1 of 3 recipients"
    assert reply[1].startswith("554-5.0.0 b@b.example: deferred by ")
    assert reply[2].startswith("554 5.0.0 c@c.example: refused by ")


@pytest.mark.parametrize("replies, code, names", [
    (dict(b=UNKNOWN, c=UNKNOWN, d=UNKNOWN), "550 5.1.1", 3),
    (dict(b=LATER, c=LATER, d=LATER), "451 4.3.0", 3),
])
def test_nobody_has_it(programs, smarthost, replies, code, names):
    reply = final_reply(programs, smarthost, **replies)
    assert reply[-1].startswith(code)
    assert [line[:3] for line in reply] == [code[:3]] * names
    assert all(name in line for name, line in zip(TO, reply))


def test_many_refused_make_a_reply_that_clients_can_take(programs, smarthost):
    programs.write_config(smarthost)
    recipients = [f"r{i}@b.example" for i in range(300)]
    for recipient in recipients:
        smarthost.recipients[recipient] = UNKNOWN
    reply, second = final_replies(programs, session(recipients) +
                                  session(["ok@b.example"]))
    assert len(reply) == 100 and reply[-1].startswith("550 5.1.1 r99@")
    assert second == [SENT]      # no error is counted twice


@pytest.mark.parametrize("stage, reply, code", [
    ("GREETING", "421 4.3.2 not now", "451 4.3.0"),
    ("GREETING", CLOSE, "451 4.3.0"),
    ("MAIL", "550 5.7.1 not you", "554 5.0.0"),
    ("DATA", "451 4.3.0 later", "451 4.3.0"),
    ("END", "554 5.7.1 spam", "554 5.0.0"),
    ("END", "452 4.3.1 full", "451 4.3.0"),
    ("END", CLOSE, "451 4.3.0"),
])
def test_class_is_the_smarthosts(programs, smarthost, stage, reply, code):
    """And another message in the same session is another matter."""
    programs.write_config(smarthost)
    smarthost.extensions = ["PIPELINING", "8BITMIME"]
    smarthost.replies[stage] = [reply]
    first, second = final_replies(programs, 2 * session(TO[:1]))
    assert first[-1].startswith(code)
    assert second == [SENT]


def test_no_smarthost_is_down_for_good(programs):
    programs.write_config(1, connections=1)
    reply, = final_replies(programs, session(TO))
    assert len(reply) == 1
    assert reply[0].startswith("451 4.3.0 not sent: ")


def test_alias_and_redirection(programs, smarthost):
    programs.write_config(smarthost, settings={"redirect_all": "z@z.example"})
    assert final_replies(programs, session(["root", *TO])) == \
        [[SENT]]
    assert smarthost.messages[0].recipients == ["z@z.example"]
