#include "spool/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool/spool.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/io.h"
#include "util/random.h"

/* File systems of other machines and of containers report it in all these ways.
 */
static bool is_unable(void)
{
    return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
           errno == EPERM || errno == EMLINK;
}

/* A name that a start removes as the rest of a copy that was not completed. */
static char *new_name(void)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    return alloc_format(".%s", id);
}

/* The feature that it lacks; NULL if it has all, or that could not be found
 * out. */
static const char *find_missing(int folder, const char *name,
                                const char *other)
{
    int fd = openat(folder, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    const char *missing = NULL;

    if (fd == -1)
        return NULL;
    if (fsync(fd) == -1 && is_unable())
        missing = "files cannot be synced";
    else if (linkat(folder, name, folder, other, 0) == -1 && is_unable())
        missing = "a file cannot have a second name (hard link)";
    else if (fsync(folder) == -1 && is_unable())
        missing = "folders cannot be synced";
    close(fd);
    unlinkat(folder, name, 0);
    unlinkat(folder, other, 0);
    return missing;
}

bool volume_check(const struct spool *spool, struct error *err)
{
    char *name = new_name(), *other = new_name();
    const char *missing = find_missing(spool->queue, name, other);

    free(name);
    free(other);
    return missing == NULL ||
           error_set(err, FAULT_CONFIG, "%s: %s in this file system: mail "
                     "would be lost", spool->path, missing) ||
           error_remedy(err, SPOOL_DISK_REMEDY);
}
