#include "spool/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/drop.h"
#include "spool/entry.h"
#include "spool/queue_file.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/log.h"

typedef char queue_id[RANDOM_ID_LENGTH + 1];

struct recovery {
    const struct spool *spool;
    queue_id *names;            /* of queue/ */
    size_t count, capacity;
    size_t next;                /* to be found */
    size_t put_back;            /* so many of the last ones were */
    DIR *states;                /* NULL: all were looked at */
    bool durable;               /* the names are: originals may go */
};

/* Is it certain that it is not there? A folder that cannot be read may have
 * it. */
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
 * False: it cannot be read now, or not be named, and stays as it is.
 */
static bool finish_copy(const struct spool *spool, const char *temporary)
{
    const char *id = temporary + 1;
    struct error err;

    if (is_newer(spool, temporary, id))
        return false;
    if (!is_missing(spool->state, id)) {
        bool whole = queue_file_verify(spool, temporary, id, &err);
        if (!whole ? err.fault != FAULT_DATA
                   : !io_rename_new(spool->queue, temporary, spool->queue,
                                    id) && errno != EEXIST)
            return false;
    }
    unlinkat(spool->queue, temporary, 0);
    return true;
}

static bool folder_error(const struct spool *spool, const char *name,
                         struct error *err)
{
    return error_sys(err, FAULT_IO, "%s/%s", spool->path, name);
}

void recovery_add(struct recovery *recovery, const char *id)
{
    if (recovery->count == recovery->capacity) {
        recovery->capacity = recovery->capacity * 2 + 64;
        recovery->names = alloc_resize(recovery->names, recovery->capacity,
                                       sizeof *recovery->names);
    }
    memcpy(recovery->names[recovery->count++], id, sizeof(queue_id));
}

void recovery_put_back(struct recovery *recovery, const char *id)
{
    recovery_add(recovery, id);
    recovery->put_back++;
}

/* A name in queue/. True: names have changed. */
static bool take_name(struct recovery *recovery, const char *name)
{
    if (random_is_id(name))
        recovery_add(recovery, name);
    if (*name != '.')
        return false;
    if (random_is_id(name + 1) && finish_copy(recovery->spool, name))
        return true;
    log_line(LOG_LEVEL_WARNING, "%s/queue/%s: cannot be read, or a newer "
             "version wrote it: it stays", recovery->spool->path, name);
    return false;
}

/* False: it cannot be read. */
static bool read_queue(struct recovery *recovery, bool *changed)
{
    DIR *queue = folder_open(recovery->spool->queue);
    const char *name;

    *changed = false;
    recovery->count = 0;
    if (queue == NULL)
        return false;
    while ((name = folder_next(queue)) != NULL)
        *changed = take_name(recovery, name) || *changed;
    int number = errno;
    closedir(queue);
    errno = number;
    return number == 0;
}

/* Names that change while a folder is read may be missing, or there twice. */
static bool list_queue(struct recovery *recovery, struct error *err)
{
    bool changed;

    return (read_queue(recovery, &changed) &&
            (!changed || read_queue(recovery, &changed))) ||
           folder_error(recovery->spool, "queue", err);
}

struct recovery *recovery_new(const struct spool *spool, struct error *err)
{
    struct recovery *recovery = alloc_zero(1, sizeof *recovery);

    recovery->spool = spool;
    recovery->states = folder_open(spool->state);
    if (recovery->states == NULL)
        folder_error(spool, "state", err);
    if (recovery->states == NULL || !list_queue(recovery, err)) {
        recovery_free(recovery);
        return NULL;
    }
    /* No original goes before the name of its copy is durable. */
    recovery->durable = fsync(spool->queue) == 0;
    return recovery;
}

static void close_states(struct recovery *recovery)
{
    if (recovery->states != NULL)
        closedir(recovery->states);
    recovery->states = NULL;
}

void recovery_free(struct recovery *recovery)
{
    if (recovery == NULL)
        return;
    close_states(recovery);
    free(recovery->names);
    free(recovery);
}

/* Remove what is left of a state, or one that no message is left for; a newer
 * version may have one elsewhere. */
static void clean_state(const struct spool *spool, const char *name)
{
    bool unfinished = *name == '.' && random_is_id(name + 1);
    struct error err = { 0 };

    if (!unfinished && (!random_is_id(name) ||
                        !is_missing(spool->queue, name)))
        return;
    if (!unfinished) {
        char *temporary = alloc_format(".%s", name);
        bool orphan = is_missing(spool->queue, temporary);
        free(temporary);
        if (!orphan)
            return;
        state_free(state_load(spool, name, 0, &err));
    }
    if (err.fault != FAULT_NEWER)
        unlinkat(spool->state, name, 0);
}

static bool is_there(int folder, const char *name)
{
    struct stat status;

    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A message may have gone since it was listed: then that in drop/ is another
 * one of its name. */
static void remove_original(const struct recovery *recovery, const char *id)
{
    const struct spool *spool = recovery->spool;

    if (recovery->durable && is_there(spool->drop, id) &&
        is_there(spool->queue, id))
        drop_remove_original(spool, id);
}

static enum recovery_step look_at_state(struct recovery *recovery)
{
    const char *name = recovery->states == NULL ? NULL
                       : folder_next(recovery->states);

    if (name != NULL) {
        clean_state(recovery->spool, name);
        return RECOVERY_MORE;
    }
    if (recovery->states != NULL && errno != 0)
        log_line(LOG_LEVEL_ERROR, "%s/state cannot be read: %s: the next start "
                 "cleans it", recovery->spool->path, strerror(errno));
    close_states(recovery);
    return RECOVERY_DONE;
}

size_t recovery_left(const struct recovery *recovery)
{
    return recovery->count - recovery->next;
}

enum recovery_step recovery_go_on(struct recovery *recovery, char *id)
{
    if (recovery->next == recovery->count)
        return look_at_state(recovery);
    bool again = recovery_left(recovery) <= recovery->put_back;
    memcpy(id, recovery->names[recovery->next++], sizeof(queue_id));
    remove_original(recovery, id);
    return again ? RECOVERY_AGAIN : RECOVERY_FOUND;
}

bool recovery_find(const struct recovery *recovery, const char *id)
{
    if (is_missing(recovery->spool->queue, id)) {
        clean_state(recovery->spool, id);
        return false;
    }
    remove_original(recovery, id);
    return true;
}
