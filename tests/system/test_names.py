"""Queue-ids that callers choose: a user who gets a copy of a message reads its
id there, and may drop a file with that name, or with one near it."""

import re

import pytest

from lib.harness import message
from lib.queue import ALICE, BOB, as_root, message_file, random_id, user

pytestmark = as_root

VICTIM, GONE, HOLD = "victim@a.example", "gone@b.example", "hold@b.example"
EVIL = "evil@b.example"


def next_id(queue_id):
    return f"{int(queue_id, 16) + 1 & (1 << 128) - 1:032x}"


def id_of(sent):
    """As a recipient finds it."""
    return re.search(rb"id ([0-9a-f]{32})", sent.content)[1].decode()


def victim_sends(queue, smarthost):
    """Alice's message, one recipient of which Bob is; returns its id."""
    queue.sendmail("-f", VICTIM, GONE, EVIL, stdin=message(),
                   **user(ALICE)).expect(0)
    smarthost.wait_for_messages(1)
    return id_of(smarthost.messages[0])


def reports(smarthost):
    return [m for m in smarthost.messages if m.recipients == [VICTIM]]


def test_file_where_a_report_might_be(queue, smarthost):
    """It waits in the queue when the report is made."""
    smarthost.recipients[GONE] = ["450 4.2.0 later", "550 5.1.1 nobody"]
    smarthost.recipients[HOLD] = "450 4.2.0 later"
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue_id = victim_sends(queue, smarthost)
        other = next_id(queue_id)
        queue.write_drop(other, message_file(other, [HOLD]), uid=BOB)
        daemon.wait_for(f"{queue_id}: removed")
        smarthost.wait(lambda: reports(smarthost))
        assert [item["queue_id"] for item in queue.listing()] == [other]
    assert b"5.1.1" in reports(smarthost)[0].content


def test_file_on_its_way_where_a_report_might_be(queue, smarthost,
                                                 make_smarthost):
    """It is removed from there after the report has been made."""
    smarthost.recipients[GONE] = ["450 4.2.0 later", "550 5.1.1 nobody"]
    slow = make_smarthost()
    answer = slow.hold("BDAT")
    queue.write_config([smarthost, slow])
    with queue.daemon() as daemon:
        queue_id = victim_sends(queue, smarthost)
        other = next_id(queue_id)
        queue.write_drop(other, message_file(
            other, [EVIL], lines=["smarthost host1"]), uid=BOB)
        slow.wait_for_messages(1)
        daemon.wait_for(f"{queue_id}: sender non-delivery notification")
        answer.set()
        daemon.wait_until_removed(3)
        assert queue.is_empty(), queue.files()
    assert len(reports(smarthost)) == 1


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("uid", [ALICE, BOB])
def test_file_with_the_id_of_a_queued_message(queue, smarthost, uid,
                                              restarted):
    """It is neither that message nor lost: it goes after that one."""
    smarthost.recipients[GONE] = "450 4.2.0 later"
    queue.write_config(smarthost)
    daemon = queue.start()
    queue_id = victim_sends(queue, smarthost)
    daemon.wait(lambda: queue.names("queue") == [queue_id] and
                queue.names("drop") == [])
    other = queue.write_drop(queue_id, message_file(
        queue_id, ["other@b.example"]), uid=uid)
    if restarted:
        daemon.stop()
        daemon = queue.start()
    queue.sendmail("-q").expect(0)
    daemon.wait_for(f"drop: 1 message .*{queue_id} has the name of a message "
                    "that is in queue/")
    assert other.exists()
    smarthost.recipients[GONE] = "550 5.1.1 nobody"
    queue.sendmail("-q").expect(0)
    daemon.wait_for(f"{queue_id}: removed")
    queue.sendmail("-q").expect(0)
    daemon.wait_until_removed(3)
    assert queue.is_empty(), queue.files()
    daemon.stop()
    sent = [m.recipients for m in smarthost.messages]
    assert sorted(sent) == [[EVIL], ["other@b.example"], [VICTIM]]


def test_own_file_with_the_id_of_a_queued_message(queue, smarthost):
    """It is not read before that is gone, however often it is looked at: that
    it is damaged is found out only then."""
    smarthost.recipients[GONE] = "450 4.2.0 later"
    queue.write_config(smarthost)
    daemon = queue.start()
    queue_id = victim_sends(queue, smarthost)
    daemon.wait(lambda: queue.names("queue") == [queue_id] and
                queue.names("drop") == [])
    other = queue.write_drop(queue_id, message_file(
        queue_id, content=b"x\r\n" * 100000, wrong_sum=True), uid=ALICE)
    queue.sendmail("-q").expect(0)
    daemon.wait_for(f"drop: 1 message .*{queue_id} has the name of a message "
                    "that is in queue/")
    assert other.exists()
    queue.postrider("queue", "remove", queue_id).expect(0)
    queue.sendmail("-q").expect(0)
    daemon.wait(lambda: not other.exists())
    daemon.stop()


def test_original_that_was_not_removed(queue, smarthost):
    """It is what queue/ has a copy of: no second message."""
    smarthost.recipients[HOLD] = ["450 4.2.0 later", "250 2.1.5 ok"]
    queue.write_config(smarthost)
    name = random_id()
    data = message_file(name, [HOLD])
    queue.write_drop(name, data)
    with queue.daemon() as daemon:
        daemon.wait(lambda: queue.names("queue") == [name] and
                    queue.names("drop") == [])
        again = queue.write_drop(name, data)
        queue.sendmail("-q").expect(0)
        daemon.wait_until_removed(1)
        daemon.wait(lambda: not again.exists())
        assert queue.is_empty(), queue.files()
    assert len(smarthost.messages) == 1
