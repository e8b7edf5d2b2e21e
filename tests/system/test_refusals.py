"""What the system refuses is not the sender's fault: mail stays, is told of,
and goes when that is mended."""

import shutil

import pytest

from lib.harness import ROOT, message

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
