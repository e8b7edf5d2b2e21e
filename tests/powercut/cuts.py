"""The states that a power cut can leave of a recorded disk.

What was flushed, or written with FUA, is there. Of what was written since, any
part may be there; the last write may be torn between two sectors. The log has
those writes just before the flush that came next. A cut is a disk and the
moments at which it can be found so: what had been told until then.
"""

import collections
import random

from crash.contents import Told
from powercut.log_writes import DISCARD, FLUSH, FUA, MARK

SECTOR = 512
START = "start"         # the mark before which there was no spool

# changes: (entry, octets of it or None) to be made since the cut before, and
# parts: those only of this cut; moments: (seconds, facts) each, oldest first,
# how many of `told` are known, with the time of the last one
Cut = collections.namedtuple("Cut", "changes parts moments")


class Cuts:
    """At each flush, and `between` of them somewhere before the next one."""

    def __init__(self, log, between, seed):
        self._random = random.Random(seed)
        self.told, self.times = [], []          # facts in their order
        self._steps, self._start = [], 0
        self._read(log)
        places = range(self._start, len(self._steps))
        self._between = set(self._random.sample(
            places, min(between, len(places))))

    def _read(self, log):
        """Steps: (facts known at most, writes, the flush or FUA or None)"""
        writes = []
        for entry in log:
            if entry.flags & MARK:
                self._read_mark(entry.mark)
            elif entry.flags & (FLUSH | FUA):
                self._steps.append((len(self.told), writes, entry))
                writes = []
            elif entry.length:
                writes.append(entry)
        self._steps.append((len(self.told), writes, None))

    def _read_mark(self, mark):
        seconds, *words = mark.split("|")
        if mark == START:
            self._start = len(self._steps)
        elif words:                     # else the target's own, at the end
            self.told.append(Told(*words[:3], tuple(words[3:])))
            self.times.append(float(seconds))

    def __iter__(self):
        changes, known = [], 0
        for place, (most, writes, flush) in enumerate(self._steps):
            if place >= self._start:
                yield Cut(changes, [], range(known, most + 1))
                changes, known = [], most
            if place in self._between:
                yield Cut([], self._part(writes), [most])
            changes += writes
            if flush is not None and flush.length:
                changes.append(flush)

    def _part(self, writes):
        """Some of them, and how much of each (None: all of it)."""
        chosen = list(writes)
        if self._random.random() < 0.5:
            chosen = chosen[:self._random.randint(0, len(chosen))]
        else:
            chosen = [w for w in chosen if self._random.random() < 0.5]
        parts = [(write, None) for write in chosen]
        if parts and not parts[-1][0].flags & DISCARD:
            last = parts[-1][0]
            sectors = self._random.randint(1, last.length // SECTOR)
            parts[-1] = last, sectors * SECTOR
        return parts
