"""How many connections there are, and what one that is refused does to others.
"""

import pytest

from lib.harness import message
from lib.smarthost import CLOSE, RESET, Smarthost

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
])
def test_no_more_at_a_time(queue, certificates, stage, reply):
    """The one that stands goes on, however long its message takes."""
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
            daemon.wait_for("one connection failed, others go on")
            gate.set()
            daemon.wait_until_removed(3)
        assert not daemon.count("is down|is parked")
        assert len(limit.refused) == 1
        assert len(smarthost.messages) == 3


def test_no_more_at_a_time_over_many_sessions(queue, smarthost):
    """The smarthost may not have noticed the end of the last one yet."""
    limit = Limit(smarthost, 1, "GREETING", "421 " + TOO_MANY)
    last = []

    def greet(session, argument):
        ended = [s for s in smarthost.sessions if s.messages]
        if len(ended) > len(last):
            last.append(session)
            limit.refused.append(session)
            return limit.reply
        return limit.answer(session, argument)
    smarthost.replies["GREETING"] = greet
    queue.write_config(smarthost, messages_per_connection=2)
    for _ in range(6):
        queue.submit(TO, stdin=message())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(6)
    assert not daemon.count("is down")
    assert len([s for s in smarthost.sessions if s.messages]) == 3
