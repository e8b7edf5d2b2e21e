#!/usr/bin/python3
"""Whether each state of a recorded disk keeps the promise: it is mounted, which
replays its journal, and the real daemon is started on the spool there.

usage: tests/powercut/judge.py TYPE DISK LOG [--between N] [--check N]

    DISK         as it was before the log
    --between N  so many states between two flushes
    --check N    every Nth state goes to fsck, too
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import platform
import queue
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from crash.recording import read_files                          # noqa: E402
from crash.recovery import Recovery                             # noqa: E402
from crash.states import State                                  # noqa: E402
from powercut.cuts import Cuts                                  # noqa: E402
from powercut.log_writes import Log                             # noqa: E402

AT_ONCE = 4             # daemons: most of their time is waiting
SEED = 1
SHOWN = 3               # faults
OLDEST = 60             # seconds; what is removed is durable by then
MEMORY = "/dev/shm"

OPTIONS = {"ext4": "loop", "xfs": "loop,nouuid", "btrfs": "loop"}
CHECKS = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n"],
          "btrfs": ["btrfs", "check", "--readonly"]}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, \
        f"{command[0]}: {done.stdout[-300:]}{done.stderr[-300:]}"


def copy(source, target):
    """A file with holes; they cost nothing."""
    size = os.fstat(source).st_size
    os.ftruncate(target, 0)
    os.ftruncate(target, size)
    end = 0
    with contextlib.suppress(OSError):              # ENXIO: no data is left
        while end < size:
            begin = os.lseek(source, end, os.SEEK_DATA)
            end = os.lseek(source, begin, os.SEEK_HOLE)
            os.lseek(target, begin, os.SEEK_SET)
            while begin < end:
                begin += os.sendfile(target, source, begin, end - begin)


class Judge:
    """One disk, mounted where one daemon has its spool."""

    def __init__(self, kind, folder, number):
        self._kind = kind
        self._path = f"{folder}/disk{number}"
        self.disk = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._recovery = Recovery()

    def close(self):
        self._recovery.close()

    def faults(self, states, check):
        """What is wrong, a line each, with the disk at these states, which
        have no files yet; and what was delivered again in the last one."""
        spool = self._recovery.spool
        try:
            run("mount", "-t", self._kind, "-o", OPTIONS[self._kind],
                self._path, spool)
        except AssertionError as failure:
            return [str(failure)], set()
        try:
            files = tuple(sorted(read_files(spool).items()))
            restart = self._recovery.restart(files)
        finally:
            run("umount", spool)
        found = {fault: None for told in states for fault in
                 restart.faults(State(files, told, frozenset()))}
        if check:
            try:
                run(*CHECKS[self._kind], self._path)
            except AssertionError as failure:
                found[str(failure)] = None
        return list(found), restart.repeated(states[-1])


class Judges:
    """Judges who work at the same time, on copies of one disk."""

    def __init__(self, options, cuts, folder):
        self._options, self._cuts = options, cuts
        self._log = Log(options.log)
        self._disk = os.open(f"{folder}/disk", os.O_RDWR | os.O_CREAT, 0o600)
        self._load(options.disk)
        count = judges_at_once(options.type)
        self._judges = [Judge(options.type, folder, n) for n in range(count)]
        self._idle = queue.SimpleQueue()
        for judge in self._judges:
            self._idle.put(judge)
        self.states = self.moments = self.wrong = 0
        self.repeats, self.oldest = 0, 0.0

    def close(self):
        for judge in self._judges:
            judge.close()

    def _load(self, path):
        """What is not zero of the first disk."""
        with open(path, "rb") as disk:
            while octets := disk.read(1 << 16):
                if octets.strip(b"\0"):
                    os.pwrite(self._disk, octets, disk.tell() - len(octets))
            os.ftruncate(self._disk, disk.tell())

    def judge_all(self):
        with concurrent.futures.ThreadPoolExecutor(len(self._judges)) as pool:
            for cut in self._cuts:
                for entry in cut.changes:
                    self._log.apply(entry, self._disk)
                judge = self._idle.get()
                copy(self._disk, judge.disk)
                for entry, most in cut.parts:
                    self._log.apply(entry, judge.disk, most)
                pool.submit(self._judge, judge, cut, self.states)
                self.states += 1
                self.moments += len(cut.moments)

    def _judge(self, judge, cut, number):
        told = self._cuts.told
        check = self._options.check and number % self._options.check == 0
        try:
            faults, again = judge.faults([told[:n] for n in cut.moments], check)
            faults += self._too_late(again, cut.moments[-1])
        except Exception as failure:                # of this program itself
            faults = [repr(failure)]
        self._idle.put(judge)
        if faults:
            self.wrong += 1
            if self.wrong <= SHOWN:
                print(f"state {number}, after {cut.moments[0]} facts:",
                      *faults[:SHOWN], sep="\n  FAULT: ", flush=True)

    def _too_late(self, again, known):
        """Of what was delivered again: an old removal must not be undone."""
        self.repeats += bool(again)
        told = self._cuts.told[:known]
        for place, fact in enumerate(told):
            if fact.what != "delivered":
                continue
            age = self._cuts.times[known - 1] - self._cuts.times[place]
            for address in fact.people:
                if (fact.key, address) in again:
                    self.oldest = max(self.oldest, age)
                    if age > OLDEST:
                        yield f"{fact.key}: {address}: again after {age:.0f} s"


def judges_at_once(kind):
    """btrfs has learnt in 6.7 to mount two disks with one UUID."""
    version = tuple(map(int, platform.release().split(".")[:2]))
    return 1 if kind == "btrfs" and version < (6, 7) else AT_ONCE


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("type", "disk", "log"):
        parser.add_argument(name)
    parser.add_argument("--between", type=int, default=500)
    parser.add_argument("--check", type=int, default=20)
    options = parser.parse_args()
    cuts = Cuts(Log(options.log), options.between, SEED)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        judges = Judges(options, cuts, folder)
        try:
            judges.judge_all()
        finally:
            judges.close()
    promised = sum(fact.what == "promised" for fact in cuts.told)
    print(f"{promised} submissions, {judges.states} states at "
          f"{judges.moments} moments, {judges.wrong} wrong; {judges.repeats} had "
          f"something again, delivered at most {judges.oldest:.0f} s before")
    return judges.wrong > 0


if __name__ == "__main__":
    sys.exit(main())
