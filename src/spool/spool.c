#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/junk.h"
#include "util/io.h"
#include "util/text.h"

/* What a folder must be; "" is the spool itself. */
struct folder {
    const char *name;
    mode_t mode;
    bool of_root;               /* or else of the daemon's user */
    size_t descriptor;          /* offset in struct spool; 0: not kept */
};

static const struct folder folders[] = {
    { "", 0755, true, 0 },
    { "drop", 03733, false, offsetof(struct spool, drop) },
    { "queue", 0700, false, offsetof(struct spool, queue) },
    { "state", 0700, false, offsetof(struct spool, state) },
    { "failed", 0700, false, offsetof(struct spool, failed) },
};

static bool prove(const char *path, const struct folder *folder, int fd,
                  struct error *err)
{
    struct stat status;

    if (fstat(fd, &status) == -1)
        return error_sys(err, FAULT_CONFIG, "%s/%s", path, folder->name);
    unsigned mode = (unsigned)status.st_mode & 07777;
    uid_t user = geteuid();
    /* A spool of somebody's own may belong to him as a whole. */
    bool owned = status.st_uid == (folder->of_root ? 0 : user) ||
                 (folder->of_root && status.st_uid == user);
    if (!owned)
        return error_set(err, FAULT_CONFIG, "%s/%s belongs to user %lu: chown "
                         "%lu %s/%s", path, folder->name,
                         (unsigned long)status.st_uid,
                         folder->of_root ? 0ul : (unsigned long)user, path,
                         folder->name);
    if (folder->mode == 03733 && status.st_gid != getegid())
        return error_set(err, FAULT_CONFIG, "%s/%s belongs to group %lu: "
                         "chgrp %lu %s/%s && chmod 3733 %s/%s", path,
                         folder->name, (unsigned long)status.st_gid,
                         (unsigned long)getegid(), path, folder->name, path,
                         folder->name);
    bool right = folder->of_root ? (mode & 022) == 0 : mode == folder->mode;
    if (!right)
        return error_set(err, FAULT_CONFIG, "%s/%s has mode %04o: chmod %04o "
                         "%s/%s", path, folder->name, mode,
                         (unsigned)folder->mode, path, folder->name);
    return true;
}

static bool open_folder(struct spool *spool, int root,
                        const struct folder *folder, bool strict,
                        struct error *err)
{
    int fd = openat(root, *folder->name == '\0' ? "." : folder->name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd == -1 && errno == ENOENT)
        return error_set(err, FAULT_CONFIG, "%s/%s does not exist: install -d "
                         "-o %lu -g %lu -m %04o %s/%s", spool->path,
                         folder->name, (unsigned long)geteuid(),
                         (unsigned long)getegid(), (unsigned)folder->mode,
                         spool->path, folder->name);
    if (fd == -1)
        return error_sys(err, FAULT_CONFIG, "%s/%s", spool->path,
                         folder->name);
    if (folder->descriptor == 0) {
        bool right = !strict || prove(spool->path, folder, fd, err);
        close(fd);
        return right;
    }
    *(int *)((char *)spool + folder->descriptor) = fd;
    return !strict || prove(spool->path, folder, fd, err);
}

bool spool_open(struct spool *spool, const char *path, bool strict,
                struct error *err)
{
    bool right = true;

    *spool = (struct spool){ .path = path, .drop = -1, .queue = -1,
                             .state = -1, .failed = -1 };
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root == -1)
        return error_sys(err, FAULT_CONFIG, "spool %s: make it as "
                         "postrider(8) says", path);
    for (size_t i = 0; right && i < COUNT(folders); i++)
        right = open_folder(spool, root, &folders[i], strict, err);
    close(root);
    spool->junk = junk_new();
    if (!right)
        spool_close(spool);
    return right;
}

void spool_close(struct spool *spool)
{
    io_close(&spool->drop);
    io_close(&spool->queue);
    io_close(&spool->state);
    io_close(&spool->failed);
    junk_free(spool->junk);
    spool->junk = NULL;
}
