#include "spool/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spool/junk.h"
#include "util/alloc.h"
#include "util/folder.h"
#include "util/log.h"
#include "util/random.h"
#include "util/text.h"

#define ENTRIES_A_CALL 500
#define OWNERS_MAX 256          /* whose names are held at a time */
#define NAMES_MAX 100           /* an owner; the rest is found again later */
#define TEMPORARY_AGE 86400     /* seconds a .t* may have */
#define UNREADABLE_AGE 3600     /* ... what is readable to its owner only */

struct owner {
    uid_t uid;
    size_t count;               /* of names not taken yet */
    char ids[NAMES_MAX][RANDOM_ID_LENGTH + 1];
};

struct drop_scan {
    const struct spool *spool;
    drop_known *known;
    void *context;
    DIR *directory;
    struct owner *owners[OWNERS_MAX];
    size_t count;               /* of owners */
    size_t turn;                /* the owner whose name is next */
    bool left_out;              /* names, for lack of room */
};

struct drop_scan *drop_scan_new(const struct spool *spool, drop_known *known,
                                void *context)
{
    struct drop_scan *scan = alloc_zero(1, sizeof *scan);

    scan->spool = spool;
    scan->known = known;
    scan->context = context;
    return scan;
}

void drop_scan_free(struct drop_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < scan->count; i++)
        free(scan->owners[i]);
    if (scan->directory != NULL)
        closedir(scan->directory);
    free(scan);
}

static struct owner *owner_of(struct drop_scan *scan, uid_t uid)
{
    for (size_t i = 0; i < scan->count; i++)
        if (scan->owners[i]->uid == uid)
            return scan->owners[i];
    if (scan->count == OWNERS_MAX)
        return NULL;
    struct owner *owner = alloc_zero(1, sizeof *owner);
    owner->uid = uid;
    scan->owners[scan->count++] = owner;
    return owner;
}

/* Nobody's names crowd out another's: what is over the bounds stays in the
 * directory, and a later pass finds it. */
static void remember(struct drop_scan *scan, uid_t uid, const char *id)
{
    struct owner *owner = owner_of(scan, uid);

    if (owner == NULL || owner->count == NAMES_MAX) {
        scan->left_out = true;
        return;
    }
    for (size_t i = 0; i < owner->count; i++)
        if (strcmp(owner->ids[i], id) == 0)
            return;
    memcpy(owner->ids[owner->count++], id, RANDOM_ID_LENGTH + 1);
}

static void throw_out(struct drop_scan *scan, const char *name,
                      const struct stat *status, const char *why)
{
    int flags = S_ISDIR(status->st_mode) ? AT_REMOVEDIR : 0;

    /* A directory with something in it cannot be removed by us: it stays. */
    if (unlinkat(scan->spool->drop, name, flags) == 0)
        junk_report(scan->spool->junk, status->st_uid, name, why);
}

static bool is_older(const struct stat *status, time_t age)
{
    time_t changed = status->st_mtime > status->st_ctime ? status->st_mtime
                                                         : status->st_ctime;

    return time(NULL) - changed > age;
}

/* Trying to open what nobody but its owner may read is a waste. */
static bool is_unreadable(const struct stat *status)
{
    uid_t user = geteuid();

    return (status->st_mode & (S_IRGRP | S_IROTH)) == 0 && user != 0 &&
           status->st_uid != user;
}

static void look_at_message(struct drop_scan *scan, const char *id,
                            const struct stat *status)
{
    if (!is_unreadable(status))
        remember(scan, status->st_uid, id);
    else if (is_older(status, UNREADABLE_AGE))
        throw_out(scan, id, status, "it cannot be read");
}

static void look_at(struct drop_scan *scan, const char *name)
{
    struct stat status;

    if (scan->known(scan->context, name) ||
        fstatat(scan->spool->drop, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return;
    if (!S_ISREG(status.st_mode))
        throw_out(scan, name, &status, "no file");
    else if (random_is_id(name))
        look_at_message(scan, name, &status);
    else if (!text_starts(name, ".t"))
        throw_out(scan, name, &status, "no message by its name");
    else if (is_older(&status, TEMPORARY_AGE))
        throw_out(scan, name, &status, "never finished");
}

/* Read in part, it will be read again by the next rescan. */
static void end_pass(struct drop_scan *scan, int number)
{
    closedir(scan->directory);
    scan->directory = NULL;
    if (number != 0)
        log_line(LOG_LEVEL_ERROR, "%s/drop cannot be read: %s: the next "
                 "rescan tries again", scan->spool->path, strerror(number));
}

static bool open_again(struct drop_scan *scan)
{
    scan->directory = folder_open(scan->spool->drop);
    return scan->directory != NULL;
}

bool drop_scan_more(struct drop_scan *scan)
{
    if (scan->directory == NULL) {
        if (!open_again(scan))
            return true;        /* no descriptor now: the next scan will */
        scan->left_out = false;
    }
    for (int i = 0; i < ENTRIES_A_CALL; i++) {
        const char *name = folder_next(scan->directory);
        if (name == NULL) {
            end_pass(scan, errno);
            return true;
        }
        look_at(scan, name);
    }
    return false;
}

bool drop_scan_hint(struct drop_scan *scan, const char *name)
{
    bool before = scan->left_out;

    scan->left_out = false;
    look_at(scan, name);
    bool remembered = !scan->left_out;
    scan->left_out = before || !remembered;
    return remembered;
}

bool drop_scan_left_out(const struct drop_scan *scan)
{
    return scan->left_out;
}

bool drop_scan_waiting(const struct drop_scan *scan)
{
    return scan->count > 0;
}

bool drop_scan_next(struct drop_scan *scan, char *id)
{
    if (scan->count == 0)
        return false;
    scan->turn %= scan->count;
    struct owner *owner = scan->owners[scan->turn];
    memcpy(id, owner->ids[--owner->count], RANDOM_ID_LENGTH + 1);
    if (owner->count > 0) {
        scan->turn++;
        return true;
    }
    free(owner);
    scan->owners[scan->turn] = scan->owners[--scan->count];
    return true;
}
