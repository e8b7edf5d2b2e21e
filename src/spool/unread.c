#include "spool/unread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/alloc.h"

void unread_add(struct unread *unread, const struct error *err)
{
    enum unread_kind kind = err->fault == FAULT_PERMISSION ? UNREAD_REFUSED
                            : err->fault == FAULT_NEWER    ? UNREAD_NEWER
                                                           : UNREAD_FAILING;

    if (unread->count[kind]++ > 0)
        return;
    unread->example[kind] = alloc_zero(1, sizeof *err);
    *unread->example[kind] = *err;
}

void unread_copy(struct unread *to, const struct unread *from)
{
    *to = (struct unread){ 0 };
    for (size_t i = 0; i < UNREAD_KINDS; i++) {
        if (from->example[i] != NULL)
            unread_add(to, from->example[i]);
        to->count[i] = from->count[i];
    }
}

void unread_clear(struct unread *unread)
{
    for (size_t i = 0; i < UNREAD_KINDS; i++)
        free(unread->example[i]);
    *unread = (struct unread){ 0 };
}

size_t unread_count(const struct unread *unread)
{
    size_t count = 0;

    for (size_t i = 0; i < UNREAD_KINDS; i++)
        count += unread->count[i];
    return count;
}

/* Other reasons, when owner and mode are right. */
static bool is_barred(const char *path, struct error *err)
{
    return error_set(err, FAULT_PERMISSION, "%s cannot be read, although its "
                     "owner and mode are right", path) ||
           error_remedy(err, "look for an access list (getfacl), and in the "
                        "log of SELinux or AppArmor");
}

/* Callers own these files: only names that a caller cannot bend are given to
 * programs that root is to run. */
static bool explain_dropped(const struct spool *spool, const char *path,
                            const struct stat *file, struct error *err)
{
    struct stat folder = { 0 };

    if (fstat(spool->drop, &folder) == 0 && folder.st_gid != file->st_gid)
        return error_set(err, FAULT_PERMISSION, "%s has group %lu instead of "
                         "%lu", path, (unsigned long)file->st_gid,
                         (unsigned long)folder.st_gid) ||
               error_remedy(err, "find %s/drop -type f -links 1 -group %lu "
                            "-exec chgrp -h %lu {} +", spool->path,
                            (unsigned long)file->st_gid,
                            (unsigned long)folder.st_gid);
    if ((file->st_mode & S_IRGRP) == 0)
        return error_set(err, FAULT_PERMISSION, "%s has mode %04o", path,
                         (unsigned)file->st_mode & 07777) ||
               error_remedy(err, "chmod g+r %s", path);
    return is_barred(path, err);
}

/* No other user can reach these folders. */
static bool explain_ours(const char *folder, const char *path,
                         const struct stat *file, struct error *err)
{
    if (file->st_uid != geteuid())
        return error_set(err, FAULT_PERMISSION, "%s belongs to user %lu",
                         path, (unsigned long)file->st_uid) ||
               error_remedy(err, "chown -R %lu:%lu %s",
                            (unsigned long)geteuid(),
                            (unsigned long)getegid(), folder);
    if ((file->st_mode & S_IRUSR) == 0)
        return error_set(err, FAULT_PERMISSION, "%s has mode %04o", path,
                         (unsigned)file->st_mode & 07777) ||
               error_remedy(err, "chmod -R u+rwX %s", folder);
    return is_barred(path, err);
}

static const char *name_of(const struct spool *spool, int folder)
{
    return folder == spool->drop     ? "drop"
           : folder == spool->queue  ? "queue"
           : folder == spool->failed ? "failed" : "state";
}

bool unread_explain(const struct spool *spool, int folder, const char *name,
                    struct error *err)
{
    int number = errno;
    struct stat file;
    char *place = alloc_format("%s/%s", spool->path, name_of(spool, folder));
    char *path = alloc_format("%s/%s", place, name);

    bool refused = (number == EACCES || number == EPERM) &&
                   fstatat(folder, name, &file, AT_SYMLINK_NOFOLLOW) == 0;
    errno = number;
    if (!refused)
        error_sys(err, FAULT_IO, folder == spool->failed
                  ? "%s" : "%s: will be tried again", path);
    else if (folder == spool->drop)
        explain_dropped(spool, path, &file, err);
    else
        explain_ours(place, path, &file, err);
    free(path);
    free(place);
    errno = number;
    return false;
}

bool unread_is_closed(const struct spool *spool, const struct stat *status)
{
    struct stat folder;

    /* Root needs no rights, so that a restore by root may have lost them. */
    return (status->st_mode & S_IRGRP) == 0 && status->st_uid != 0 &&
           status->st_uid != geteuid() && fstat(spool->drop, &folder) == 0 &&
           status->st_gid == folder.st_gid;
}
