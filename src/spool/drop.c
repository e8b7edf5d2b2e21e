#include "spool/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "spool/draft.h"
#include "spool/junk.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/io.h"

#define BLOCK_SIZE 65536
#define ENVELOPE_MAX (8u << 20)     /* octets besides the message */
#define UNREADABLE_AGE 3600         /* seconds before it is thrown out */

static enum drop_result later(const struct spool *spool, const char *id,
                              struct error *err)
{
    unread_explain(spool, spool->drop, id, err);
    return DROP_LATER;
}

static enum drop_result junk(const struct spool *spool, const char *id,
                             uid_t uid, const char *why, struct error *err)
{
    if (!drop_remove(spool, id)) {
        error_sys(err, FAULT_IO, "%s/drop/%s: %s, and it cannot be removed",
                  spool->path, id, why);
        return DROP_LATER;
    }
    junk_report(spool->junk, uid, id, why);
    return DROP_GONE;
}

/*
 * Open without being held up by a lease or a FIFO, and without following
 * anything: the owner may have put an object of any kind under the name, or
 * mounted a file system of his own on it.
 */
static int open_once(int directory, const char *id)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
                      O_CLOEXEC;
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                   RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };

    int fd = (int)syscall(SYS_openat2, directory, id, &how, sizeof how);
    /* Before Linux 5.6; or a filter that is older than the call refuses it. */
    if (fd == -1 && (errno == ENOSYS || errno == EPERM))
        fd = openat(directory, id, flags);
    return fd;
}

/* No errno ends a message's life, only what lies there does. */
static enum drop_result could_not_open(const struct spool *spool,
                                       const char *id, struct error *err)
{
    int number = errno;
    struct stat status;

    if (fstatat(spool->drop, id, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT ? DROP_GONE : later(spool, id, err);
    if (!S_ISREG(status.st_mode))
        return junk(spool, id, status.st_uid, "no file", err);
    if ((number == EACCES || number == EPERM) &&
        unread_is_closed(spool, &status) &&
        time(NULL) - status.st_ctime > UNREADABLE_AGE)
        return junk(spool, id, status.st_uid, "it cannot be read", err);
    errno = number;
    return later(spool, id, err);
}

/* Copy what the file had when it was examined; the owner may go on writing. */
static bool copy_once(int from, int to, uint64_t length)
{
    char *block = alloc_resize(NULL, BLOCK_SIZE, 1);
    uint64_t done = 0;
    ssize_t step = 1;

    while (done < length && step > 0) {
        uint64_t rest = length - done;
        step = io_read(from, block,
                       rest < BLOCK_SIZE ? (size_t)rest : BLOCK_SIZE);
        if (step > 0 && !io_write_all(to, block, (size_t)step))
            step = -1;
        done += step > 0 ? (uint64_t)step : 0;
    }
    free(block);
    return step >= 0;           /* a shorter file is found by its content */
}

static int open_copy(const struct spool *spool, const char *id, bool in_memory)
{
    int fd = in_memory ? memfd_create("postrider message", MFD_CLOEXEC) : -1;

    if (fd != -1)
        return fd;
    /* A large one; or a filter refuses memory: queue/ will do for both. */
    char *name = alloc_format(".%s", id);
    fd = openat(spool->queue, name, O_RDWR | O_CREAT | O_TRUNC |
                    O_NOFOLLOW | O_CLOEXEC, 0600);
    free(name);
    return fd;
}

static void remove_copy(const struct spool *spool, const char *id)
{
    char *name = alloc_format(".%s", id);

    unlinkat(spool->queue, name, 0);
    free(name);
}

static enum drop_result prove(const struct spool *spool, const char *id,
                              uid_t uid, uint64_t size_limit, int copy,
                              struct entry **entry, struct error *err)
{
    const char *why = NULL;

    struct entry *found = entry_open(copy, id, err);
    if (found == NULL && err->fault != FAULT_DATA) {
        remove_copy(spool, id);
        return DROP_LATER;
    }
    if (found == NULL)
        why = err->text;
    else if (found->queued)
        why = "it claims to be a queue file";
    else if (found->content_length > size_limit)
        why = "larger than message_size_limit";
    if (why == NULL) {
        found->uid = uid == geteuid() && found->has_claim
                     ? found->claimed_uid : uid;
        *entry = found;
        return DROP_TAKEN;
    }
    entry_free(found);
    remove_copy(spool, id);
    return junk(spool, id, uid, why, err);
}

enum drop_result drop_take(const struct spool *spool, const char *id,
                           uint64_t size_limit, uint64_t memory_max,
                           struct entry **entry, struct error *err)
{
    struct stat status;

    int fd = open_once(spool->drop, id);
    if (fd == -1)
        return could_not_open(spool, id, err);
    if (fstat(fd, &status) == -1) {
        close(fd);
        return later(spool, id, err);
    }
    uint64_t size = (uint64_t)status.st_size;
    if (!S_ISREG(status.st_mode) || size > size_limit + ENVELOPE_MAX ||
        size <= DRAFT_END_LENGTH) {
        close(fd);
        return junk(spool, id, status.st_uid,
                    S_ISREG(status.st_mode) ? "its size" : "no file", err);
    }
    int copy = open_copy(spool, id, size <= memory_max);
    bool copied = copy != -1 && copy_once(fd, copy, size);
    int number = errno;
    close(fd);
    if (copied)
        return prove(spool, id, status.st_uid, size_limit, copy, entry, err);
    io_close(&copy);
    remove_copy(spool, id);
    errno = number;
    return later(spool, id, err);
}

bool drop_remove(const struct spool *spool, const char *id)
{
    return unlinkat(spool->drop, id, 0) == 0 || errno == ENOENT;
}
