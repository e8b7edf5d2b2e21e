"""What is recorded: a name, and a function that acts on the world of play.py.

Each ends when the daemon has stopped in order, with files left or without.
"""

import os
import select
import signal

from crash.contents import Told
from lib.queue import PATIENCE, message_file, queued_line, random_id

GONE = "gone@b.example"          # who is refused by every smarthost
LATER, REFUSED = "451 4.2.1 later", "550 5.1.1 no such user"


def submission(world):
    """Stored while no daemon runs; then one comes."""
    world.queue.write_config(world.smarthost)
    world.start()
    world.submit("stored", "b@b.example")
    with world.queue.daemon() as daemon:
        daemon.wait_until_removed(1)


def two_at_once(world):
    """Two callers, one session."""
    world.queue.write_config(world.smarthost)
    gate = world.smarthost.hold("MAIL")
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("first", "b@b.example")
        world.submit("second", "c@b.example", "d@b.example")
        gate.set()
        daemon.wait_until_removed(2)


def deferral(world):
    """Nobody has it at first; it is put in queue/ and tried again."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["b@b.example"] = [LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("deferred", "b@b.example")
        daemon.wait_until_removed(1)


def untried(world):
    """The smarthost is down: it is put in queue/ before any attempt, and has no
    state."""
    world.queue.write_config(world.smarthost)
    world.smarthost.replies["GREETING"] = ["421 4.3.2 down"]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("untried", "b@b.example")
        daemon.wait_until_removed(1)


def partial(world):
    """One recipient has it, the other one gets it later: twice deferred, so
    that its state is saved again."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["late@b.example"] = [LATER, LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("partly", "now@b.example", "late@b.example")
        daemon.wait_until_removed(1)


def large(world):
    """Not copied into memory, but into queue/.ID; one recipient has it."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["late@b.example"] = [LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("large", "now@b.example", "late@b.example",
                     body=("0123456789" * 7 + "\n") * 500)
        daemon.wait_until_removed(1)


def bounce(world):
    """One recipient is refused; the report to the sender waits, too."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients[GONE] = REFUSED
    world.smarthost.recipients["a@a.example"] = [LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("bounced", "b@b.example", GONE)
        daemon.wait_until_removed(2)


def late_bounce(world):
    """Refused at its second attempt: it is in queue/ when that is reported."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients[GONE] = [LATER, REFUSED]
    world.smarthost.recipients["a@a.example"] = [LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("late", "now@b.example", GONE)
        daemon.wait_until_removed(2)


def expiry(world):
    """Nobody takes it until its time is over."""
    world.queue.write_config(world.smarthost, settings={
        "expire_after": "1s", "delay_warning": "0"})
    world.smarthost.recipients["b@b.example"] = [LATER] * 9
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("expired", "b@b.example")
        daemon.wait_until_removed(2)


def hold(world):
    """An administrator holds it, and lets it go."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["b@b.example"] = LATER
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("held", "b@b.example")
        name = daemon.wait_for("([0-9a-f]{32}): to=.*status=deferred")[1]
        world.control("hold", name)
        world.tell(Told("held", "held", "-", ()))
        del world.smarthost.recipients["b@b.example"]
        world.tell(Told("released", "held", "-", ()))
        world.control("release", name)
        daemon.wait_until_removed(1)


def remove(world):
    """An administrator removes it."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["b@b.example"] = LATER
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("removed", "b@b.example")
        name = daemon.wait_for("([0-9a-f]{32}): to=.*status=deferred")[1]
        world.tell(Told("withdrawn", "removed", "-", ()))
        world.control("remove", name)


def requeue(world):
    """One recipient has it, the other one is refused, and there is no sender to
    be told: it goes to failed/, and comes back for the second one."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["b@b.example"] = [REFUSED]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("failed", "now@b.example", "b@b.example", sender="<>")
        name = daemon.wait_for("([0-9a-f]{32}): cannot be delivered")[1]
        world.control("requeue", name)
        daemon.wait_until_removed(1)


def reload(world):
    """The configuration is read again between two attempts."""
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients["late@b.example"] = [LATER]
    world.start()
    with world.queue.daemon() as daemon:
        world.submit("reloaded", "now@b.example", "late@b.example")
        daemon.wait_for("status=deferred")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("configuration will be read again")
        daemon.wait_for("daemon: started", 2)
        daemon.wait_until_removed(1)


def killed(world):
    """kill -9 when the smarthost has a message, of which only the worker's
    journal tells, as the manager was stopped before; the next daemon reads
    it."""
    world.queue.write_config(world.smarthost)
    gate = world.smarthost.hold("RCPT")
    world.start()
    daemon = world.queue.start()
    world.submit("journal", "b@b.example", "c@b.example")
    world.smarthost.wait_for_command("RCPT")
    manager, = daemon.managers()
    os.kill(manager, signal.SIGSTOP)
    gate.set()
    daemon.wait(lambda: any(
        path.stat().st_size > 0
        for path in world.queue.spool.glob("state/journal.*")))
    workers = [os.pidfd_open(pid) for pid in daemon.workers()]
    os.kill(manager, signal.SIGKILL)
    daemon.kill()
    for worker in workers:
        select.select([worker], [], [], PATIENCE)
        os.close(worker)
    with world.queue.daemon() as daemon:
        daemon.wait(lambda: not world.queue.names("drop"))


FOUND = b"Subject: found\r\nMessage-ID: <x@y>\r\n\r\nhello\r\n"
STATE = ("postrider-state 1 {}\n"
         "rcpt delivered 0 1 1795514531 2.0.0 smtp.example[192.0.2.1]:587 250 "
         "ok\nrcpt open 0 0 0 - - -\nend\n")


def put(world, path, octets):
    """A file of the daemon's that is there before the start."""
    path = world.queue.spool / path
    path.write_bytes(octets)
    world.queue.give(path)


def half_done(world):
    """A message with a state as the first release wrote it, one of whose two
    recipients has it; and where it is besides."""
    world.queue.write_config(world.smarthost)
    name = random_id()
    data = message_file(name, ["now@b.example", "late@b.example"],
                        content=FOUND)
    put(world, f"state/{name}", STATE.format(name).encode())
    return name, data


def taken_up(world):
    world.start()
    world.tell(Told("delivered", "found", "<x@y>", ("now@b.example",)))
    world.tell(Told("promised", "found", "-",
                    ("now@b.example", "late@b.example")))
    with world.queue.daemon() as daemon:
        daemon.wait_until_removed(1)


def leftover(world):
    """A stop came before the copy had its name: a start goes on from there."""
    name, data = half_done(world)
    world.queue.write_drop(name, data)
    put(world, f"queue/.{name}", data + queued_line())
    taken_up(world)


def named(world):
    """A stop came when the copy had its name, and before that was durable."""
    world.queue.write_config(world.smarthost)
    name = random_id()
    data = message_file(name, ["b@b.example"], content=FOUND)
    world.queue.write_drop(name, data)
    put(world, f"queue/.{name}", data + queued_line())
    world.start()
    world.tell(Told("promised", "found", "-", ("b@b.example",)))
    folder = os.open(world.queue.spool / "queue", os.O_RDONLY)
    os.rename(f".{name}", name, src_dir_fd=folder, dst_dir_fd=folder)
    os.close(folder)
    with world.queue.daemon() as daemon:
        daemon.wait_until_removed(1)


def upgrade(world):
    """The state has nothing but what the first release wrote."""
    name, data = half_done(world)
    put(world, f"queue/{name}", data + queued_line())
    taken_up(world)


SCENARIOS = {function.__name__: function for function in (
    submission, two_at_once, deferral, untried, partial, large, bounce,
    late_bounce, expiry, hold, remove, requeue, reload, killed, leftover,
    named, upgrade)}
