"""Messages to thousands: each recipient gets one copy, each is offered in each
attempt, and what is known of each is known once."""

import collections
import os
import signal

from lib.queue import message_file, random_id
from lib.smarthost import EXTENSIONS

WITHOUT_CHUNKING = [e for e in EXTENSIONS if e != "CHUNKING"]


def addresses(count):
    return [f"r{n:05d}@b.example" for n in range(count)]


def drop(queue, recipients):
    """A message to all of them, as sendmail would leave it."""
    queue_id = random_id()
    queue.write_drop(queue_id, message_file(queue_id, recipients=recipients))
    return queue_id


def copies(host):
    """How many copies each recipient got."""
    return collections.Counter(
        recipient for message in host.messages
        for recipient in message.recipients)


def offered(host):
    """How often each recipient was named to the smarthost."""
    return collections.Counter(
        command[9:command.index(">")] for command in host.commands()
        if command.startswith("RCPT TO:<"))


def once_each(recipients):
    return collections.Counter(recipients)


def test_long_replies_make_no_duplicates(queue, make_smarthost):
    """What workers report may be longer than a socket takes at a time."""
    host = make_smarthost(extensions=WITHOUT_CHUNKING)
    everybody = addresses(1000)
    with queue_of(queue, host) as daemon:
        for length in (200, 900):
            host.replies["END"] = ["250 2.0.0 Ok: " + "q" * length]
            mark = daemon.mark()
            drop(queue, everybody)
            daemon.wait_until_removed(1, after=mark)
    assert copies(host) == once_each(2 * everybody)


def test_stopped_manager_makes_no_duplicates(queue, make_smarthost):
    """Nor may a manager that is slow to listen."""
    host = make_smarthost(extensions=WITHOUT_CHUNKING)
    host.replies["END"] = lambda session, argument: \
        "250 2.0.0 Ok: " + "q" * 500
    everybody = addresses(1000)
    messages = 3
    gate = host.hold("END")
    with queue_of(queue, host, connections=1) as daemon:
        for _ in range(messages):
            drop(queue, everybody)
        host.wait_for_command("DATA")
        daemon.wait(lambda: queue.status()["active"] == 1)
        (manager,) = daemon.managers()
        os.kill(manager, signal.SIGSTOP)
        gate.set()
        host.wait_for_messages(1)
        daemon.wait(lambda: any(
            path.stat().st_size > 0
            for path in (queue.spool / "state").glob("journal.*")))
        os.kill(manager, signal.SIGCONT)
        daemon.wait_until_removed(messages)
    assert copies(host) == once_each(messages * everybody)


def test_too_many_recipients_go_in_the_same_attempt(queue, smarthost):
    """The smarthost takes ten at a time; the others follow at once."""
    everybody = addresses(35)

    def limit(session, argument):
        taken = 0
        for command in session.commands:
            if command.startswith("MAIL"):
                taken = 0
            taken += command.startswith("RCPT")
        return None if taken <= 10 else "452 4.5.3 too many recipients"

    smarthost.replies["RCPT"] = limit
    with queue_of(queue, smarthost, retry="1h") as daemon:
        drop(queue, everybody)
        daemon.wait_until_removed(1)
    assert copies(smarthost) == once_each(everybody)
    assert len(smarthost.messages) == 4


def test_all_are_offered_in_one_attempt(queue, smarthost):
    everybody = addresses(10000)
    with queue_of(queue, smarthost, retry="1h") as daemon:
        drop(queue, everybody)
        daemon.wait_until_removed(1, timeout=120)
    assert copies(smarthost) == once_each(everybody)
    assert len(smarthost.messages) == 10


def test_greylisted_recipients_hold_up_no_others(queue, smarthost):
    """The first thousand are told to come later: the others get it now, and an
    attempt is one attempt."""
    everybody = addresses(2500)
    for recipient in everybody[:1000]:
        smarthost.recipients[recipient] = "450 4.2.0 greylisted"
    with queue_of(queue, smarthost, retry="1h") as daemon:
        queue_id = drop(queue, everybody)
        smarthost.wait_for_messages(2)
        daemon.wait(lambda: queue.listing()[0]["attempts"] == 1)
        assert copies(smarthost) == once_each(everybody[1000:])
        assert offered(smarthost) == once_each(everybody)
        smarthost.recipients.clear()
        queue.postrider("queue", "retry", queue_id).expect(0)
        daemon.wait_until_removed(1)
    assert copies(smarthost) == once_each(everybody)


def test_restart_within_an_attempt(queue, smarthost):
    """What was delivered in its first part is on disk by then."""
    everybody = addresses(2500)
    gate = smarthost.hold("END")
    with queue_of(queue, smarthost) as daemon:
        drop(queue, everybody)
        smarthost.wait_for_command("DATA|BDAT")
        gate.set()
        smarthost.wait_for_messages(1)
        gate.clear()
        smarthost.wait(lambda: len(offered(smarthost)) == 2000)
        daemon.signal(signal.SIGTERM)
        gate.set()
        daemon.wait_end()
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
    assert copies(smarthost) == once_each(everybody)


def test_queue_shows_all_of_them(queue, smarthost):
    """In mailq, in JSON, and for -qR, whatever length they have."""
    everybody = addresses(20000)
    smarthost.replies["MAIL"] = lambda session, argument: "450 4.2.0 later"
    with queue_of(queue, smarthost, retry="1h") as daemon:
        drop(queue, everybody)
        daemon.wait(lambda: queue.status()["active"] == 0 and
                    queue.listing()[0]["attempts"] == 1)
        (item,) = queue.listing()
        assert item["recipients"] == everybody
        assert item["sender"] == "a@a.example"
        text = queue.run("mailq").expect(0).stdout.decode()
        assert "?" not in text
        assert [line.strip() for line in text.splitlines()
                if line.startswith(64 * " ")] == everybody
        for option in ("-q!Rr19999@", "-qSb@b.", "-qRr20000@"):
            queue.sendmail(option).expect(0)
            assert queue.status()["active"] == 0, option
        smarthost.replies.clear()
        queue.sendmail("-qRr19999@").expect(0)
        daemon.wait_until_removed(1, timeout=120)
    assert copies(smarthost) == once_each(everybody)


def queue_of(queue, host, retry="1s", **options):
    queue.write_config(host, settings={
        "retry_first": retry, "retry_longest": retry,
        "expire_after": "2h", "delay_warning": "0"}, **options)
    return queue.daemon()
