#include "spool/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "spool/junk.h"
#include "spool/queue_file.h"
#include "spool/restate.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

#define CLAIM_END 128               /* octets in which a uid line ends */

static enum drop_result put_off(const struct spool *spool, const char *id,
                                struct error *err)
{
    unread_explain(spool, spool->drop, id, err);
    return DROP_LATER;
}

static enum drop_result remove_junk(const struct spool *spool, const char *id,
                                    uid_t uid, const char *why,
                                    struct error *err)
{
    if (!drop_remove(spool, id)) {
        error_sys(err, FAULT_IO, "%s/drop/%s: %s, and it cannot be removed",
                  spool->path, id, why);
        return DROP_LATER;
    }
    junk_report(spool->junk, uid, id, why, clock_now());
    return DROP_GONE;
}

/*
 * Open without being held up by a lease or a FIFO, and without following
 * anything: the owner may have put an object of any kind under the name, or
 * mounted another file system on it.
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

/* No errno ends a message's life, only the content does. */
static enum drop_result could_not_open(const struct spool *spool,
                                       const char *id, struct error *err)
{
    int number = errno;
    struct stat status;

    if (fstatat(spool->drop, id, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT ? DROP_GONE : put_off(spool, id, err);
    if (!S_ISREG(status.st_mode))
        return remove_junk(spool, id, status.st_uid, "not a regular file",
                           err);
    if ((number == EACCES || number == EPERM) &&
        unread_is_closed(spool, &status) &&
        time(NULL) - status.st_ctime > UNREAD_CLOSED_AGE)
        return remove_junk(spool, id, status.st_uid, "it cannot be read", err);
    errno = number;
    return put_off(spool, id, err);
}

static int open_copy(const struct spool *spool, const char *id)
{
    char *name = alloc_format(".%s", id);
    int fd = openat(spool->queue, name, O_RDWR | O_CREAT | O_TRUNC |
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

/* No message; or one for another time. */
static enum drop_result refuse_file(const struct spool *spool, const char *id,
                                    uid_t uid, struct error *err)
{
    if (err->fault == FAULT_DATA)
        return remove_junk(spool, id, uid, err->text, err);
    error_prefix(err, "%s/drop/%s", spool->path, id);
    return DROP_LATER;
}

/* Can it be dealt with, if it cannot be sent? By a report; or in failed/. */
static bool has_an_end(const struct entry *entry, bool large,
                       struct error *err)
{
    bool reportable = entry->envelope.count > 0 &&
                      *envelope_reverse_path(&entry->envelope) != '\0';

    return !large || reportable ||
           error_set(err, FAULT_SIZE, "%s, and no report can be sent: raise "
                     "the limit", entry->flaw);
}

static void blame_size(struct entry *entry, uint64_t limit)
{
    char *flaw = alloc_format("message is larger than message_size_limit (%"
                              PRIu64 " octets)", limit);

    entry_blame(entry, "5.3.4", flaw);
    free(flaw);
}

/* A file with its frame becomes an entry, whatever is wrong with it: found
 * itself, or another one. NULL: it has to wait. */
static struct entry *admit_entry(const struct spool *spool, struct entry *found,
                                 uint64_t size_limit, struct error *err)
{
    bool large = found->content_length > size_limit;
    struct entry *entry = NULL;

    if (large)
        blame_size(found, size_limit);
    if (!has_an_end(found, large, err))
        entry = NULL;
    else if (large || found->has_bare_ends)
        entry = restate_entry(found, !large, spool->queue, err);
    else
        entry = found;
    if (entry == NULL)
        error_prefix(err, "%s/drop/%s", spool->path, found->id);
    return entry;
}

/* A file that is verified while it is copied: what is summed up is what was
 * written, not what the file has by then. */
struct drop_taking {
    const struct spool *spool;
    char id[RANDOM_ID_LENGTH + 1];
    uint64_t size_limit;
    uid_t uid;                  /* its owner */
    int fd;                     /* the file; so many octets of it count, */
    uint64_t size;              /* though the owner may go on writing */
    int copy;                   /* -1: not made, or the entry has it */
    uint64_t copied;
    struct entry *entry;        /* NULL before the copy is complete */
    struct entry_progress progress;     /* of the copy */
    bool is_small;              /* it is read and verified in one go */
    bool in_queue;              /* the copy is queue/.ID */
    bool too_large;             /* entry is the file itself: it is not copied */
};

static struct drop_taking *taking_new(const struct spool *spool,
                                      const char *id, int fd,
                                      const struct stat *status,
                                      uint64_t size_limit)
{
    struct drop_taking *taking = alloc_zero(1, sizeof *taking);

    taking->spool = spool;
    memcpy(taking->id, id, RANDOM_ID_LENGTH + 1);
    taking->uid = status->st_uid;
    taking->size = (uint64_t)status->st_size;
    taking->size_limit = size_limit;
    taking->fd = fd;
    taking->copy = -1;
    return taking;
}

/* Is there a message of that name, or at least something known of one? */
static bool is_known(const struct spool *spool, const char *id)
{
    struct stat status;

    return queue_file_exists(spool, id) ||
           fstatat(spool->state, id, &status, AT_SYMLINK_NOFOLLOW) == 0 ||
           errno != ENOENT;
}

static bool has_same_owner(const struct entry *one, const struct entry *other)
{
    return one->uid == other->uid;
}

/* The same, or with CRLF for each CR and LF that was alone. */
static bool may_be_copied(const struct entry *one, const struct entry *copy)
{
    return has_same_owner(one, copy) &&
           (entry_is_same(one, copy) ||
            (copy->content_length > one->content_length &&
             copy->content_length <= 2 * one->content_length + 2));
}

/* Is entry, from drop/, what queue/ID is a copy of, as far as is_like knows?
 * FAULT_UNAVAILABLE: it is not; otherwise that is not known. */
static bool is_original(const struct spool *spool, const struct entry *entry,
                        bool (*is_like)(const struct entry *,
                                        const struct entry *),
                        struct error *err)
{
    int64_t received;

    if (!queue_file_exists(spool, entry->id))
        return error_set(err, FAULT_UNAVAILABLE, "%s/drop/%s has the name of "
                         "a message with a file in state/: it waits for the "
                         "next start", spool->path, entry->id);
    struct entry *queued = queue_file_open(spool, entry->id, &received, err);
    bool same = queued != NULL && is_like(entry, queued);

    if ((queued != NULL && !same) ||
        (queued == NULL && err->fault == FAULT_DATA))
        error_set(err, FAULT_UNAVAILABLE, "%s/drop/%s has the name of a "
                  "message that is in queue/: it waits until that is gone",
                  spool->path, entry->id);
    entry_free(queued);
    return same;
}

/* A whole file has the id, and the owner, of a message that is in queue/. Takes
 * over found. */
static enum drop_result meet_verified(const struct spool *spool,
                                      struct entry *found, uint64_t size_limit,
                                      struct error *err)
{
    uid_t sender = found->uid;
    struct entry *entry = admit_entry(spool, found, size_limit,
                                      err);     /* as when it was taken */

    if (entry != found)
        entry_free(found);
    if (entry == NULL)
        return DROP_LATER;
    entry->uid = sender;
    /* Only the copy is left now. */
    bool removed = is_original(spool, entry, entry_is_same, err) &&
                   ((fsync(spool->queue) == 0 &&
                     drop_remove(spool, entry->id)) ||
                    unread_explain(spool, spool->drop, entry->id, err));
    entry_free(entry);
    return removed ? DROP_GONE : DROP_LATER;
}

/* There is a message of that id already. Nothing is copied, as the copy would
 * have the name of that one's; nor is a file read that cannot be what was
 * copied from, since it may wait for long, and be large. */
static enum drop_result meet_known(struct drop_taking *taking,
                                   struct error *err)
{
    const struct spool *spool = taking->spool;
    struct entry *found = entry_reopen(taking->fd, taking->id, err);

    taking->fd = -1;
    if (found == NULL)
        return refuse_file(spool, taking->id, taking->uid, err);
    found->uid = entry_user(found, taking->uid);
    bool large = found->content_length > taking->size_limit;
    if (!is_original(spool, found, large ? has_same_owner : may_be_copied,
                     err)) {
        entry_free(found);
        return DROP_LATER;
    }
    /* A large one is never read whole. */
    if (!large && !entry_verify(found, &taking->progress, UINT64_MAX, err)) {
        entry_free(found);
        return refuse_file(spool, taking->id, taking->uid, err);
    }
    return meet_verified(spool, found, taking->size_limit, err);
}

const char *drop_taking_id(const struct drop_taking *taking)
{
    return taking->id;
}

/* End it, but for the copy's name. */
static void taking_end(struct drop_taking *taking)
{
    io_close(&taking->fd);
    io_close(&taking->copy);
    entry_free(taking->entry);
    free(taking);
}

void drop_taking_free(struct drop_taking *taking)
{
    if (taking == NULL)
        return;
    remove_copy(taking->spool, taking->id);
    taking_end(taking);
}

/* To where the file has data again: the copy gets the same hole. False: it
 * cannot. At the end of the file, the next read shows that. */
static bool skip_hole(struct drop_taking *taking, uint64_t start)
{
    if (start == taking->copied)
        return true;
    taking->copied = start;
    return start == taking->size
           ? ftruncate(taking->copy, (off_t)start) == 0
           : lseek(taking->copy, (off_t)start, SEEK_SET) != -1;
}

/* Octets of the file, up to a hole or as many as a block has; how many, or -1.
 * In so small a file holes are not looked for. 0: it is at its end, which may
 * be earlier than it was; that is found by the content of the copy. */
static ssize_t copy_block(struct drop_taking *taking, char *block)
{
    uint64_t start = taking->copied, stop = taking->size;

    if (stop > IO_BLOCK)
        io_find_data(taking->fd, start, stop, &start, &stop);
    if (!skip_hole(taking, start))
        return -1;
    uint64_t rest = stop - start;
    ssize_t length = io_read_at(taking->fd, block, rest < IO_BLOCK
                                ? (size_t)rest : IO_BLOCK, (off_t)start);
    if (length > 0 && !io_write_all(taking->copy, block, (size_t)length))
        return -1;
    if (length > 0)
        entry_verify_octets(&taking->progress, start, block, (size_t)length);
    return length;
}

static bool copy_octets(struct drop_taking *taking, uint64_t octets)
{
    char *block = alloc_resize(NULL, IO_BLOCK, 1);
    ssize_t step = 1;

    for (uint64_t read = 0; read < octets && step > 0 &&
         taking->copied < taking->size; read += (uint64_t)step) {
        step = copy_block(taking, block);
        if (step > 0)
            taking->copied += (uint64_t)step;
        else if (step == 0)
            taking->copied = taking->size;
    }
    free(block);
    return step != -1;
}

/* In memory, unless a filter refuses that: queue/ will do, too. */
static void begin_small_copy(struct drop_taking *taking)
{
    taking->copy = memfd_create("postrider message", MFD_CLOEXEC);
    taking->in_queue = taking->copy == -1;
    if (taking->in_queue)
        taking->copy = open_copy(taking->spool, taking->id);
}

static bool take_small(struct drop_taking *taking, struct error *err)
{
    char *block = alloc_resize(NULL, (size_t)taking->size, 1);
    ssize_t length = io_read_at(taking->fd, block, (size_t)taking->size, 0);

    if (length != -1)
        begin_small_copy(taking);
    if (length == -1 || taking->copy == -1 ||
        !io_write_all(taking->copy, block, (size_t)length)) {
        error_sys(err, FAULT_IO, "copy it");
    } else {
        taking->entry = entry_of_octets(taking->copy, block, (size_t)length,
                                        taking->id, err);
        taking->copy = -1;
    }
    free(block);
    return taking->entry != NULL;
}

/* Go on with the copy, or verify more of it. False: it is wrong, or cannot be
 * read. */
static bool go_on_taking(struct drop_taking *taking, uint64_t octets,
                         struct error *err)
{
    if (taking->too_large)
        return true;
    if (taking->is_small)
        return take_small(taking, err);
    if (taking->entry != NULL)
        return entry_verify(taking->entry, &taking->progress, octets, err);
    if (taking->copy == -1 || !copy_octets(taking, octets))
        return error_sys(err, FAULT_IO, "copy it");
    if (taking->copied < taking->size)
        return true;
    taking->entry = entry_reopen(taking->copy, taking->id, err);
    taking->copy = -1;
    return taking->entry != NULL &&
           entry_verify(taking->entry, &taking->progress, 0, err);
}

static bool is_taken(const struct drop_taking *taking)
{
    return taking->entry != NULL &&
           (taking->too_large || taking->is_small ||
            entry_is_verified(taking->entry, &taking->progress));
}

/* What is known of it only here. */
static void describe_entry(struct entry *entry, struct drop_taking *taking,
                           uid_t uid)
{
    entry->uid = uid;
    entry->dropped = true;
    entry->queued = false;      /* trusted in queue/ only */
    entry->copied = taking->in_queue;
    if (!taking->is_small)
        return;
    entry->original = taking->fd;
    taking->fd = -1;
}

/* A file that is verified, or need not be copied, becomes an entry: the
 * caller's. */
static enum drop_result make_entry(struct drop_taking *taking,
                                   struct entry **entry, struct error *err)
{
    struct entry *found = taking->entry;
    uid_t uid = entry_user(found, taking->uid);

    taking->entry = NULL;
    *entry = admit_entry(taking->spool, found, taking->size_limit, err);
    /* A copy that is not the entry's would be taken for it when that is stored,
     * with its owner's line ends and last line. */
    if (*entry != found && taking->in_queue)
        remove_copy(taking->spool, taking->id);
    if (*entry != found)
        entry_free(found);
    if (*entry != NULL)
        describe_entry(*entry, taking, uid);
    taking_end(taking);
    return *entry != NULL ? DROP_TAKEN : DROP_LATER;
}

enum drop_result drop_go_on(struct drop_taking *taking, uint64_t octets,
                            struct entry **entry, struct error *err)
{
    if (!go_on_taking(taking, octets, err)) {
        enum drop_result result = refuse_file(taking->spool, taking->id,
                                              taking->uid, err);
        drop_taking_free(taking);
        return result;
    }
    return is_taken(taking) ? make_entry(taking, entry, err) : DROP_MORE;
}

/* A look at a large file itself shows most that need not be copied. */
static enum drop_result begin_copy(struct drop_taking *taking,
                                   struct error *err)
{
    struct entry *found = entry_reopen(fcntl(taking->fd, F_DUPFD_CLOEXEC, 0),
                                       taking->id, err);

    if (found == NULL)
        return refuse_file(taking->spool, taking->id, taking->uid, err);
    if (found->content_length > taking->size_limit) {
        taking->entry = found;
        taking->too_large = true;
        return DROP_MORE;
    }
    /* Unless it is changed meanwhile, the copy has its content there, too. */
    taking->progress = entry_progress(found);
    entry_free(found);
    taking->copy = open_copy(taking->spool, taking->id);
    taking->in_queue = true;
    return DROP_MORE;
}

enum drop_result drop_begin(const struct spool *spool, const char *id,
                            const struct drop_limits *limits,
                            struct drop_taking **taking, struct error *err)
{
    struct stat status;

    int fd = open_once(spool->drop, id);
    if (fd == -1)
        return could_not_open(spool, id, err);
    if (fstat(fd, &status) == -1) {
        close(fd);
        return put_off(spool, id, err);
    }
    *taking = taking_new(spool, id, fd, &status, limits->size);
    enum drop_result result = DROP_MORE;
    if (is_known(spool, id))
        result = meet_known(*taking, err);
    else if ((*taking)->size <= limits->memory &&
             (*taking)->size <= limits->size)
        (*taking)->is_small = true;
    else
        result = begin_copy(*taking, err);
    if (result != DROP_MORE)
        taking_end(*taking);
    return result;
}

enum drop_result drop_take(const struct spool *spool, const char *id,
                           const struct drop_limits *limits,
                           struct entry **entry, struct error *err)
{
    struct drop_taking *taking;
    enum drop_result result = drop_begin(spool, id, limits, &taking, err);

    while (result == DROP_MORE)
        result = drop_go_on(taking, UINT64_MAX, entry, err);
    return result;
}

uid_t drop_user(const struct spool *spool, const char *id,
                const struct stat *status)
{
    char start[CLAIM_END + 1] = "";
    uint64_t uid;

    if (status->st_uid != geteuid())
        return status->st_uid;
    int fd = open_once(spool->drop, id);
    bool read = fd != -1 && io_read_at(fd, start, CLAIM_END, 0) > 0;
    io_close(&fd);
    char *claim = read ? strchr(start, '\n') : NULL;
    if (claim == NULL || !text_starts(claim, "\nuid "))
        return status->st_uid;
    claim += strlen("\nuid ");
    claim[strcspn(claim, "\n")] = '\0';
    return text_to_number(claim, UINT32_MAX, &uid) ? (uid_t)uid
                                                   : status->st_uid;
}

bool drop_remove(const struct spool *spool, const char *id)
{
    return unlinkat(spool->drop, id, 0) == 0 || errno == ENOENT;
}

bool drop_remove_original(const struct spool *spool, const char *id)
{
    struct error err = { 0 };
    struct stat status, copy;

    if (fstatat(spool->drop, id, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT;
    if (fstatat(spool->queue, id, &copy, AT_SYMLINK_NOFOLLOW) == -1)
        return errno == ENOENT && drop_remove(spool, id);
    int fd = open_once(spool->drop, id);
    struct entry *found = fd == -1 ? NULL : entry_reopen(fd, id, &err);
    if (found == NULL)
        return err.fault == FAULT_DATA;
    found->uid = entry_user(found, status.st_uid);
    bool original = is_original(spool, found, entry_is_same, &err);
    entry_free(found);
    return original ? drop_remove(spool, id)
                    : err.fault == FAULT_UNAVAILABLE;
}
