#include "spool/queue.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "spool/drop.h"
#include "util/io.h"
#include "util/random.h"
#include "util/strings.h"
#include "util/text.h"

static bool list(int folder, const char *path, const char *name,
                 struct strings *names, struct error *err)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (directory == NULL) {
        io_close(&fd);
        return error_sys(err, FAULT_IO, "%s/%s", path, name);
    }
    while ((entry = readdir(directory)) != NULL)
        if (!text_starts(entry->d_name, ".") ||
            random_is_id(entry->d_name + 1))
            strings_add(names, entry->d_name);
    closedir(directory);
    return true;
}

static bool exists(int folder, const char *name)
{
    return faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * queue/.ID with state/ID was synced before its state was written: only its
 * name was missing. Without a state drop/ID is there, or the message is done.
 */
static void finish_copy(const struct spool *spool, const char *temporary)
{
    const char *id = temporary + 1;

    if (exists(spool->state, id))
        (void)io_rename_new(spool->queue, temporary, id);
    unlinkat(spool->queue, temporary, 0);
}

static void clean_states(const struct spool *spool,
                         const struct strings *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        bool orphan = random_is_id(name) && !exists(spool->queue, name);
        if (*name == '.' || orphan)
            unlinkat(spool->state, name, 0);
    }
}

bool queue_recover(const struct spool *spool, queue_found *found,
                   void *context, struct error *err)
{
    struct strings queued = { 0 }, states = { 0 };

    bool listed = list(spool->queue, spool->path, "queue", &queued, err);
    for (size_t i = 0; listed && i < queued.count; i++)
        if (queued.items[i][0] == '.')
            finish_copy(spool, queued.items[i]);
    strings_free(&queued);

    listed = listed && list(spool->queue, spool->path, "queue", &queued, err) &&
             list(spool->state, spool->path, "state", &states, err);
    if (listed) {
        clean_states(spool, &states);
        fsync(spool->queue);
    }
    for (size_t i = 0; listed && i < queued.count; i++)
        if (random_is_id(queued.items[i])) {
            drop_remove(spool, queued.items[i]);
            found(context, queued.items[i]);
        }
    strings_free(&queued);
    strings_free(&states);
    return listed;
}
