#!/usr/bin/python3
"""Play one scenario with the real programs, and write down who was told what.

usage: tests/crash/play.py SCENARIO FOLDER

recording.py runs it below strace(1). The file `events` in the folder gets one
line each, by one write(2), so that it stands among the operations on the
spool:
    start SPOOL                 from here on they count; `initial` has the files
    promised KEY - RECIPIENT...             sendmail has returned 0
    delivered KEY MESSAGE-ID RECIPIENT...   the smarthost has it; the reply is
                                            next
    reported KEY MESSAGE-ID RECIPIENT...    it has a report that these failed
    withdrawn KEY -                         an administrator begins to remove it
    held KEY -, released KEY -              they know that it is held;
                                            they begin to release it
A message's KEY is its subject.
"""

import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crash.contents import Told, told_by                        # noqa: E402
from crash.scenarios import SCENARIOS                           # noqa: E402
from lib.harness import message                                 # noqa: E402
from lib.queue import ALICE, Queue, user                        # noqa: E402
from lib.smarthost import EXTENSIONS, Smarthost                 # noqa: E402

class World:
    """What a scenario acts on."""

    def __init__(self, folder):
        self.folder = folder
        self.queue = Queue()
        self.smarthost = Smarthost(extensions=EXTENSIONS)
        self.smarthost.on_message = self._delivered
        self._events = os.open(folder / "events", os.O_WRONLY | os.O_CREAT)

    def mark(self, *words):
        os.write(self._events, (" ".join(words) + "\n").encode())

    def _delivered(self, message):
        for told in told_by(message):
            self.tell(told)

    def tell(self, told):
        self.mark(told.what, told.key, told.message_id, *told.people)

    def start(self):
        """The operations count from here on."""
        shutil.copytree(self.queue.spool, self.folder / "initial")
        self.mark("start", str(self.queue.spool))

    def submit(self, key, *recipients, sender="a@a.example", body="hello\n"):
        self.queue.sendmail("-f", sender, *recipients, **user(ALICE),
                            stdin=message(body, Subject=key)).expect(0)
        self.tell(Told("promised", key, "-", recipients))

    def control(self, *arguments):
        return self.queue.postrider("queue", *arguments).expect(0)

    def close(self):
        self.smarthost.close()
        self.queue.close()


def main():
    folder = pathlib.Path(sys.argv[2])
    world = World(folder)
    try:
        SCENARIOS[sys.argv[1]](world)
        shutil.copytree(world.queue.spool, folder / "final")
        world.mark("end")
    finally:
        world.close()


if __name__ == "__main__":
    main()
