"""How many connections there are, and what one that is refused does to others.
"""

import re

import pytest

from lib.harness import message
from lib.smarthost import CLOSE, EXTENSIONS, RESET, SILENT, Smarthost

TO = "b@b.example"
TOO_MANY = "4.7.0 too many connections"


class Limit:
    """No more than so many sessions at a time: one more gets this reply at this
    stage."""

    def __init__(self, smarthost, most, stage, reply):
        self.smarthost, self.most, self.reply = smarthost, most, reply
        self.refused = []
        smarthost.replies[stage] = self.answer

    def answer(self, session, _):
        others = [s for s in self.smarthost.sessions if s is not session and
                  s not in self.refused and not s.ended.is_set()]
        if len(others) < self.most:
            return None
        self.refused.append(session)
        return self.reply


@pytest.mark.parametrize("stage, reply", [
    ("GREETING", "421 " + TOO_MANY),
    ("GREETING", "554 " + TOO_MANY),
    ("GREETING", CLOSE),
    ("GREETING", RESET),
    ("EHLO", "421 " + TOO_MANY),
    ("EHLO", "450 " + TOO_MANY),
    ("AUTH", "454 " + TOO_MANY),
    ("AUTH", "421 " + TOO_MANY),
    ("AUTH", "535 " + TOO_MANY),
    ("AUTH", "535 5.7.8 authentication failed"),
])
def test_no_more_at_a_time(queue, certificates, stage, reply):
    """The open one goes on, however long its message takes."""
    with Smarthost(tls="starttls", auth=["PLAIN"],
                   certificates=certificates) as smarthost:
        limit = Limit(smarthost, 1, stage, reply)
        gate = smarthost.hold("BDAT")
        queue.write_config(smarthost)
        with queue.daemon() as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            smarthost.wait_for_command("BDAT")
            for _ in range(2):
                queue.sendmail(TO, stdin=message()).expect(0)
            smarthost.wait(lambda: limit.refused)
            failed = daemon.wait_for("one connection failed, others go on")
            assert not re.search("check user|try again later$", failed.string)
            gate.set()
            daemon.wait_until_removed(3)
        assert not daemon.count("is down|is parked")
        assert len(limit.refused) == 1
        assert len(smarthost.messages) == 3


def test_no_more_connections(queue):
    """One more is refused by the kernel of the smarthost, or of a firewall."""
    with Smarthost() as smarthost:
        gate = smarthost.hold("BDAT")
        queue.write_config(smarthost)
        with queue.daemon() as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            smarthost.wait_for_command("BDAT")
            smarthost.stop_listening()
            for _ in range(2):
                queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for("others go on: .*Connection refused$")
            gate.set()
            daemon.wait_until_removed(3)
        assert not daemon.count("is down")
        assert len(smarthost.messages) == 3


def test_no_more_in_a_minute(queue, smarthost):
    """Those that were had carry all there is."""
    gate = smarthost.hold("BDAT")
    smarthost.replies["GREETING"] = lambda session, _: \
        None if session in smarthost.sessions[:2] else "421 4.7.0 slow down"
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        for _ in range(30):
            queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("others go on: .*421 4.7.0 slow down$")
        gate.set()
        daemon.wait_until_removed(30)
        assert not daemon.count("is down|status=deferred")
    assert len(smarthost.messages) == 30


def test_a_password_that_is_wrong_from_now_on(queue, certificates):
    """As long as another session is open that is not known."""
    with Smarthost(tls="starttls", auth=["PLAIN"],
                   certificates=certificates) as smarthost:
        gate = smarthost.hold("BDAT")
        queue.write_config(smarthost, messages_per_connection=1)
        with queue.daemon() as daemon:
            queue.sendmail(TO, stdin=message()).expect(0)
            smarthost.wait_for_command("BDAT")
            smarthost.users = {"relay@example.com": "another"}
            queue.sendmail(TO, stdin=message()).expect(0)
            daemon.wait_for("others go on: .*AUTH PLAIN refused")
            gate.set()
            daemon.wait_for("is parked, .*check user and password")
        assert len(smarthost.messages) == 1


def test_no_more_at_a_time_over_many_sessions(queue, smarthost):
    """The smarthost may not have noticed the end of the last one yet."""
    accepted, noticed = [], []

    def greet(session, _):
        if accepted and accepted[-1] not in noticed:
            noticed.append(accepted[-1])
            return "421 " + TOO_MANY
        accepted.append(session)
        return None
    smarthost.replies["GREETING"] = greet
    queue.write_config(smarthost, messages_per_connection=2)
    for _ in range(6):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(6)
    assert not daemon.count("is down")
    assert [len(s.messages) for s in accepted] == [2, 2, 2]


class SessionLimit:
    """After so many messages a session gets this reply at this stage."""

    def __init__(self, smarthost, most, stage, reply):
        self.most, self.reply = most, reply
        self.refused = []
        smarthost.replies[stage] = self.answer

    def answer(self, session, _):
        if len(session.messages) < self.most:
            return None
        self.refused.append(session)
        return self.reply


TOO_LONG = "too many messages in this session"


@pytest.mark.parametrize("extensions", [(), ("PIPELINING",), EXTENSIONS])
@pytest.mark.parametrize("stage, reply", [
    ("MAIL", "452 " + TOO_LONG),
    ("MAIL", "452 4.5.3 " + TOO_LONG),
    ("MAIL", "451 4.7.1 " + TOO_LONG),
    ("MAIL", "421 4.7.0 " + TOO_LONG),
    ("MAIL", CLOSE),
    ("RCPT", "452 4.5.3 " + TOO_LONG),
    ("RCPT", "421 4.3.2 " + TOO_LONG),
    ("RCPT", CLOSE),
])
def test_no_more_in_a_session(queue, smarthost, stage, reply, extensions):
    """The rest goes in others, without an attempt that counts."""
    if extensions == EXTENSIONS and reply is CLOSE:
        pytest.skip("content may have arrived")
    smarthost.extensions = list(extensions)
    limit = SessionLimit(smarthost, 3, stage, reply)
    queue.write_config(smarthost, connections=2,
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    for _ in range(44):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(44)
    assert len(smarthost.messages) == 44
    assert not daemon.count("status=deferred")
    if reply is not CLOSE:      # learned: few sessions run into it
        assert len(set(map(id, limit.refused))) <= 6


def test_no_mail_in_a_new_session(queue, smarthost):
    """What its first MAIL is refused for is an attempt."""
    queue.write_config(smarthost, connections=1,
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    with queue.daemon() as daemon:
        queue.sendmail("-odi", TO, stdin=message()).expect(0)
        smarthost.replies["MAIL"] = lambda *_: "452 4.3.1 no space left"
        queue.sendmail(TO, stdin=message()).expect(0)
        daemon.wait_for("status=deferred .*no space left")
        assert len(smarthost.sessions) == 2
        assert queue.status()["queued"] == 1


def test_mail_of_a_sender_is_not_taken_now(queue, smarthost):
    """Mail of others goes in the same session, however often that is."""
    def reply(_, argument):
        return "451 4.7.1 later" if "slow@" in argument else None
    smarthost.replies["MAIL"] = reply
    queue.write_config(smarthost, connections=1,
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    for i in range(20):
        queue.submit("-f", "slow@a.example" if i % 4 == 1
                     else "bob@a.example", TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(15)
        daemon.wait_for("status=deferred", times=5)
    assert len(smarthost.messages) == 15
    tries = [c for c in smarthost.commands() if c.startswith("MAIL FROM:<slow")]
    assert len(tries) <= 4 * 5


@pytest.mark.parametrize("reply", ["421 4.7.0 not this", CLOSE])
def test_a_message_that_ends_sessions(queue, smarthost, reply):
    """Others go on, and that one waits for its next attempt."""
    smarthost.extensions = ["PIPELINING"]   # else content may have arrived
    smarthost.replies["MAIL"] = lambda _, argument: \
        reply if "odd@" in argument else None
    queue.write_config(smarthost, connections=1,
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    for i in range(20):
        queue.submit("-f", "odd@a.example" if i == 10 else "bob@a.example",
                     TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(19)
        daemon.wait_for("status=deferred")
    assert len([c for c in smarthost.commands() if "odd@" in c]) <= 4


@pytest.mark.parametrize("delivery", ["direct", "queue"])
def test_recipients_of_a_message_over_sessions(queue, smarthost, delivery):
    """Two at a time, and one transaction in a session."""
    smarthost.replies["RCPT"] = lambda session, _: \
        "452 4.5.3 too many recipients" \
        if sum(c.startswith("RCPT") for c in session.commands) > 2 else None
    SessionLimit(smarthost, 1, "MAIL", "452 " + TOO_LONG)
    queue.write_config(smarthost, settings={
        "delivery": delivery, "retry_first": "1h", "retry_longest": "1h"})
    everybody = [f"{i}@b.example" for i in range(8)]
    if delivery == "direct":
        queue.sendmail(*everybody, stdin=message()).expect(0)
    else:
        with queue.daemon() as daemon:
            queue.sendmail(*everybody, stdin=message()).expect(0)
            daemon.wait_until_removed(1)
            assert not daemon.count("status=deferred")
    assert sorted(sum((m.recipients for m in smarthost.messages), [])) == \
        everybody


@pytest.mark.parametrize("stage", ["MAIL", "RCPT"])
@pytest.mark.parametrize("what", [SILENT, CLOSE])
def test_sessions_in_which_nothing_is_answered(queue, smarthost, stage, what):
    """That is the smarthost's, and not an attempt of each message."""
    smarthost.extensions = []
    smarthost.replies[stage] = lambda *_: what
    queue.write_config(smarthost, connections=2, timeout="1s",
                       settings={"retry_first": "1h", "retry_longest": "1h"})
    for _ in range(10):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_for("is down, its mail is kept: .*(no answer|closed)")
        assert daemon.count("status=deferred") <= 2
        del smarthost.replies[stage]
        queue.postrider("queue", "flush").expect(0)
        daemon.wait_until_removed(10)
        daemon.wait_for("is up")
