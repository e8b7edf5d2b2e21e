"""What a power cut can leave of the operations of a recording.

Two kinds of file system, by what a sync makes durable of names:
    ordered   any fsync makes all names durable that were made before it;
              later ones persist in their order (the journals of ext4 and xfs)
    loose     only an fsync of a folder makes names in it durable, but in
              drop/, which callers cannot open, one of the file; of others, any
              subset persists (POSIX allows it, and btrfs some of it)
Data of a file persists up to its last fsync, and any prefix of the writes
since, of which the last may be torn, or be there in length only. An operation
that was told to somebody (a promise, a delivery) is a fact that the cut cannot
take back.
"""

import collections
import itertools

from crash.contents import Told, recorded
from crash.recording import (Create, DATA, NAMES, Rename, Sync, Truncate,
                             Unlink, Write)

KINDS = "ordered", "loose"
ALL_SUBSETS = 6         # of so many names that are not durable; of more, those
                        # that lack two of them, or have two
# removed: what had left drop/, also where the cut has undone that; None: it is
# not known.
State = collections.namedtuple("State", "files told recorded removed",
                               defaults=(None,))


def states(recording, kind, without=()):
    """Each different state that can be found after a cut: the files, what was
    told, and the deliveries that were on record. The operations in `without`
    are left out: what if they had been forgotten?"""
    found = {}
    operations = [operation if place not in without else None
                  for place, operation in enumerate(recording.operations)]
    for end in range(len(operations) + 1):
        done = operations[:end]
        told = tuple(o for o in done if isinstance(o, Told))
        on_record = _recorded(recording.initial, recording.operations[:end],
                              kind)
        removed = frozenset(o.path for o in done if isinstance(o, Unlink)
                            and o.path.startswith("drop/"))
        for files in _files(recording.initial, done, kind):
            found.setdefault(State(files, told, on_record, removed))
    return list(found)


def _recorded(initial, done, kind):
    """Deliveries that no cut can make forgotten, as long as their message is
    in queue/: nothing is synced when it is removed."""
    durable, pending = _names(initial, done, kind)
    contents = _contents(initial, done)
    least, all_of_it = (
        {path: contents[file][which] for path, file in
         _named(initial, operations).items()}
        for which, operations in ((0, durable), (-1, durable + pending)))
    return frozenset(recorded(least) & recorded(all_of_it))


def syncs(recording):
    """The places of the operations that a mutant leaves out."""
    return [place for place, operation in enumerate(recording.operations)
            if isinstance(operation, Sync)]


def _files(initial, done, kind):
    """Each set of files, as sorted pairs of path and octets."""
    durable, pending = _names(initial, done, kind)
    contents = _contents(initial, done)
    for chosen in _choices(pending, kind):
        names = _named(initial, durable + list(chosen))
        files = sorted(set(names.values()))
        for octets in itertools.product(*[contents[f] for f in files]):
            content = dict(zip(files, octets))
            yield tuple(sorted((path, content[file])
                               for path, file in names.items()))


def _named(initial, operations):
    """path -> file, after these; in the order in which they were done."""
    names = dict(zip(initial, itertools.count()))
    for _, operation in sorted(operations):
        _apply(operation, names)
    return names


def _apply(operation, names):
    if isinstance(operation, Create):
        names[operation.path] = operation.file
    elif isinstance(operation, Rename):
        if operation.path in names:
            names[operation.to] = names.pop(operation.path)
    else:
        names.pop(operation.path, None)


def _names(initial, done, kind):
    """The operations on names that are durable, and those that may be."""
    durable, pending = [], []
    files = dict(zip(initial, itertools.count()))
    for place, operation in enumerate(done):
        if isinstance(operation, NAMES):
            file = files.get(operation.path)
            _apply(operation, files)
            file = operation.file if isinstance(operation, Create) else file
            pending.append((place, operation, file))
        elif isinstance(operation, Sync):
            kept = [o for o in pending
                    if kind == "ordered" or _is_synced(o, operation)]
            durable += [o[:2] for o in kept]
            pending = [o for o in pending if o not in kept]
    return durable, [o[:2] for o in pending]


def _is_synced(pending, sync):
    """Whether that sync is one of this name: of its file, or its folder."""
    _, operation, file = pending
    if sync.folder is None:
        return file == sync.file and operation[0].startswith("drop/")
    # Of a move the folder where it goes to: that of its old name keeps no file.
    path = operation.to if isinstance(operation, Rename) else operation.path
    return sync.folder == path.rpartition("/")[0]


def _choices(pending, kind):
    if kind == "ordered":
        return [pending[:count] for count in range(len(pending) + 1)]
    every = range(len(pending) + 1)
    if len(pending) > ALL_SUBSETS:
        every = [n for n in every if n <= 2 or n >= len(pending) - 2]
    subsets = [c for n in every for c in itertools.combinations(pending, n)]
    return subsets + [pending[:n] for n in range(len(pending) + 1)]


def _contents(initial, done):
    """file -> each content that it can have."""
    contents = {file: [octets] for file, octets in enumerate(initial.values())}
    for operation in done:
        if isinstance(operation, Create) and operation.file not in contents:
            contents[operation.file] = [b""]
    last, since = {f: c[0] for f, c in contents.items()}, {}
    for operation in done:
        if isinstance(operation, DATA):
            since.setdefault(operation.file, []).append(operation)
        elif isinstance(operation, Sync) and operation.file is not None:
            octets = last.get(operation.file, b"")
            for change in since.pop(operation.file, []):
                octets = _changed(octets, change)
            last[operation.file] = octets
    return {file: list(dict.fromkeys(_unsynced(last.get(file, b""),
                                               since.get(file, []))))
            for file in contents}


def _changed(octets, change):
    if isinstance(change, Truncate):
        return octets[:change.size]
    return octets + change.data


def _unsynced(octets, changes):
    """After each of them; the last one torn, or without its data."""
    yield octets
    for change in changes:
        if isinstance(change, Write):
            yield octets + change.data[:len(change.data) // 2]
            yield octets + bytes(len(change.data))
        octets = _changed(octets, change)
        yield octets
