#include "spool/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/io.h"
#include "util/random.h"

#define MODE 0640               /* the daemon reads it through its group */

/* What can be done about it, for the errors an administrator meets. */
static const char *remedy(int number)
{
    switch (number) {
    case ENOENT:
        return "make the spool as postrider(8) says";
    case EACCES:
    case EPERM:
        return "its mode must be 3733";
    case EROFS:
        return "add it to ReadWritePaths= of the service";
    case ENOSPC:
    case EDQUOT:
        return "make room";
    default:
        return "try again later";
    }
}

static bool cannot_store(struct error *err, const struct drop_place *place)
{
    const char *what = remedy(errno);

    error_sys(err, FAULT_TEMPORARY, "message not queued: %s", place->path);
    return error_set(err, FAULT_TEMPORARY, "%s: %s", err->text, what);
}

/* Kernels, file systems or a missing /proc may not have O_TMPFILE; then a name
 * that the daemon skips has to do. */
static int open_file(struct drop_place *place)
{
    char id[RANDOM_ID_LENGTH + 1];

    int fd = openat(place->directory, ".",
                    O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);
    if (fd != -1 && access("/proc/self/fd", X_OK) == 0)
        return fd;
    if (fd == -1 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return -1;
    io_close(&fd);
    random_id(id);
    place->temporary = alloc_format(".t%s", id);
    fd = openat(place->directory, place->temporary,
                O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, MODE);
    if (fd == -1) {
        free(place->temporary);
        place->temporary = NULL;
    }
    return fd;
}

/* A umask takes bits away, and a restored directory may have lost its setgid
 * bit: a message that the daemon can never read must not be accepted. */
static bool prove(const struct drop_place *place, int fd, struct error *err)
{
    struct stat directory, file;

    if (fchmod(fd, MODE) == -1 || fstat(fd, &file) == -1 ||
        fstat(place->directory, &directory) == -1)
        return cannot_store(err, place);
    if (!S_ISREG(file.st_mode) || (file.st_mode & 07777) != MODE)
        return error_set(err, FAULT_CONFIG, "message not queued: %s: a file "
                         "there gets mode %o instead of %o", place->path,
                         (unsigned)file.st_mode & 07777, MODE);
    if (file.st_gid != directory.st_gid)
        return error_set(err, FAULT_CONFIG, "message not queued: %s has lost "
                         "its setgid bit", place->path) ||
               error_remedy(err, "chmod 3733 %s", place->path);
    return true;
}

int drop_place_open(struct drop_place *place, const char *spool,
                    struct error *err)
{
    *place = DROP_PLACE_NONE;
    place->path = alloc_format("%s/drop", spool);
    place->directory = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = place->directory == -1 ? -1 : open_file(place);
    if (fd == -1)
        cannot_store(err, place);
    else if (!prove(place, fd, err))
        io_close(&fd);
    return fd;
}

bool drop_place_needs_names(const char *spool)
{
    struct drop_place place;
    struct error ignored;
    int fd = drop_place_open(&place, spool, &ignored);
    bool needs = place.temporary != NULL;

    io_close(&fd);
    drop_place_close(&place);
    return needs;
}

static bool give_name(struct drop_place *place, int fd, const char *id)
{
    char link[sizeof "/proc/self/fd/" + 3 * sizeof fd];

    if (place->temporary == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        return linkat(AT_FDCWD, link, place->directory, id,
                      AT_SYMLINK_FOLLOW) == 0;
    }
    /* A queue-id that exists must never be replaced. */
    return io_rename_new(place->directory, place->temporary, id);
}

bool drop_place_commit(struct drop_place *place, int fd, const char *id,
                       struct error *err)
{
    if (fsync(fd) == -1 || !give_name(place, fd, id))
        return cannot_store(err, place);

    /* The daemon may see it from here on. */
    if (fsync(fd) == -1) {
        cannot_store(err, place);
        unlinkat(place->directory, id, 0);
        return false;
    }
    return true;
}

void drop_place_close(struct drop_place *place)
{
    if (place->temporary != NULL)
        unlinkat(place->directory, place->temporary, 0);
    free(place->temporary);
    free(place->path);
    io_close(&place->directory);
    *place = DROP_PLACE_NONE;
}
