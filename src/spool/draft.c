#include "spool/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "mail/envelope.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/file.h"
#include "util/io.h"
#include "util/random.h"
#include "util/scratch.h"
#include "util/text.h"

#define BUFFER_SIZE 65536
#define DROP_MODE 0640          /* the daemon reads it through its group */

/* A new file in the drop directory. That is 3733: a caller can add to it, but
 * not list it and not open it to sync it. */
struct drop_place {
    int directory;          /* -1: no place */
    char *temporary;        /* the file's name until it is committed; NULL if
                             * it has none (O_TMPFILE). Owned. */
    char *path;             /* of the directory, for texts. Owned. */
};

#define DROP_PLACE_NONE ((struct drop_place){ .directory = -1 })

struct draft {
    struct scratch file;        /* of a dropped draft: never in memory */
    struct drop_place place;    /* where it is committed; closed if nowhere */
    char id[RANDOM_ID_LENGTH + 1];
    struct buf pending;         /* not written yet; at most BUFFER_SIZE */
    uint64_t content;           /* octets of the message so far */
    uint64_t limit;             /* of them */
    uint32_t sum;
    uint64_t head;              /* octets of the envelope, and their sum */
    uint32_t head_sum;
    bool has_uid;
    uid_t uid;
};

/* The remedy, for the errors an administrator meets. */
static const char *storing_remedy(int number)
{
    switch (number) {
    case ENOENT:
        return "make the spool as postrider(8) describes";
    case EACCES:
        return "its mode must be 3733";
    case EPERM:
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
        return "postrider check shows whether its file system is fit for mail";
    case EROFS:
        return "add it to ReadWritePaths= of the service";
    case ENOSPC:
    case EDQUOT:
        return "make room";
    case EFBIG:
        return "raise the limit of file sizes (ulimit -f)";
    default:
        return "try again later";
    }
}

/* For the errno of a call that has just failed. */
static bool cannot_store(struct error *err, const char *what)
{
    const char *remedy = storing_remedy(errno);

    error_sys(err, FAULT_TEMPORARY, "message not queued: %s", what);
    return error_remedy(err, "%s", remedy);
}

/* A file without a name gets one by /proc, which may be missing. The daemon
 * skips names that begin with ".t". */
static int create_file(struct drop_place *place, int how)
{
    return access("/proc/self/fd", X_OK) == 0
           ? file_create_nameless(place->directory, ".t", how, DROP_MODE,
                                  &place->temporary)
           : file_create_named(place->directory, ".t", how, DROP_MODE,
                               &place->temporary);
}

/* A process that has shut itself in may write there and read nothing, not even
 * what it has written: see draft_can_take_back(). */
static int create_readable_file(struct drop_place *place)
{
    int fd = create_file(place, O_RDWR);

    return fd != -1 || errno != EACCES ? fd : create_file(place, O_WRONLY);
}

/* A umask takes bits away, and a restored directory may have lost its setgid
 * bit: a message that the daemon can never read must not be accepted. */
static bool verify_file(const struct drop_place *place, int fd,
                        struct error *err)
{
    struct stat directory, file;

    if (fchmod(fd, DROP_MODE) == -1 || fstat(fd, &file) == -1 ||
        fstat(place->directory, &directory) == -1)
        return cannot_store(err, place->path);
    if (!S_ISREG(file.st_mode) || (file.st_mode & 07777) != DROP_MODE)
        return error_set(err, FAULT_CONFIG, "message not queued: %s: a file "
                         "there gets mode %o instead of %o", place->path,
                         (unsigned)file.st_mode & 07777, DROP_MODE);
    if (file.st_gid != directory.st_gid)
        return error_set(err, FAULT_CONFIG, "message not queued: %s has lost "
                         "its setgid bit", place->path) ||
               error_remedy(err, "chmod 3733 %s", place->path);
    return true;
}

/* -1 with FAULT_TEMPORARY or FAULT_CONFIG. */
static int open_place(struct drop_place *place, const char *spool,
                      struct error *err)
{
    *place = DROP_PLACE_NONE;
    place->path = alloc_format("%s/drop", spool);
    place->directory = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = place->directory == -1 ? -1 : create_readable_file(place);
    if (fd == -1)
        cannot_store(err, place->path);
    else if (!verify_file(place, fd, err))
        io_close(&fd);
    return fd;
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
    return io_rename_new(place->directory, place->temporary,
                         place->directory, id);
}

/* Whether one sync is enough for the octets and the new name of a file: where
 * `make check-powercut` has shown it. */
static bool has_one_sync(int fd)
{
    static const unsigned long kinds[] = {      /* linux/magic.h */
        0xef53,                                 /* ext4, and those before it */
        0x58465342,                             /* xfs */
        0x9123683e,                             /* btrfs */
    };
    struct statfs status;

    if (fstatfs(fd, &status) == -1)
        return false;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (((unsigned long)status.f_type & 0xffffffff) == kinds[i])
            return true;
    return false;
}

static bool commit_file(struct drop_place *place, int fd, const char *id,
                        struct error *err)
{
    /* A power cut may leave the name without all octets: then END line and
     * checksum are wrong, and it was never committed. */
    if ((!has_one_sync(fd) && fsync(fd) == -1) || !give_name(place, fd, id))
        return cannot_store(err, place->path);

    /* The daemon may see it from here on. The directory cannot be synced, but
     * a file synced after it has its name is found after a power cut. */
    if (fsync(fd) == -1) {
        cannot_store(err, place->path);
        unlinkat(place->directory, id, 0);
        return false;
    }
    return true;
}

/* Removes the temporary name if there is one still. */
static void close_place(struct drop_place *place)
{
    if (place->temporary != NULL)
        unlinkat(place->directory, place->temporary, 0);
    free(place->temporary);
    free(place->path);
    io_close(&place->directory);
    *place = DROP_PLACE_NONE;
}

bool draft_needs_names(const char *spool)
{
    struct drop_place place;
    struct error ignored;
    int fd = open_place(&place, spool, &ignored);
    bool needs = place.temporary != NULL;

    io_close(&fd);
    close_place(&place);
    return needs;
}

static struct draft *draft_new(const char *id)
{
    struct draft *draft = alloc_zero(1, sizeof *draft);

    draft->file = SCRATCH_NONE;
    draft->place = DROP_PLACE_NONE;
    draft->limit = DRAFT_CONTENT_MAX;
    memcpy(draft->id, id, sizeof draft->id);
    buf_init(&draft->pending, BUFFER_SIZE);
    return draft;
}

struct draft *draft_new_report(const char *id, int folder, struct error *err)
{
    struct draft *draft = draft_new(id);

    if (scratch_open_in(&draft->file, folder, err))
        return draft;
    draft_free(draft);
    return NULL;
}

struct draft *draft_new_unnamed(struct error *err)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    return draft_new_report(id, SCRATCH_PLACES, err);
}

struct draft *draft_new_dropped(const char *spool, struct error *err)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    struct draft *draft = draft_new(id);
    draft->file.fd = open_place(&draft->place, spool, err);
    if (draft->file.fd != -1)
        return draft;
    draft_free(draft);
    return NULL;
}

bool draft_commit(struct draft *draft, struct error *err)
{
    return commit_file(&draft->place, draft->file.fd, draft->id, err);
}

void draft_free(struct draft *draft)
{
    if (draft == NULL)
        return;
    scratch_close(&draft->file);
    close_place(&draft->place);
    buf_free(&draft->pending);
    free(draft);
}

const char *draft_id(const struct draft *draft)
{
    return draft->id;
}

static bool write_octets(struct draft *draft, const char *data, size_t length,
                         struct error *err)
{
    return scratch_write(&draft->file, data, length) ||
           cannot_store(err, "write it");
}

static bool flush_pending(struct draft *draft, struct error *err)
{
    bool done = write_octets(draft, draft->pending.data, draft->pending.length,
                             err);

    buf_clear(&draft->pending);
    return done;
}

static bool add_octets(struct draft *draft, const char *data, size_t length,
                       struct error *err)
{
    draft->sum = crc32c(draft->sum, data, length);
    if (length > BUFFER_SIZE - draft->pending.length &&
        !flush_pending(draft, err))
        return false;
    if (length >= BUFFER_SIZE)
        return write_octets(draft, data, length, err);
    buf_add(&draft->pending, data, length);
    return true;
}

void draft_set_uid(struct draft *draft, uid_t uid)
{
    draft->has_uid = true;
    draft->uid = uid;
}

void draft_set_limit(struct draft *draft, uint64_t limit)
{
    draft->limit = limit < DRAFT_CONTENT_MAX ? limit : DRAFT_CONTENT_MAX;
}

static void add_recipient_line(struct buf *out, const struct recipient *rcpt)
{
    const char *notify = notify_text(rcpt->notify);

    buf_add_format(out, "to %s %s %s\n", *notify == '\0' ? "-" : notify,
                   rcpt->original == NULL ? "-" : rcpt->original, rcpt->path);
    if (rcpt->flaw != NULL) {
        buf_add_text(out, "opt-flaw ");
        text_escape(out, rcpt->flaw, strlen(rcpt->flaw));
        buf_add_char(out, '\n');
    }
}

bool draft_envelope(struct draft *draft, const struct envelope *env,
                    struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    const char *from = envelope_reverse_path(env);
    buf_add_format(&text, "postrider %d %s\n", DRAFT_VERSION, draft->id);
    /* The second line, where drop_user() looks for it. */
    if (draft->has_uid)
        buf_add_format(&text, "uid %lu\n", (unsigned long)draft->uid);
    buf_add_format(&text, "from %s\n", from);
    /* The same line again is not a new word: the oldest reader takes it. */
    if (env->from_local)
        buf_add_format(&text, "from %s\n", from);
    for (size_t i = 0; i < env->count; i++)
        add_recipient_line(&text, &env->recipients[i]);
    if (env->dsn_return != RETURN_UNSPECIFIED)
        buf_add_format(&text, "ret %s\n",
                       env->dsn_return == RETURN_FULL ? "full" : "hdrs");
    if (env->envelope_id != NULL)
        buf_add_format(&text, "envid %s\n", env->envelope_id);
    if (env->smarthost != NULL)
        buf_add_format(&text, "smarthost %s\n", env->smarthost);
    if (env->utf8)
        buf_add_text(&text, "utf8\n");
    buf_add_char(&text, '\n');

    bool done = text.length <= DRAFT_ENVELOPE_MAX
                ? add_octets(draft, text.data, text.length, err)
                : error_set(err, FAULT_DATA, "the addresses of all recipients "
                            "have more than %u octets: send several messages",
                            DRAFT_ENVELOPE_MAX);
    draft->head = text.length;
    draft->head_sum = draft->sum;
    buf_free(&text);
    return done;
}

bool draft_add(struct draft *draft, const char *data, size_t length,
               struct error *err)
{
    if (length > draft->limit - draft->content)
        return error_set(err, FAULT_SIZE, "message is larger than "
                         "message_size_limit (%" PRIu64 " octets)",
                         draft->limit);
    draft->content += length;
    return add_octets(draft, data, length, err);
}

bool draft_can_take_back(const struct draft *draft)
{
    return (fcntl(draft->file.fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static bool take_back_pending(struct draft *draft, struct scratch *content)
{
    size_t length = draft->pending.length - (size_t)draft->head;
    bool done = scratch_write(content, draft->pending.data + draft->head,
                              length);

    buf_remove(&draft->pending, (size_t)draft->head, length);
    return done;
}

static bool take_back_file(struct draft *draft, struct scratch *content)
{
    int fd = draft->file.fd;
    bool done = scratch_copy(content, fd, draft->head, draft->content) &&
                ftruncate(fd, (off_t)draft->head) == 0 &&
                lseek(fd, (off_t)draft->head, SEEK_SET) != -1;

    draft->file.length = draft->head;
    return done;
}

bool draft_take_back(struct draft *draft, struct scratch *content,
                     struct error *err)
{
    bool is_pending = draft->file.length == 0;

    *content = SCRATCH_NONE;
    if ((!is_pending && !flush_pending(draft, err)) ||
        !scratch_open(content, err))
        return false;
    if (!(is_pending ? take_back_pending(draft, content)
                     : take_back_file(draft, content)))
        return cannot_store(err, "copy it");
    draft->sum = draft->head_sum;
    draft->content = 0;
    return true;
}

bool draft_end(struct draft *draft, bool is_8bit, struct error *err)
{
    char line[DRAFT_END_LENGTH + 1];

    snprintf(line, sizeof line, "END %020" PRIu64 " %08" PRIx32 " %c\n",
             draft->content, draft->sum, is_8bit ? '8' : '7');
    return add_octets(draft, line, DRAFT_END_LENGTH, err) &&
           flush_pending(draft, err);
}

int draft_descriptor(struct draft *draft)
{
    lseek(draft->file.fd, 0, SEEK_SET);
    return draft->file.fd;
}
