"""The programs with another order of files, syncs and names: a state of their
recording must show it."""

from typing import NamedTuple

DRAFT, QUEUE = "src/spool/draft.c", "src/spool/queue.c"
REPORTS = "src/relay/reports.c"
RECOVERY, FILE = "src/spool/recovery.c", "src/util/file.c"
SAVE = """\
    if (stored && state != NULL)
        stored = state_save(spool, entry->id, state, err);
"""
COPY = "    bool stored = make_copy(spool, temporary, entry, received)"
ORIGINAL = """\
    if ((files->original && !(files->message ? drop_remove_original(spool, id)
"""
NAME = """\
    if (stored && (renameat(spool->queue, temporary, spool->queue,
                            entry->id) == -1 || fsync(spool->queue) == -1))
"""
SAVED = "    if (!message_save(message, &err)) {"
REPORT = "                 io_copy(from, fd, (uint64_t)status.st_size) &&\n"
REPORT_NAME = "!io_rename_new(spool->queue, temporary, spool->queue, id)"
TO_FAILED = """\
    if (!bring_state(spool, id, name) ||
        renameat(spool->queue, id, spool->failed, id) == -1) {
"""
BACK = """\
    bool moved = state_save(spool, id, state, err) &&
                 (io_rename_new(spool->failed, id, spool->queue, id) ||
"""
AFTER = "    state_free(state);\n    if (!moved)\n"
REPLACE = """\
    bool done = write_draft(fd, file, text) &&
                renameat(file->folder, file->draft, file->folder,
                         file->name) == 0 &&
"""


class Mutant(NamedTuple):
    name: str
    scenario: str
    changes: tuple


MUTANTS = (
    # sendmail
    Mutant("sendmail returns before its file is synced", "submission", (
        (DRAFT, "    if (fsync(fd) == -1) {", "    if (false) {"),
    )),
    # queue_store()
    Mutant("drop/ID goes before queue/ID has its name", "deferral", (
        (QUEUE, SAVE, "    drop_remove(spool, entry->id);\n" + SAVE),)),
    Mutant("queue/ID has its name before it is written", "deferral", (
        (QUEUE, COPY, """\
    close(openat(spool->queue, temporary, O_WRONLY | O_CREAT, 0600));
    renameat(spool->queue, temporary, spool->queue, entry->id);
    drop_remove(spool, entry->id);
""" + COPY),)),
    Mutant("a copy is not synced", "deferral", (
        (QUEUE, "entry, received) &&\n                fsync(fd) == 0;",
         "entry, received);"),)),
    Mutant("the name of a copy is not synced", "deferral", (
        (QUEUE, "entry->id) == -1 || fsync(spool->queue) == -1))",
         "entry->id) == -1))"),)),
    Mutant("the name of a copy without a state is synced too early", "untried",
           ((QUEUE, NAME, """\
    if (stored && (fsync(spool->queue) == -1 ||
                   renameat(spool->queue, temporary, spool->queue,
                            entry->id) == -1))
"""),)),
    # queue_add()
    Mutant("a report has its name before it is written", "bounce", (
        (QUEUE, REPORT, "                 " + REPORT_NAME[1:] + " &&\n" +
         REPORT),
        (QUEUE, "if (added && " + REPORT_NAME, "if (false"))),
    Mutant("a report is not synced", "bounce", (
        (QUEUE, "add_queued_line(fd, received, geteuid()) && fsync(fd) == 0;",
         "add_queued_line(fd, received, geteuid());"),)),
    Mutant("the name of a report is not synced", "bounce", (
        (QUEUE, "    added = added && fsync(spool->queue) == 0;\n", ""),)),
    Mutant("a report is made, and its outcomes are not saved", "late_bounce", (
        (REPORTS, SAVED, "    if (false) {"),
    )),
    Mutant("a report is made before its outcomes are saved", "bounce", (
        (REPORTS, SAVED, "    if (false) {"),
        (REPORTS, "    draft_free(draft);\n    if (!made)", """\
    draft_free(draft);
    made = made && message_save(message, &err);
    if (!made)"""))),
    # queue_remove()
    Mutant("a state goes before its message", "partial", (
        (QUEUE, ORIGINAL, """\
    if (files->state)
        unlinkat(spool->state, id, 0);
""" + ORIGINAL),)),
    Mutant("the removal of what was reported is not synced", "bounce", (
        (QUEUE, "if (sync && fsync(spool->queue) == -1)", "if (false && sync)"),
    )),
    # queue_fail()
    Mutant("a message goes to failed/ before its state", "requeue", (
        (QUEUE, TO_FAILED, """\
    if (renameat(spool->queue, id, spool->failed, id) == -1 ||
        !bring_state(spool, id, name)) {
"""),)),
    Mutant("a state leaves state/ before its message leaves queue/", "requeue",
           ((QUEUE, TO_FAILED, """\
    if (!bring_state(spool, id, name) ||
        unlinkat(spool->state, id, 0) == -1 ||
        renameat(spool->queue, id, spool->failed, id) == -1) {
"""),)),
    Mutant("a state is not synced in failed/", "requeue", (
        (QUEUE, "            errno == ENOENT) &&\n"
                "           fsync(spool->failed) == 0;",
         "            errno == ENOENT);"),)),
    Mutant("queue/ is synced when a message goes to failed/", "requeue", (
        (QUEUE, "    if (fsync(spool->failed) == 0)\n",
         "    if (fsync(spool->queue) == 0)\n"),)),
    # queue_restore()
    Mutant("a message is back before its state", "requeue", (
        (QUEUE, BACK, """\
    bool moved = (io_rename_new(spool->failed, id, spool->queue, id) ||
"""),
        (QUEUE, AFTER, "    moved = moved && state_save(spool, id, state, err);"
                       "\n" + AFTER))),
    Mutant("the state in failed/ goes before the message", "requeue", (
        (QUEUE, BACK, """\
    char *first = alloc_format("%s.state", id);
    unlinkat(spool->failed, first, 0);
    free(first);
""" + BACK),)),
    Mutant("the way back is not synced", "requeue", (
        (QUEUE, "fsync(spool->queue) == 0 && is_gone(", "is_gone("),)),
    Mutant("failed/ is synced on the way back", "requeue", (
        (QUEUE, "fsync(spool->queue) == 0 && is_gone(",
         "fsync(spool->failed) == 0 && is_gone("),)),
    # state_save()
    Mutant("a state has its name before it is written", "partial", (
        (FILE, REPLACE, """\
    bool done = renameat(file->folder, file->draft, file->folder,
                         file->name) == 0 &&
                write_draft(fd, file, text) &&
"""),)),
    # a start
    Mutant("a start removes a copy that lacks its name only", "leftover", (
        (RECOVERY, "    if (!is_missing(spool->state, id)) {",
         "    if (false) {"),)),
    Mutant("a start removes the state of what is in queue/", "upgrade", (
        (RECOVERY, """\
    if (!unfinished && (!random_is_id(name) ||
                        !is_missing(spool->queue, name)))
""", """\
    if (!unfinished && !random_is_id(name))
"""),)),
    Mutant("a start does not record what journals have", "killed", (
        ("src/relay/recall.c", """\
    bool recorded = state != NULL &&
                    record(start, entry, dates.received, state, &err);
""", "    bool recorded = true;\n    (void)record;\n"),)),
    # Either of the two is enough.
    Mutant("a start does not sync the names that it finds", "named", (
        (RECOVERY, "fsync(spool->queue) == 0;", "true;"),
        ("src/spool/volume.c", "fsync(folder) == -1 && is_unable()", "false"),
    )),
)
