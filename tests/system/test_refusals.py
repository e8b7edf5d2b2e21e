"""What the system refuses is not the sender's fault: mail stays, is told of,
and goes when that is mended."""

import shutil

import pytest

from lib.harness import ROOT, message
from lib.queue import limit_file_size, message_file, queued_line, random_id

FILTER = ROOT / "tests" / "lib" / "refusing.py"
NEW_CALLS = "openat2,memfd_create,faccessat2"


def refuse(queue, name, calls):
    """The program is run so from now on; others in queue.build are not."""
    real = queue.folder / f"real-{name}"
    real.mkdir(mode=0o755)
    shutil.copy(FILTER, queue.folder / "refusing.py")
    program = queue.build / name
    program.rename(real / name)
    program.write_text(f"#!/bin/sh\nexec /usr/bin/python3 "
                       f"{queue.folder}/refusing.py {calls} {real}/{name} "
                       '"$@"\n')
    program.chmod(0o755)


@pytest.mark.parametrize("size", [100, 100000])
def test_calls_that_are_newer_than_the_filter(queue, smarthost, size):
    """Filters of old container runtimes and service managers answer EPERM."""
    refuse(queue, "postrider", NEW_CALLS)
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example",
                       stdin=message(b"x" * 70 + b"\n" * size)).expect(0)
        daemon.wait_until_removed(1)
    assert len(smarthost.messages) == 1
    assert not daemon.find("cannot|tried again")


def test_random_numbers_from_the_device(queue, smarthost):
    """Where getrandom(2) is refused, in all programs."""
    refuse(queue, "postrider", "getrandom")
    refuse(queue, "sendmail", "getrandom")
    queue.write_config(smarthost)
    with queue.daemon() as daemon:
        queue.sendmail("b@b.example", stdin=message()).expect(0)
        daemon.wait_until_removed(1)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_random_numbers_at_all(queue):
    """A queue-id that can be guessed is none: the caller tries again."""
    queue.write_config(2525)
    result = queue.run_other(
        ["strace", "-qq", "-o", "/dev/null", "-P", "/dev/urandom",
         "-e", "inject=openat:error=EACCES", "/usr/bin/python3", FILTER,
         "getrandom", ROOT / "build" / "sendmail", "b@b.example"],
        stdin=message())
    result.expect(75)
    assert "no random numbers" in result.errors
    assert queue.names("drop") == []


# What is known of outcomes

def place_queued(queue, recipients):
    """A message in queue/, as the daemon left it."""
    name = random_id()
    path = queue.spool / "queue" / name
    path.write_bytes(message_file(name, recipients) + queued_line())
    path.chmod(0o600)
    queue.give(path)
    return name


@pytest.mark.parametrize("where", ["queue", "drop"])
def test_journal_that_cannot_be_recorded(queue, smarthost, where):
    """The disk is full at the start: what was accepted is not sent again, by
    this daemon nor by the next one."""
    smarthost.recipients["c@b.example"] = "450 4.2.0 later"
    queue.write_config(smarthost)
    recipients = ("b@b.example", "c@b.example")
    if where == "queue":
        name, room = place_queued(queue, recipients), 10
    else:
        name = random_id()
        data = message_file(name, recipients)
        queue.write_drop(name, data)
        room = len(data)
    journal = queue.spool / "state" / "journal.0"
    journal.write_text(f"{name} 0\n")
    queue.give(journal)
    full = queue.start(preexec_fn=limit_file_size(room))
    full.wait_for(f"{name}: accepted by a smarthost before")
    full.wait_for("to=<c@b.example>.*deferred")
    full.kill()
    with queue.daemon() as daemon:
        daemon.wait_for("to=<c@b.example>.*deferred")
        (item,) = queue.listing()
        assert item["recipients"] == ["c@b.example"]
        assert name not in "".join(
            path.read_text() for path in journal.parent.glob("journal.*"))
    assert not daemon.find("to=<b@b") and not full.find("to=<b@b")
