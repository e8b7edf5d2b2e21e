"""A message that a rule bound to one smarthost never leaves by another, also
when that one's section is not in the configuration any more."""

import re
import signal

import pytest

from lib.harness import message

TO = "b@b.example"
RULE = 'sender "boss@a.example" {\n    smarthost = "host1"\n}\n'
REASON = 'no section smarthost "host1" in .*postrider.conf; '


@pytest.fixture
def public(make_smarthost):
    return make_smarthost()


@pytest.fixture
def private(make_smarthost):
    return make_smarthost()


def bind(queue, public, private, **settings):
    """One message bound to the private one, which is then taken away."""
    queue.write_config([public, private], extra=RULE)
    queue_id = queue.submit("-f", "boss@a.example", TO, stdin=message())
    queue.write_config(public, settings=settings)
    return queue_id


def test_kept_and_shown(queue, public, private):
    queue_id = bind(queue, public, private)
    with queue.daemon() as daemon:
        daemon.wait_for("queue: 1 message cannot leave: " + REASON)
        queue.sendmail("-odi", "-f", "x@a.example", TO,
                       stdin=message()).expect(0)
        queue.sendmail("-q").expect(0)
        (item,) = queue.listing()
        assert item["queue_id"] == queue_id and item["state"] == "waiting"
        assert re.search(REASON, item["reason"])
        assert re.search(rf"\({REASON}", queue.run("mailq").stdout.decode())
        status = queue.status()
        assert status["bound"] == 1
        (trouble,) = status["troubles"]
        assert re.match(REASON, trouble["text"])
        assert (trouble["place"], trouble["count"]) == ("queue", 1)
        result = queue.postrider("check").expect(69)
        assert re.search('daemon: error: 1 message in queue cannot leave: no '
                         'section smarthost "host1" in .*; add it',
                         result.stdout.decode())
    assert [m.reverse_path for m in public.messages] == ["x@a.example"]
    assert not private.messages


def test_reload_with_the_section_releases_it(queue, public, private):
    bind(queue, public, private)
    with queue.daemon() as daemon:
        daemon.wait_for(REASON)
        before = daemon.mark()
        queue.write_config([public, private], extra=RULE)
        daemon.signal(signal.SIGHUP)
        daemon.wait_until_removed(1, after=before)
        assert queue.is_empty()
    assert not public.messages
    assert [m.reverse_path for m in private.messages] == ["boss@a.example"]


def test_reload_without_the_section_keeps_it(queue, public, private):
    """It had been tried and deferred: that is not why it waits now."""
    private.recipients[TO] = "451 4.2.0 not now"
    queue.write_config([public, private], extra=RULE)
    with queue.daemon() as daemon:
        queue.sendmail("-odi", "-f", "boss@a.example", TO,
                       stdin=message()).expect(0)
        daemon.wait_for("status=deferred")
        queue.write_config(public)
        before = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for(REASON, after=before)
        (item,) = queue.listing()
        assert re.search(REASON, item["reason"])
    assert not public.messages


def test_interactive(queue, public, private):
    """The caller's configuration has a section that the daemon's has not."""
    queue.write_config(public)
    with queue.daemon() as daemon:
        queue.write_config([public, private], extra=RULE)
        result = queue.sendmail("-odi", "-v", "-f", "boss@a.example", TO,
                                stdin=message())
        result.expect(0)
        assert result.seconds < 20
        daemon.wait(lambda: queue.listing())
        assert not public.messages
        daemon.signal(signal.SIGHUP)
        daemon.wait_until_removed(1)
    assert len(private.messages) == 1


@pytest.mark.parametrize("key, notice", [
    ("expire_after", "non-delivery notification"),
    ("delay_warning", "sender delay notification"),
])
def test_sender_is_told(queue, public, private, key, notice):
    """No attempt can be made, but time passes all the same; and the report is
    not bound."""
    settings = {"expire_after": "1h", "delay_warning": "0", key: "2s"}
    bind(queue, public, private, **settings)
    with queue.daemon() as daemon:
        daemon.wait_for(notice)
        daemon.wait_until_removed(2 if key == "expire_after" else 1)
        assert queue.is_empty() == (key == "expire_after")
    (report,) = public.messages
    assert report.recipients == ["boss@a.example"]
    text = report.content.replace(b"\r\n ", b" ").decode()
    assert re.search('no section smarthost "host1"', text)


def test_administrator_removes_it(queue, public, private):
    queue_id = bind(queue, public, private)
    with queue.daemon() as daemon:
        daemon.wait_for(REASON)
        queue.postrider("queue", "hold", queue_id).expect(0)
        queue.postrider("queue", "release", queue_id).expect(0)
        assert len(queue.listing()) == 1
        queue.postrider("queue", "remove", queue_id).expect(0)
        assert queue.is_empty()
        assert queue.status()["bound"] == 0
    assert not public.messages
