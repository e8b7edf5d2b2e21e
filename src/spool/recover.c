/* recover.c - after a stop, complete queue/ and state/ */
#include "spool/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/drop.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"
#include "util/random.h"

static bool list(int folder, const char *path, const char *name,
                 struct strings *names, struct error *err)
{
    return folder_list(folder, names) ||
           error_sys(err, FAULT_IO, "%s/%s", path, name);
}

/* Surely: a folder that cannot be read may have it. */
static bool is_missing(int folder, const char *name)
{
    struct stat status;

    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == -1 &&
           errno == ENOENT;
}

/* Does a newer version know what is to become of queue/NAME? */
static bool is_newer(const struct spool *spool, const char *name,
                     const char *id)
{
    struct error err = { 0 };
    int fd = openat(spool->queue, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd != -1)
        entry_free(entry_reopen(fd, id, &err));
    return err.fault == FAULT_NEWER;
}

/*
 * queue/.ID with state/ID was synced before its state was written: only its
 * name was missing. Without a state drop/ID is there, or the message is done.
 */
static void finish_copy(const struct spool *spool, const char *temporary)
{
    const char *id = temporary + 1;
    struct error err;

    if (is_newer(spool, temporary, id))
        return;
    if (!is_missing(spool->state, id)) {
        bool whole = queue_prove(spool, temporary, id, &err);
        /* It cannot be read now, or not be named: it stays as it is. */
        if (!whole ? err.fault != FAULT_DATA
                   : !io_rename_new(spool->queue, temporary, id) &&
                     errno != EEXIST)
            return;
    }
    unlinkat(spool->queue, temporary, 0);
}

/* No message is left that state/ID is about, nor may a newer version have one
 * elsewhere. */
static bool is_orphan(const struct spool *spool, const char *id)
{
    char *temporary = alloc_format(".%s", id);
    struct error err = { 0 };
    bool orphan = random_is_id(id) && is_missing(spool->queue, id) &&
                  is_missing(spool->queue, temporary);

    if (orphan)
        state_free(state_load(spool, id, 0, &err));
    free(temporary);
    return orphan && err.fault != FAULT_NEWER;
}

static void clean_states(const struct spool *spool,
                         const struct strings *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        bool unfinished = *name == '.' && random_is_id(name + 1);
        if (unfinished || is_orphan(spool, name))
            unlinkat(spool->state, name, 0);
    }
}

bool queue_mend(const struct spool *spool, struct error *err)
{
    struct strings queued = { 0 };

    bool listed = list(spool->queue, spool->path, "queue", &queued, err);
    for (size_t i = 0; listed && i < queued.count; i++)
        if (queued.items[i][0] == '.' && random_is_id(queued.items[i] + 1))
            finish_copy(spool, queued.items[i]);
    strings_free(&queued);
    return listed;
}

bool queue_recover(const struct spool *spool, queue_found *found,
                   void *context, struct error *err)
{
    struct strings queued = { 0 }, states = { 0 };

    bool listed = queue_mend(spool, err) &&
                  list(spool->queue, spool->path, "queue", &queued, err) &&
                  list(spool->state, spool->path, "state", &states, err);
    if (listed)
        clean_states(spool, &states);
    /* No original goes before the name of its copy is durable. */
    bool durable = listed && fsync(spool->queue) == 0;
    for (size_t i = 0; listed && i < queued.count; i++)
        if (random_is_id(queued.items[i])) {
            if (durable)
                drop_remove_original(spool, queued.items[i]);
            found(context, queued.items[i]);
        } else if (queued.items[i][0] == '.') {
            log_line(LOG_LEVEL_WARNING, "%s/queue/%s: cannot be read, or a "
                     "newer version wrote it: it stays", spool->path,
                     queued.items[i]);
        }
    strings_free(&queued);
    strings_free(&states);
    return listed;
}
