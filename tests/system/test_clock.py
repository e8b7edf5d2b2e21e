"""Clocks jump: what was written by another time must neither be lost nor wait
for ever. A jump is played by dates in the files, which is all that stays, or by
a clock of the test's own."""

import os
import time

import pytest

from lib.queue import DAEMON, IS_ROOT, message_file, queued_line, random_id

YEARS = 10 * 365 * 86400

STATE = """postrider-state 1 {id}
attempts {attempts}
last {last}
next {next}
warned 0
held 0
reports 0
rcpt open 0 1 {last} 4.2.0 x 451 later
end
"""


def place(queue, received, **state):
    """A message in queue/, with a state unless it has had no attempt."""
    queue_id = random_id()
    files = {"queue": message_file(queue_id) + queued_line(received)}
    if state:
        files["state"] = STATE.format(id=queue_id, **state).encode()
    for folder, data in files.items():
        path = queue.spool / folder / queue_id
        path.write_bytes(data)
        path.chmod(0o600)
        if IS_ROOT:
            os.chown(path, DAEMON.pw_uid, DAEMON.pw_gid)
    return queue_id


@pytest.mark.parametrize("received", [0, 1, YEARS])
def test_message_from_another_time_is_tried(queue, smarthost, received):
    """It has had no attempt, so that its age alone does not expire it."""
    queue.write_config(smarthost)
    place(queue, received if received < 2 else int(time.time()) + received)
    with queue.daemon() as daemon:
        daemon.wait_for("status=sent")
        daemon.wait_until_removed(1)


def test_next_attempt_in_the_far_future_comes_soon(queue, smarthost):
    queue.write_config(smarthost)
    now = int(time.time())
    place(queue, now + YEARS, attempts=3, last=now + YEARS, next=now + YEARS)
    with queue.daemon() as daemon:
        daemon.wait_for("status=sent")
        daemon.wait_until_removed(1)


def test_old_message_that_was_tried_expires(queue, make_smarthost):
    host = make_smarthost()
    host.recipients["b@b.example"] = "451 4.2.0 later"
    queue.write_config(host, settings={"expire_after": "2s"})
    place(queue, 1, attempts=3, last=1, next=1)
    with queue.daemon() as daemon:
        daemon.wait_for("non-delivery notification")
        daemon.wait_until_removed(1)


@pytest.mark.parametrize("key, notice", [
    ("expire_after", "non-delivery notification"),
    ("delay_warning", "sender delay notification"),
])
def test_clock_that_is_set_makes_no_mail_old(queue, clock, key, notice):
    """A machine without a battery for its clock: mail comes in 1970, then the
    clock is set, and the smarthost is not there yet."""
    limit = 6
    settings = {"expire_after": "1h", "delay_warning": "0", key: f"{limit}s"}
    queue.write_config(1, settings=settings)
    clock.turn(1000 - int(time.time()))
    with queue.daemon(env=clock.environment) as daemon:
        began = time.monotonic()
        queue.sendmail("b@b.example", stdin=b"Subject: x\n\ny\n").expect(0)
        daemon.wait_for("is down")
        clock.turn(0)
        daemon.wait_for("the clock was set by")
        daemon.wait_for(notice, timeout=60)
        assert time.monotonic() - began >= limit


def test_mail_that_grew_old_in_sleep_gets_an_attempt(queue, smarthost):
    """It was tried, but not when it was old enough to be returned."""
    queue.write_config(smarthost, settings={"expire_after": "2d"})
    now = int(time.time())
    place(queue, now - 7 * 86400, attempts=3, last=now - 6 * 86400, next=now)
    with queue.daemon() as daemon:
        daemon.wait_for("status=sent")
        daemon.wait_until_removed(1)
        assert not daemon.find("notification")
