"""What a message may weigh: one bound for all who handle it.

A message of which sendmail has said 0 is delivered or returned, whatever the
limit of the daemon is by then.
"""

import pytest

from lib.harness import message
from lib.queue import message_file, random_id

LIMIT = 3000
LONG = "d" * 60 + ".example"


def of_size(size):
    """Without Date, Message-ID and From, which sendmail adds."""
    head = b"Subject: x\r\n\r\n"
    return head + b"z" * (size - len(head) - 2) + b"\r\n"


def settings(**more):
    return {"message_size_limit": LIMIT, **more}


@pytest.mark.parametrize("options, names", [
    ({}, ["b@b.example"]),
    ({"redirect_all": "staging@b.example"},
     [f"user{i}@{LONG}" for i in range(8)]),
])
def test_what_is_accepted_is_delivered(queue, smarthost, options, names):
    """Every size around the limit: what is added counts, too."""
    queue.write_config(
        smarthost, settings=settings(**options),
        extra='sender "*" {\n address = "' + "s" * 60 + "@" + LONG +
              '"\n name = "' + "A long name " * 9 + '"\n}\n')
    accepted = 0
    refused = []
    for size in range(LIMIT - 1400, LIMIT + 40, 23):
        result = queue.sendmail("-i", *names, stdin=of_size(size))
        accepted += result.expect(0, 65).status == 0
        if result.status:
            refused.append(size)
            assert f"message_size_limit ({LIMIT} octets)" in result.errors
    assert accepted and refused and max(refused) > LIMIT
    with queue.daemon() as daemon:
        daemon.wait_until_removed(accepted)
    assert len(smarthost.messages) == accepted
    assert queue.is_empty()


def test_smtp_refuses_what_grows_too_large(queue, smarthost):
    queue.write_config(smarthost, settings=settings())
    dialogue = b"EHLO c\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>" \
        b"\r\nDATA\r\n" + of_size(LIMIT - 10) + b".\r\nQUIT\r\n"
    result = queue.sendmail("-bs", stdin=dialogue).expect(0)
    assert f"250-SIZE {LIMIT}\r\n" in result.stdout.decode()
    assert "\r\n552 5.3.4 " in result.stdout.decode()
    assert queue.names("drop") == []


def test_lowered_limit(queue, smarthost):
    """What was accepted before is returned, with its header section."""
    queue.write_config(smarthost)
    for size in (2000, 40000, 400000):
        queue.submit("-f", "a@a.example", "b@b.example", stdin=of_size(size))
    queue.write_config(smarthost, settings=settings())
    with queue.daemon() as daemon:
        daemon.wait_until_removed(5)
    assert queue.is_empty()
    sent = [m for m in smarthost.messages if m.reverse_path]
    reports = [m for m in smarthost.messages if not m.reverse_path]
    assert len(sent) == 1 and len(reports) == 2
    for report in reports:
        assert report.recipients == ["a@a.example"]
        assert b"Status: 5.3.4\r\n" in report.content
        assert b"\r\nSubject: x\r\n" in report.content
        assert b"zzz" not in report.content


def test_without_a_sender_it_waits_for_a_higher_limit(queue, smarthost):
    queue.write_config(smarthost, settings=settings())
    name = random_id()
    queue.write_drop(name, message_file(name, sender="",
                                        content=of_size(LIMIT + 1)))
    with queue.daemon() as daemon:
        daemon.wait_for(f"drop/{name}: message is larger than")
    assert queue.names("drop") == [name]
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


def test_largest_limit_there_is(queue, smarthost):
    queue.write_config(smarthost, settings={"message_size_limit": "1024G"})
    queue.submit("b@b.example", stdin=message())
    name = random_id()
    with open(queue.drop / (".t" + name), "wb") as file:
        file.write(message_file(name, length=(1 << 40) + 1))
    (queue.drop / (".t" + name)).chmod(0o644)
    (queue.drop / (".t" + name)).rename(queue.drop / name)
    with queue.daemon() as daemon:
        daemon.wait_for(f"{name}: removed: ")
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1


@pytest.mark.parametrize("count, octets, status", [
    (100000, 20, 0), (100001, 20, 65), (80000, 250, 65)])
def test_bounds_of_the_envelope(queue, count, octets, status):
    """Refused before anything is stored, or taken by the daemon."""
    queue.write_config(1)
    domain = "@" + "d" * 50 + ".x" * max(0, (octets - 60) // 2)
    names = ",\n ".join(f"u{i:06}{domain if octets > 20 else '@x.example'}"
                        for i in range(count))
    result = queue.sendmail("-t", "-f", "a@a.example", limit=60,
                            stdin=f"Bcc: {names}\n\nhello\n".encode())
    result.expect(status)
    assert len(queue.names("drop")) == (status == 0)
    if status == 0:
        with queue.daemon() as daemon:
            daemon.wait_for("uid=.*from=<a@a.example>")
            daemon.wait(lambda: queue.names("queue"))
        assert not queue.names("failed")
