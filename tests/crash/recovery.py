"""Whether a state after a power cut keeps the promise: the real daemon is
started on it, with a smarthost that takes everything."""

import collections
import itertools
import os
import re

from crash.contents import MESSAGE, keys_of, recorded, told_by
from crash.scenarios import GONE, REFUSED
from lib.harness import ROOT
from lib.queue import ALICE, DAEMON, IS_ROOT, Queue
from lib.smarthost import Smarthost

ROW = re.compile(r"\| (yes|maybe)? *\| (yes|maybe)? *\| (yes|maybe)? *"
                 r"\| (yes|maybe)? *\|")
NULL_PATH = re.compile(rb"(?m)^from *$")    # nobody can be told of a failure
FAILED = re.compile("failed/([0-9a-f]{32})")
PLACES = "drop/{}", "queue/.{}", "queue/{}", "state/{}"


def rows():
    """The table in src/README.md of what a stop can leave of a message."""
    text = (ROOT / "src" / "README.md").read_text()
    found = [match.groups() for match in map(ROW.match, text.splitlines())
             if match and any(match.groups())]
    assert found, "src/README.md has no table of the files of a message"
    return found


class Recovery:
    """One spool and one smarthost, used for one state after the other."""

    def __init__(self):
        self._queue = Queue()
        self._smarthost = Smarthost()
        self._smarthost.recipients[GONE] = REFUSED
        self._queue.write_config(self._smarthost)
        self._rows = rows()

    def close(self):
        self._smarthost.close()
        self._queue.close()

    spool = property(lambda self: self._queue.spool)

    def faults(self, state):
        """What is wrong with a state, a line each; nothing if all is right."""
        self._build(state.files)
        return self.restart(state.files).faults(state)

    def restart(self, files):
        """What the daemon makes of the spool, which has these files."""
        self._smarthost.messages.clear()
        restart = Restart(files)
        restart.found += self._unknown_rows(files)
        try:
            restart.held = self._run_daemon(files)
        except AssertionError as failure:
            restart.failure = str(failure)
            return restart
        restart.after = _Outcome(told for message in self._smarthost.messages
                                 for told in told_by(message))
        for name, octets in self._failed().items():
            if NULL_PATH.search(octets):
                restart.excused.update(keys_of(octets))
            else:
                restart.found.append(f"{name}: it was moved there")
        return restart

    def _unknown_rows(self, files):
        paths = {path for path, _ in files}
        for name in {match[1] for match in map(MESSAGE.fullmatch, paths)
                     if match}:
            there = [place.format(name) in paths for place in PLACES]
            if any(there) and not any(
                    all(cell == "maybe" or bool(cell) == is_there
                        for cell, is_there in zip(row, there))
                    for row in self._rows):
                yield f"{name}: no row of src/README.md: {there}"

    def _build(self, files):
        for folder, names in self._queue.files().items():
            for name in names:
                (self._queue.spool / folder / name).unlink()
        for name, octets in files:
            path = self._queue.spool / name
            path.write_bytes(octets)
            is_dropped = name.startswith("drop/")
            path.chmod(0o640 if is_dropped else 0o600)
            if IS_ROOT:
                os.chown(path, ALICE if is_dropped else DAEMON.pw_uid,
                         DAEMON.pw_gid)

    def _run_daemon(self, files):
        """Until all is done, and what was in failed/ has left it; returns the
        messages that were held till then."""
        daemon = self._queue.start(ready=False)
        try:
            daemon.wait_for("daemon: started")
            held = [entry["queue_id"] for entry in self._queue.listing()
                    if entry["state"] == "held"]
            for queue_id in held:
                self._queue.postrider("queue", "release", queue_id).expect(0)
            daemon.wait(self._is_done, timeout=20)
            for queue_id in filter(None, map(FAILED.fullmatch, dict(files))):
                self._queue.postrider("queue", "requeue",
                                      queue_id[1]).expect(0)
            daemon.wait(self._is_done, timeout=20)
            daemon.stop()
        finally:
            daemon.clean_up()
            self._queue.daemons.clear()
        return held

    def _is_done(self):
        names = self._queue.files()
        return not names["drop"] and not any(
            MESSAGE.fullmatch(f"{folder}/{name}")
            for folder in ("queue", "state") for name in names[folder])

    def _failed(self):
        """{"failed/ID": octets}"""
        return {f"failed/{path.name}": path.read_bytes() for path in
                (self._queue.spool / "failed").iterdir()
                if path.suffix != ".state"}


class Restart:
    """What came of it when the daemon was started on these files."""

    def __init__(self, files):
        self.files = files
        self.found = []         # faults, whatever was told before
        self.failure = None     # it did not come to an end
        self.held = []
        self.after = _Outcome(())
        self.excused = set()    # keys of those whose sender cannot be told

    def faults(self, state):
        """Of a state with these files."""
        if self.failure:
            return [*self.found, self.failure]
        before = _Outcome(state.told)
        return [*self.found, *_lost(before, self.after, self.excused),
                *_twice(self.after, recorded(self.files) | state.recorded,
                        _back_in_drop(state)),
                *_reported_again(before, self.after, state),
                *_let_go(state, self.held)]

    def repeated(self, told):
        """Deliveries that were told of, and were made again."""
        return set(self.after.delivered) & set(_Outcome(told).delivered)


class _Outcome:
    """Who has what: counts of (key, address), and reports by Message-ID."""

    def __init__(self, told):
        self.promised, self.withdrawn = set(), set()
        self.delivered = collections.Counter()
        self.reports = collections.defaultdict(set)
        for what, key, message_id, people in told:
            who = [(key, address) for address in people]
            if what == "promised":
                self.promised.update(who)
            elif what == "delivered":
                self.delivered.update(who)
            elif what == "reported":
                self.reports[message_id].update(who)
            elif what == "withdrawn":
                self.withdrawn.add(key)

    def served(self):
        return set(self.delivered).union(*self.reports.values())


def _lost(before, after, excused):
    for key, address in sorted(before.promised - before.served() -
                               after.served()):
        if key not in before.withdrawn | excused:
            yield f"{key}: {address}: lost"


def _is_undone(state, path):
    """Whether the cut has undone its removal; if that is not known, it may."""
    return path in dict(state.files) and (
        state.removed is None or path in state.removed)


def _back_in_drop(state):
    """Keys of those in failed/ whose removal from drop/ was undone."""
    return {key for path, octets in state.files if FAILED.fullmatch(path)
            for key in keys_of(octets)
            if _is_undone(state, path.replace("failed/", "drop/"))}


def _twice(after, known, undone):
    for key, address in sorted(after.delivered):
        if key in undone:
            continue
        if after.delivered[key, address] > 1:
            yield f"{key}: {address}: twice after the start"
        if (key, address) in known:
            yield f"{key}: {address}: again, though its delivery is on record"


def _reported_again(before, after, state):
    """Only a message whose removal from drop/ was undone may begin again."""
    undone = {key for path, octets in state.files
              if path.startswith("drop/") and _is_undone(state, path)
              for key in keys_of(octets)}
    for (message_id, who), (other, others) in itertools.product(
            after.reports.items(),
            [*before.reports.items(), *after.reports.items()]):
        for key, address in sorted(who & others):
            if message_id != other and key not in undone:
                yield f"{key}: {address}: another report"


def _let_go(state, held):
    """What an administrator holds does not leave by itself."""
    told = {o.key: o.what for o in state.told if o.what in ("held", "released")}
    for path, octets in state.files:
        match = MESSAGE.fullmatch(path)
        if match and match[1] not in held and any(
                told.get(key) == "held" for key in keys_of(octets)):
            yield f"{path}: it was held, and is not"
