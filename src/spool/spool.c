#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/junk.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

#define LOCK_TIME 2000          /* milliseconds */
#define LOCK_STEP 20

/* The rights of a folder; "" is the spool itself. */
struct folder {
    const char *name;
    mode_t mode;
    bool of_root;               /* or else of the daemon's user */
    size_t descriptor;          /* offset in struct spool; 0: not kept */
};

static const struct folder folders[SPOOL_FOLDERS] = {
    { "", 0755, true, 0 },
    { "drop", 03733, false, offsetof(struct spool, drop) },
    { "queue", 0700, false, offsetof(struct spool, queue) },
    { "state", 0700, false, offsetof(struct spool, state) },
    { "failed", 0700, false, offsetof(struct spool, failed) },
};

static bool verify_owner(const char *path, const struct folder *folder,
                         const struct stat *status, struct error *err)
{
    uid_t user = geteuid();
    uid_t wanted = folder->of_root ? 0 : user;

    /* A user's own spool may belong to them as a whole. The files in the
     * daemon's folders are the daemon's, too. */
    if (status->st_uid != wanted && status->st_uid != user)
        return error_set(err, FAULT_CONFIG, "%s/%s belongs to user %lu", path,
                         folder->name, (unsigned long)status->st_uid) ||
               error_remedy(err, "chown %s%lu %s/%s",
                            folder->mode == 0700 ? "-R " : "",
                            (unsigned long)wanted, path, folder->name);
    if (folder->mode == 03733 && status->st_gid != getegid())
        return error_set(err, FAULT_CONFIG, "%s/%s belongs to group %lu",
                         path, folder->name, (unsigned long)status->st_gid) ||
               error_remedy(err, "chgrp %lu %s/%s && chmod 3733 %s/%s",
                            (unsigned long)getegid(), path, folder->name, path,
                            folder->name);
    return true;
}

static bool verify_folder(const char *path, const struct folder *folder,
                          int root, struct error *err)
{
    struct stat status;

    if (fstatat(root, *folder->name == '\0' ? "." : folder->name, &status,
                AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT
               ? error_set(err, FAULT_CONFIG, "%s/%s does not exist", path,
                           folder->name) ||
                 error_remedy(err, "install -d -o %lu -g %lu -m %04o %s/%s",
                              (unsigned long)geteuid(),
                              (unsigned long)getegid(), (unsigned)folder->mode,
                              path, folder->name)
               : error_sys(err, FAULT_CONFIG, "%s/%s", path, folder->name);
    if (!verify_owner(path, folder, &status, err))
        return false;
    unsigned mode = (unsigned)status.st_mode & 07777;
    if (folder->of_root ? (mode & 022) != 0 : mode != folder->mode)
        return error_set(err, FAULT_CONFIG, "%s/%s has mode %04o", path,
                         folder->name, mode) ||
               error_remedy(err, "chmod %04o %s/%s", (unsigned)folder->mode,
                            path, folder->name);
    return true;
}

static bool open_folder(struct spool *spool, int root,
                        const struct folder *folder, struct error *err)
{
    if (folder->descriptor == 0)
        return true;
    int fd = openat(root, folder->name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *(int *)((char *)spool + folder->descriptor) = fd;
    return fd != -1 || error_sys(err, FAULT_CONFIG, "%s/%s", spool->path,
                                 folder->name);
}

/* Two daemons would deliver everything twice. The lock ends with the process,
 * and is not its children's: they do not inherit the descriptor. One that was
 * killed may take a moment to end. */
static bool lock_spool(const struct spool *spool, struct error *err)
{
    int tries = LOCK_TIME / LOCK_STEP;

    while (flock(spool->queue, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK)
            return error_sys(err, FAULT_CONFIG, "%s/queue: lock it",
                             spool->path) ||
                   error_remedy(err, SPOOL_DISK_REMEDY);
        if (tries-- == 0)
            return error_set(err, FAULT_CONFIG, "%s is in use by another "
                             "daemon", spool->path) ||
                   error_remedy(err, "to start again, restart its service, or "
                                "end it first");
        poll(NULL, 0, LOCK_STEP);
    }
    return true;
}

static int open_root(const char *path, struct error *err)
{
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (root == -1) {
        error_sys(err, FAULT_CONFIG, "spool %s", path);
        error_remedy(err, "make it as postrider(8) describes");
    }
    return root;
}

bool spool_verify(const char *path, size_t index, struct error *err)
{
    int root = open_root(path, err);
    bool right = root != -1 && verify_folder(path, &folders[index], root, err);

    io_close(&root);
    return right;
}

bool spool_is_in_place(const struct spool *spool)
{
    bool same = true;

    for (size_t i = 0; same && i < COUNT(folders); i++) {
        struct stat opened, named;
        if (folders[i].descriptor == 0)
            continue;
        int fd = *(const int *)((const char *)spool + folders[i].descriptor);
        char *path = alloc_format("%s/%s", spool->path, folders[i].name);
        if (fstat(fd, &opened) == 0 && stat(path, &named) == 0)
            same = opened.st_dev == named.st_dev &&
                   opened.st_ino == named.st_ino;
        else
            same = errno != ENOENT && errno != ENOTDIR;
        free(path);
    }
    return same;
}

/* One that is not there yet. Its mode comes last: none may enter before. Its
 * group would be that of a volume with a setgid bit, as pods have them. */
static bool make_folder(int root, const char *name, const struct folder *folder,
                        uid_t user, gid_t group)
{
    bool made = mkdirat(root, name, 0700) == 0;
    bool right = made || errno == EEXIST;

    int fd = made ? openat(root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
                                       O_CLOEXEC)
                  : -1;
    if (made)
        right = fd != -1 &&
                (folder->of_root || fchown(fd, user, group) == 0) &&
                fchmod(fd, folder->mode) == 0;
    io_close(&fd);
    return right;
}

/* Below the spool by its descriptor: root must not be led elsewhere by a link
 * that takes the spool's place meanwhile. */
bool spool_make(const char *path, uid_t user, gid_t group, struct error *err)
{
    int root = -1;
    size_t i = 0;
    bool right = make_folder(AT_FDCWD, path, &folders[i], user, group) &&
                 (root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) != -1;

    while (right && ++i < COUNT(folders))
        right = make_folder(root, folders[i].name, &folders[i], user, group);
    if (!right)
        error_sys(err, FAULT_CONFIG, "make_spool: %s/%s", path,
                  folders[i].name);
    io_close(&root);
    return right;
}

bool spool_open(struct spool *spool, const char *path, bool strict,
                struct error *err)
{
    bool right = true;

    *spool = (struct spool){ .path = path, .drop = -1, .queue = -1,
                             .state = -1, .failed = -1 };
    int root = open_root(path, err);
    if (root == -1)
        return false;
    for (size_t i = 0; right && i < COUNT(folders); i++)
        right = (!strict || verify_folder(path, &folders[i], root, err)) &&
                open_folder(spool, root, &folders[i], err);
    close(root);
    right = right && (!strict || lock_spool(spool, err));
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
