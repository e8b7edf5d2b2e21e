"""Queue-ids that callers choose: whoever gets a copy of a message reads its
id there, and may drop a file with that name, or with one near it."""

import re

from lib.harness import message
from lib.queue import ALICE, BOB, as_root, message_file, user

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
