#!/usr/bin/python3
"""Submit messages to a spool whose disk is recorded; in the guest.

usage: tests/powercut/record.py LOG DISK TYPE COUNT [OPTION...]

    --mount OPTIONS     of the file system, "nobarrier"
    --front KIND, --daemon KIND
                        what their fsync does not sync: files or folders; for
                        programs with no_sync.c

The log has a mark for each thing that somebody was told, at the moment when it
was: "seconds|what|key|message-id|recipient|...", as in crash/play.py.
"""

import argparse
import collections
import concurrent.futures
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crash.contents import Told                                 # noqa: E402
from crash.play import World                                    # noqa: E402
from crash.scenarios import GONE, LATER, REFUSED                # noqa: E402
from lib.harness import message                                 # noqa: E402
from lib.queue import ALICE, user                               # noqa: E402
from powercut.cuts import START                                  # noqa: E402
from powercut.log_writes import Marks                           # noqa: E402

DEVICE = "postrider-powercut"
AT_ONCE = 4             # callers
WAITING = 12            # messages that nobody has yet: callers wait
LONG = "0123456789" * 7 + "\n"
PATIENCE = 1800         # seconds; the kernel may be emulated


class Recorded(World):
    """A world whose spool is on the recorded disk."""

    def __init__(self, folder, options):
        super().__init__(folder)
        self.environment = {
            who: {"NO_SYNC": kind} for who, kind in (
                ("front", options.front), ("daemon", options.daemon)) if kind}
        self._marks = Marks(DEVICE)
        self._open = threading.Semaphore(WAITING)
        self._missing = collections.Counter()       # key -> recipients
        self._changed = threading.Lock()

    def mark(self, *words):
        self._marks.add("|".join((f"{time.monotonic():.2f}", *words)))

    def begin(self):
        self._marks.add(START)

    def tell(self, told):
        super().tell(told)
        with self._changed:
            self._missing[told.key] += len(told.people) * \
                (1 if told.what == "promised" else -1)
            if self._missing[told.key] == 0:
                self._open.release()

    def submit_one(self, number):
        """Most of them go at once; see `recipients`."""
        self._open.acquire()
        people, body = recipients(self.smarthost, number), "hello\n"
        if number % 10 == 9:
            body = LONG * (number % 700)
        self.queue.sendmail(
            "-f", "a@a.example", *people, **user(ALICE),
            env=self.environment.get("front"),
            stdin=message(body, Subject=f"m{number}",
                          Message_ID=f"<{number}@a.example>")).expect(0)
        self.tell(Told("promised", f"m{number}", "-", people))


def recipients(smarthost, number):
    """Of ten messages two wait, for one or all of their recipients, and one
    has a recipient who is refused."""
    now, later = f"now{number}@b.example", f"later{number}@b.example"
    smarthost.recipients[later] = [LATER]
    return {5: (now, later), 6: (later,), 7: (now, GONE),
            8: (now, f"other{number}@b.example")}.get(number % 10, (now,))


def play(world, count):
    world.queue.write_config(world.smarthost)
    world.smarthost.recipients[GONE] = REFUSED
    with world.queue.daemon(env=world.environment.get("daemon")) as daemon:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as callers:
            for _ in callers.map(world.submit_one, range(count)):
                pass
        daemon.wait(world.queue.is_empty, PATIENCE)


def command(*arguments):
    subprocess.run(list(map(str, arguments)), check=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("log", "disk", "type"):
        parser.add_argument(name)
    parser.add_argument("count", type=int)
    for name in ("--front", "--daemon"):
        parser.add_argument(name)
    parser.add_argument("--mount", default="defaults")
    options = parser.parse_args()
    sectors = pathlib.Path("/sys/class/block", pathlib.Path(options.disk).name,
                           "size").read_text().strip()
    command("dmsetup", "create", DEVICE, "--noudevsync", "--table",
            f"0 {sectors} log-writes {options.disk} {options.log}")
    command("dmsetup", "mknodes")           # udev is not there to do it
    world = Recorded(pathlib.Path(tempfile.mkdtemp()), options)
    spool = world.queue.spool
    command("mount", "-t", options.type, "-o", options.mount,
            f"/dev/mapper/{DEVICE}", spool)
    world.queue.make_folders()
    command("sync", "-f", spool)
    world.begin()
    play(world, options.count)
    command("umount", spool)
    command("dmsetup", "remove", "--noudevsync", DEVICE)
    world.close()


if __name__ == "__main__":
    main()
