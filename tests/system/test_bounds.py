"""What one user may take of the daemon's time, memory and disk.

Each bound is gone beyond, and mail of others goes through all the same.
"""

import pathlib
import select
import socket
import time

from lib.queue import (ALICE, as_root, message_file, queued_line,
                       random_id)

pytestmark = as_root

MEBIBYTE = 1 << 20


def place(queue, count, received=None, uid=ALICE, **options):
    """So many messages in queue/; returns their queue-ids. Their sums are
    wrong: the daemon made these files, and proves them no more."""
    ids = [random_id() for _ in range(count)]
    inner = random_id()
    data = message_file(inner, **options) + queued_line(received, uid)
    for queue_id in ids:
        path = queue.spool / "queue" / queue_id
        path.write_bytes(data.replace(inner.encode(), queue_id.encode()))
        queue.give(path)
    return ids


def memory_peak(daemon):
    """Octets that the manager has had so far."""
    (manager,) = daemon.managers()
    status = pathlib.Path(f"/proc/{manager}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def ask(queue, request):
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(queue.control))
    client.sendall(request + b"\n")
    return client


# Time

def test_many_late_messages(queue, smarthost):
    """A sweep reports a few at a time, and others are answered meanwhile."""
    smarthost.replies["GREETING"] = "421 4.3.2 later"
    queue.write_config(smarthost, settings={"delay_warning": "2s"})
    late = place(queue, 400, received=int(time.time()) - 86400,
                 sender="a@a.example")
    with queue.daemon() as daemon:
        daemon.wait_for("sender delay notification")
        with ask(queue, b"status").makefile("r") as answer:
            figures = dict(line.split()[:2] for line in answer)
        assert int(figures["reports"]) < len(late)
        daemon.wait_for("sender delay notification", times=len(late))


# Memory

def test_answers_that_clients_do_not_take(queue, smarthost):
    """They are made as they are taken, and are whole all the same."""
    smarthost.replies["GREETING"] = "421 4.3.2 later"
    queue.write_config(smarthost)
    recipients = [f"{n}{'x' * 240}@b.example" for n in range(7)]
    ids = place(queue, 1500, recipients=recipients)
    options = {"ASAN_OPTIONS": "quarantine_size_mb=1"}
    with queue.daemon(env=options) as daemon:
        before = memory_peak(daemon)
        clients = [ask(queue, b"list") for _ in range(60)]
        for client in clients:
            select.select([client], [], [])
        assert memory_peak(daemon) - before < 16 * MEBIBYTE
        with clients[0].makefile("rb") as answer:
            listed = [line.split(b"\t")[0].decode() for line in answer]
        assert sorted(listed) == sorted(ids)
