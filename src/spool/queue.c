#include "spool/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/draft.h"
#include "spool/drop.h"
#include "spool/entry.h"
#include "spool/queue_file.h"
#include "spool/state.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"
#include "util/strings.h"

/* ".ID": a copy that is not durable yet. */
static char *temporary_name(const char *id)
{
    return alloc_format(".%s", id);
}

static bool queue_error(const struct spool *spool, const char *id,
                        struct error *err)
{
    return error_sys(err, FAULT_IO, "%s/queue/%s", spool->path, id);
}

static bool add_queued_line(int fd, int64_t received, uid_t uid)
{
    char line[QUEUE_LINE_LENGTH + 1];

    snprintf(line, sizeof line, "QUEUED %020" PRId64 " %010lu\n", received,
             (unsigned long)uid);
    return io_write_all(fd, line, QUEUE_LINE_LENGTH);
}

static uint64_t file_length(const struct entry *entry)
{
    return entry->content_start + entry->content_length + DRAFT_END_LENGTH;
}

/*
 * Bring queue/.ID to its full length. It may be the entry's own file (a large
 * message), which only lacks the line; or be whole since an earlier try, and
 * then it must not be touched: with state/ID it is the message.
 */
static bool complete_copy(const struct spool *spool, const char *temporary,
                          int fd, const struct entry *entry, int64_t received)
{
    uint64_t length = file_length(entry);
    struct stat copy, taken;
    struct error err;

    if (fstat(fd, &copy) == -1 || fstat(entry->fd, &taken) == -1)
        return false;
    bool same = copy.st_dev == taken.st_dev && copy.st_ino == taken.st_ino;
    if (!same && copy.st_size > 0) {
        if (queue_file_verify(spool, temporary, entry->id, &err))
            return true;
        if (err.fault != FAULT_DATA || ftruncate(fd, 0) == -1)
            return false;
    }
    return (same ? lseek(fd, (off_t)length, SEEK_SET) != -1
                 : io_copy(entry->fd, fd, length)) &&
           add_queued_line(fd, received, entry->uid);
}

/* The entry's file as queue/.ID with its last line, synced. */
static bool make_copy(const struct spool *spool, const char *temporary,
                      const struct entry *entry, int64_t received)
{
    int fd = openat(spool->queue, temporary,
                    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool done = fd != -1 &&
                complete_copy(spool, temporary, fd, entry, received) &&
                fsync(fd) == 0;
    io_close(&fd);
    return done;
}

/* A message in queue/ is replaced only by itself: an earlier try came so far.
 */
static bool may_store(const struct spool *spool, const struct entry *entry,
                      struct error *err)
{
    int64_t received;

    if (!queue_file_exists(spool, entry->id))
        return true;
    struct entry *other = queue_file_open(spool, entry->id, &received, err);
    bool same = other != NULL && entry_is_same(entry, other);
    if (other != NULL && !same)
        error_set(err, FAULT_IO, "%s/queue/%s is another message",
                  spool->path, entry->id);
    entry_free(other);
    return same;
}

bool queue_store(const struct spool *spool, struct entry *entry,
                 int64_t received, const struct state *state,
                 struct error *err)
{
    if (!may_store(spool, entry, err))
        return false;
    char *temporary = temporary_name(entry->id);
    bool stored = make_copy(spool, temporary, entry, received) ||
                  queue_error(spool, temporary, err);
    /* The state before the name: outcomes must not be forgotten. */
    if (stored && state != NULL)
        stored = state_save(spool, entry->id, state, err);
    if (stored && (renameat(spool->queue, temporary, spool->queue,
                            entry->id) == -1 || fsync(spool->queue) == -1))
        stored = queue_error(spool, entry->id, err);
    free(temporary);
    if (!stored)
        return false;
    entry->dropped = !drop_remove(spool, entry->id);
    entry->queued = true;
    entry->received = received;
    return true;
}

bool queue_add(const struct spool *spool, struct draft *draft,
               int64_t received, struct error *err)
{
    const char *id = draft_id(draft);
    char *temporary = temporary_name(id);
    struct stat status;

    int from = draft_descriptor(draft);
    int fd = openat(spool->queue, temporary, O_WRONLY | O_CREAT | O_TRUNC |
                    O_NOFOLLOW | O_CLOEXEC, 0600);
    bool added = fd != -1 && fstat(from, &status) == 0 &&
                 io_copy(from, fd, (uint64_t)status.st_size) &&
                 add_queued_line(fd, received, geteuid()) && fsync(fd) == 0;
    io_close(&fd);
    if (added && !io_rename_new(spool->queue, temporary, spool->queue, id))
        added = errno == EEXIST;
    added = added && fsync(spool->queue) == 0;
    if (!added)
        queue_error(spool, id, err);
    unlinkat(spool->queue, temporary, 0);
    free(temporary);
    return added;
}

/* Unlink; it may be gone already. */
static bool is_gone(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT;
}

static bool is_copy_gone(const struct spool *spool, const char *id)
{
    char *temporary = temporary_name(id);
    bool gone = is_gone(spool->queue, temporary);

    free(temporary);
    return gone;
}

bool queue_remove(const struct spool *spool, const char *id,
                  const struct queue_files *files, bool sync)
{
    /* drop/ID first, as queue/ID shows whether it is that. */
    if ((files->original && !(files->message ? drop_remove_original(spool, id)
                                             : drop_remove(spool, id))) ||
        (files->message && !is_gone(spool->queue, id)) ||
        (files->copy && !is_copy_gone(spool, id)))
        return false;
    if (sync && fsync(spool->queue) == -1)
        return false;
    /* The state last: without it a message that is found is new. */
    if (files->state)
        unlinkat(spool->state, id, 0);
    return true;
}

/* A message without a state has no outcomes: there is nothing to bring. What
 * has the name in failed/ is left of a move that did not come to its end. */
static bool bring_state(const struct spool *spool, const char *id,
                        const char *name)
{
    return is_gone(spool->failed, name) &&
           (linkat(spool->state, id, spool->failed, name, 0) == 0 ||
            errno == ENOENT) &&
           fsync(spool->failed) == 0;
}

/* The state is in both folders until the message is in one of them for good: it
 * must not be missing where that is. */
static bool move_to_failed(const struct spool *spool, const char *id,
                           const char *name)
{
    if (!bring_state(spool, id, name) ||
        renameat(spool->queue, id, spool->failed, id) == -1) {
        int number = errno;
        unlinkat(spool->failed, name, 0);
        errno = number;
        return false;
    }
    if (fsync(spool->failed) == 0)
        unlinkat(spool->state, id, 0);
    return true;
}

bool queue_fail(const struct spool *spool, const char *id, struct error *err)
{
    struct stat status;

    /* One of that name is another message, or was put there by hand. */
    if (fstatat(spool->failed, id, &status, AT_SYMLINK_NOFOLLOW) == 0)
        return error_set(err, FAULT_IO, "%s/failed/%s is there already: move "
                         "it away", spool->path, id);
    char *name = alloc_format("%s.state", id);
    bool moved = move_to_failed(spool, id, name) ||
                 error_sys(err, FAULT_IO, "move it to %s/failed/%s",
                           spool->path, id);
    free(name);
    return moved;
}

/* Recipients that failed are tried again, and reported again. */
static void open_again(struct state *state)
{
    state->attempts = 0;
    state->last = 0;
    state->next = 0;
    state->held = false;
    state->report[0] = '\0';
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result == STATE_FAILED) {
            state->recipients[i].result = STATE_OPEN;
            state->recipients[i].notified = false;
        }
}

static struct state *load_failed(const struct spool *spool, const char *id,
                                 struct error *err)
{
    int fd = openat(spool->failed, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                    O_CLOEXEC);

    if (fd == -1 && errno == ENOENT) {
        error_set(err, FAULT_INPUT, "no message %s in %s/failed", id,
                  spool->path);
        return NULL;
    }
    if (fd == -1) {
        unread_explain(spool, spool->failed, id, err);
        return NULL;
    }
    struct entry *entry = entry_open(fd, id, err);
    struct state *state = entry == NULL ? NULL
                          : state_load_failed(spool, id,
                                              entry->envelope.count, err);
    entry_free(entry);
    return state;
}

bool queue_restore(const struct spool *spool, const char *id,
                   struct error *err)
{
    struct state *state = load_failed(spool, id, err);

    if (state == NULL)
        return false;
    open_again(state);
    /* Until the message is in queue/, failed/ has both of its files. */
    bool moved = state_save(spool, id, state, err) &&
                 (io_rename_new(spool->failed, id, spool->queue, id) ||
                  error_sys(err, FAULT_IO, "move it to %s/queue/%s",
                            spool->path, id));
    state_free(state);
    if (!moved)
        return false;
    char *name = alloc_format("%s.state", id);
    /* Where the message is in failed/ still, or again after a power cut, its
     * state must be, too. */
    if (fsync(spool->queue) == 0 && is_gone(spool->failed, id))
        unlinkat(spool->failed, name, 0);
    free(name);
    return true;
}
