"""The programs with another order of files, syncs and names: a state of their
recording must show it."""

from typing import NamedTuple

QUEUE = "src/spool/queue.c"
SAVE = """\
    if (stored && state != NULL)
        stored = state_save(spool, entry->id, state, err);
"""
COPY = "    bool stored = make_copy(spool, temporary, entry, received)"
ORIGINAL = """\
    if ((files->original && !(files->message ? drop_remove_original(spool, id)
"""


class Mutant(NamedTuple):
    name: str
    scenario: str
    changes: tuple


MUTANTS = (
    Mutant("sendmail returns before its file is synced", "submission", (
        ("src/spool/draft.c", "    if (fsync(fd) == -1) {", "    if (false) {"),
    )),
    Mutant("drop/ID goes before queue/ID has its name", "deferral", (
        (QUEUE, SAVE, "    drop_remove(spool, entry->id);\n" + SAVE),)),
    Mutant("queue/ID has its name before it is written", "deferral", (
        (QUEUE, COPY, """\
    close(openat(spool->queue, temporary, O_WRONLY | O_CREAT, 0600));
    renameat(spool->queue, temporary, spool->queue, entry->id);
    drop_remove(spool, entry->id);
""" + COPY),)),
    Mutant("a state goes before its message", "partial", (
        (QUEUE, ORIGINAL, """\
    if (files->state)
        unlinkat(spool->state, id, 0);
""" + ORIGINAL),)),
)
