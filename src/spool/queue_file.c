#include "spool/queue_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "spool/unread.h"

struct entry *queue_file_open(const struct spool *spool, const char *id,
                              int64_t *received, struct error *err)
{
    int fd = openat(spool->queue, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd == -1) {
        unread_explain(spool, spool->queue, id, err);
        return NULL;
    }
    struct entry *entry = entry_reopen(fd, id, err);
    if (entry == NULL) {
        error_prefix(err, "%s/queue/%s", spool->path, id);
        return NULL;
    }
    *received = entry->queued ? entry->received : time(NULL);
    return entry;
}

bool queue_file_exists(const struct spool *spool, const char *id)
{
    struct stat status;

    return fstatat(spool->queue, id, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
           errno != ENOENT;
}

bool queue_file_verify(const struct spool *spool, const char *name,
                       const char *id, struct error *err)
{
    int fd = openat(spool->queue, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd == -1)
        return error_sys(err, FAULT_IO, "%s/queue/%s", spool->path, name);
    struct entry *entry = entry_open(fd, id, err);
    bool whole = entry != NULL && entry->queued;
    if (entry != NULL && !whole)
        error_set(err, FAULT_DATA, "its last line is missing");
    entry_free(entry);
    return whole;
}
