/* check_spool.c - checks of the spool and of the messages in it */
#include "postrider/check.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "spool/spool.h"
#include "spool/unread.h"
#include "spool/volume.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/random.h"
#include "util/text.h"

#define UNTAKEN_AGE 60          /* seconds: two rescans of the daemon */
#define BUSY_COUNT 256          /* messages; so many may not be stored */

void check_spool(struct check *check)
{
    const char *path = check->config->spool;
    struct error err = { 0 };
    size_t right = 0;

    if (!check->all_seen) {
        check_unseen(check, "owners and modes in %s", path);
        return;
    }
    for (size_t i = 0; i < SPOOL_FOLDERS; i++) {
        if (spool_verify(path, i, &err)) {
            right++;
            continue;
        }
        check_error(check, &err);
        if (access(path, F_OK) == -1)
            break;                      /* the others would fail alike */
    }
    if (right == SPOOL_FOLDERS)
        check_ok(check, "%s", path);
}

/* Its members could read what others have dropped. */
void check_group(struct check *check)
{
    const struct config *config = check->config;
    const struct passwd *user = getpwnam(config->user);
    const struct group *group = user != NULL ? getgrgid(user->pw_gid) : NULL;

    if (user == NULL) {
        char *remedy = alloc_format("useradd --system --user-group "
                                    "--shell /usr/sbin/nologin %s",
                                    config->user);
        check_fail(check, remedy, "user \"%s\" does not exist", config->user);
        free(remedy);
    } else if (group == NULL) {
        check_fail(check, "", "user %s has group %lu, which does not exist",
                   config->user, (unsigned long)user->pw_gid);
    } else if (group->gr_mem[0] != NULL) {
        char *remedy = alloc_format("gpasswd -d %s %s", group->gr_mem[0],
                                    group->gr_name);
        check_fail(check, remedy, "%s is a member of group %s, and could read "
                   "all queued mail", group->gr_mem[0], group->gr_name);
        free(remedy);
    } else {
        check_ok(check, "%s has no members", group->gr_name);
    }
}

static void check_kind(struct check *check, const struct statfs *status)
{
    static const struct {
        unsigned long type;             /* linux/magic.h */
        const char *name;
        const char *trouble;
    } kinds[] = {
        { 0x6969, "NFS", "another machine's trouble stops mail" },
        { 0xff534d42, "CIFS", "owners and modes may not be kept" },
        { 0xfe534d42, "SMB", "owners and modes may not be kept" },
        { 0x01021994, "tmpfs", "queued mail is lost with the next start" },
        { 0x858458f6, "ramfs", "queued mail is lost with the next start" },
    };

    for (size_t i = 0; i < COUNT(kinds); i++)
        if (((unsigned long)status->f_type & 0xffffffff) == kinds[i].type)
            check_warn(check, SPOOL_DISK_REMEDY, "%s is on %s: %s",
                       check->config->spool, kinds[i].name, kinds[i].trouble);
}

static void check_space(struct check *check, const struct statfs *status)
{
    const char *path = check->config->spool;
    uint64_t octets = (uint64_t)status->f_bavail * (uint64_t)status->f_bsize;
    bool has_no_files = status->f_files > 0 && status->f_ffree == 0;
    struct error err;

    if ((status->f_flags & ST_RDONLY) != 0) {
        error_set(&err, FAULT_UNAVAILABLE, "%s is read-only: no mail is "
                  "accepted", path);
        error_remedy(&err, "mount it for writing; the kernel's log has the "
                     "reason");
        check_error(check, &err);
    } else if (octets < VOLUME_FULL || has_no_files) {
        error_set(&err, FAULT_UNAVAILABLE, "%s is full: %" PRIu64 " KB and %"
                  PRIu64 " files are free", path, octets >> 10,
                  (uint64_t)status->f_ffree);
        error_remedy(&err, "make room");
        check_error(check, &err);
    } else if (octets < check->config->message_size_limit) {
        check_warn(check, "make room, or lower message_size_limit", "%s: %"
                   PRIu64 " MB are free", path, octets >> 20);
    }
}

static void check_volume(struct check *check)
{
    struct spool spool;
    struct error err = { 0 };

    if (!check->all_seen ||
        !spool_open(&spool, check->config->spool, false, &err))
        return;                         /* check_spool() has the reason */
    if (!volume_check(&spool, &err))
        check_error(check, &err);
    spool_close(&spool);
}

void check_file_system(struct check *check)
{
    const char *path = check->config->spool;
    size_t before = check->count;
    struct statfs status;

    if (statfs(path, &status) == -1) {
        if (errno == EACCES)
            check_unseen(check, "%s", path);
        return;                         /* check_spool() has the reason */
    }
    check_kind(check, &status);
    check_space(check, &status);
    check_volume(check);
    if (check->count == before)
        check_ok(check, "%s is local, with room", path);
}

/* The daemon replaces the file, so it must be able to write beside it. */
void check_metrics(struct check *check)
{
    const char *path = check->config->metrics;

    if (*path == '\0' || !check->all_seen)
        return;
    char *folder = path_folder(path);
    if (access(folder, W_OK) == 0)
        check_ok(check, "%s", path);
    else
        check_warn(check, "give the daemon's user that folder, or another "
                   "one", "%s cannot be written: %s: %s", path, folder,
                   strerror(errno));
    free(folder);
}

/* How many messages a folder of the spool has. */
static bool count_messages(const char *path, size_t *count, struct error *err)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct strings names = { 0 };

    bool listed = (folder != -1 && folder_list(folder, &names)) ||
                  error_sys(err, FAULT_UNAVAILABLE, "%s", path);
    *count = 0;
    for (size_t i = 0; i < names.count; i++)
        *count += random_is_id(names.items[i]);
    strings_free(&names);
    io_close(&folder);
    return listed;
}

void check_failed(struct check *check)
{
    char *path = alloc_format("%s/failed", check->config->spool);
    struct error err = { 0 };
    size_t count;

    if (!check->all_seen) {
        check_unseen(check, "%s", path);
    } else if (!count_messages(path, &count, &err)) {
        check_error(check, &err);
    } else if (count > 0) {
        error_set(&err, FAULT_UNAVAILABLE, "%s: %zu message%s could neither "
                  "be delivered nor returned", path, count,
                  count == 1 ? "" : "s");
        error_remedy(&err, "look in the log for the reason, and see "
                     "postrider-queue(8) for what can be done");
        check_error(check, &err);
    } else {
        check_ok(check, "no message was given up");
    }
    free(path);
}

struct queue_sum {
    size_t count, held;
    int64_t oldest;             /* seconds since 1970 */
    char *reason;               /* of the oldest; owned */
};

static void add_item(void *context, const struct queue_item *item,
                     bool unattended)
{
    struct queue_sum *sum = context;

    (void)unattended;
    sum->count++;
    sum->held += queue_states[item->state].released_by != NULL;
    if (sum->oldest != 0 && item->received >= sum->oldest)
        return;
    sum->oldest = item->received;
    free(sum->reason);
    sum->reason = alloc_string(item->reason);
}

static void report_queue(struct check *check, const struct queue_sum *sum)
{
    int64_t age = (int64_t)time(NULL) - sum->oldest;
    int64_t limit = check->config->delay_warning / 1000;

    if (sum->count == 0)
        check_ok(check, "empty");
    else if (limit > 0 && age > limit)
        check_warn(check, "mailq shows them, postrider queue flush tries them "
                   "now", "%zu message%s, the oldest since %" PRId64
                   " hours (%s)", sum->count, sum->count == 1 ? "" : "s",
                   age / 3600,
                   *sum->reason != '\0' ? sum->reason : "no attempt yet");
    else if (sum->held > 0)
        check_warn(check, "postrider queue release ID", "%zu of %zu messages "
                   "are held", sum->held, sum->count);
    else
        check_ok(check, "%zu message%s", sum->count,
                 sum->count == 1 ? "" : "s");
}

void check_queue(struct check *check)
{
    struct queue_sum sum = { 0 };
    const struct listing_reader reader = { .visit = add_item,
                                           .context = &sum };
    struct error err;

    if (!check->all_seen)
        check_unseen(check, "the mail of others");
    else if (listing_each(check->config->control, check->config->spool,
                          &reader, &err))
        report_queue(check, &sum);
    else if (err.fault != FAULT_UNAVAILABLE)    /* check_spool() reports it */
        check_error(check, &err);
    free(sum.reason);
}

/* The messages in drop/ and queue/, as the daemon could see it. */
struct looker {
    struct spool spool;
    struct strings listed;      /* by the daemon */
    struct unread unread;
    size_t untaken;
};

static void note_listed(void *context, const struct queue_item *item,
                        bool unattended)
{
    (void)unattended;
    strings_add(&((struct looker *)context)->listed, item->id);
}

static void look_at_file(struct looker *looker, int folder, const char *name)
{
    struct error err;
    struct stat status;

    if (!random_is_id(name) ||
        fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == -1 ||
        !S_ISREG(status.st_mode))
        return;
    if (faccessat(folder, name, R_OK, 0) == -1 && errno == EACCES) {
        if (folder != looker->spool.drop ||
            !unread_is_closed(&looker->spool, &status)) {
            unread_explain(&looker->spool, folder, name, &err);
            unread_add(&looker->unread, &err);
        }
    } else if (folder == looker->spool.drop &&
               time(NULL) - status.st_ctime > UNTAKEN_AGE &&
               !strings_has(&looker->listed, name)) {
        looker->untaken++;
    }
}

static bool look_at_folder(struct looker *looker, int folder,
                           struct error *err)
{
    struct strings names = { 0 };

    bool listed = folder_list(folder, &names) ||
                  error_sys(err, FAULT_UNAVAILABLE, "%s",
                            looker->spool.path);
    for (size_t i = 0; listed && i < names.count; i++)
        look_at_file(looker, folder, names.items[i]);
    strings_free(&names);
    return listed;
}

static void report_looker(struct check *check, const struct looker *looker,
                          bool has_daemon)
{
    struct error err;

    for (size_t i = 0; i < UNREAD_KINDS; i++)
        if (looker->unread.count[i] > 0) {
            err = *looker->unread.example[i];
            err.fault = FAULT_UNAVAILABLE;
            error_prefix(&err, "%zu message%s cannot be read",
                         looker->unread.count[i],
                         looker->unread.count[i] == 1 ? "" : "s");
            check_error(check, &err);
        }
    /* One that is busy takes no more than it can hold. */
    if (has_daemon && looker->untaken > 0 &&
        looker->listed.count < BUSY_COUNT) {
        error_set(&err, FAULT_UNAVAILABLE, "%s/drop: %zu message%s longer "
                  "than a minute, and the daemon has not taken %s",
                  check->config->spool, looker->untaken,
                  looker->untaken == 1 ? " has been there"
                                        : "s have been there",
                  looker->untaken == 1 ? "it" : "them");
        error_remedy(&err, "systemctl reload postrider, or send SIGHUP to it");
        check_error(check, &err);
    }
}

void check_unread(struct check *check)
{
    const struct config *config = check->config;
    struct looker looker = { 0 };
    const struct listing_reader reader = { .visit = note_listed,
                                           .context = &looker };
    size_t before = check->count;
    struct error err;

    /* check_spool() has reported that this user may not look. */
    if (!check->all_seen)
        return;
    if (!spool_open(&looker.spool, config->spool, false, &err))
        return;                         /* check_spool() has the reason */
    int fd = client_connect(config->control, &err);
    bool has_daemon = fd != -1;
    io_close(&fd);
    if (has_daemon && !listing_each(config->control, config->spool, &reader,
                                    &err))
        has_daemon = false;
    if (!look_at_folder(&looker, looker.spool.drop, &err) ||
        !look_at_folder(&looker, looker.spool.queue, &err))
        check_error(check, &err);
    report_looker(check, &looker, has_daemon);
    if (check->count == before)
        check_ok(check, "all messages can be read");
    strings_free(&looker.listed);
    unread_clear(&looker.unread);
    spool_close(&looker.spool);
}
