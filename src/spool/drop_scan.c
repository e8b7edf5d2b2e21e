#include "spool/drop_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spool/drop.h"
#include "spool/junk.h"
#include "spool/unread.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"
#include "util/random.h"
#include "util/text.h"

#define ENTRIES_A_CALL 500
#define OWNERS_MAX 256          /* whose names are remembered at a time */
#define NAMES_MAX 100           /* an owner; the rest is found again later */
#define ASIDE_MAX 1000          /* names that could not be taken */
#define TEMPORARY_AGE 86400     /* seconds a .t* may have */
#define STEP 60                 /* ... by which a clock is set, not adjusted */

struct owner {
    uid_t uid;
    size_t count;               /* of names not taken yet */
    size_t large;               /* of them: the first ones */
    bool was_full;              /* it may have more names in the directory, */
    bool left_out;              /* and has some */
    char ids[NAMES_MAX][RANDOM_ID_LENGTH + 1];
};

/* A name that could not be taken. It stays out of the way of others until the
 * next rescan. */
struct aside {
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    bool due;                   /* to be tried again */
    bool seen;                  /* in this pass, or since it began */
};

struct drop_scan {
    const struct spool *spool;
    drop_known *known;
    drop_room *room;
    void *context;
    DIR *directory;
    struct owner *owners[OWNERS_MAX];
    size_t count;               /* of owners */
    size_t turn;                /* the owner whose name is next */
    uid_t first;                /* with more owners than places, turns of
                                 * passes begin with this uid, and go up */
    uid_t next_first;           /* as above, of the next pass, */
    bool owner_left_out;        /* if one was */
    bool left_out;              /* names, for lack of room: */
    size_t left;                /* so many as the last whole pass found, less
                                 * those that were remembered since; */
    size_t leaving;             /* and so far in this one */
    bool lacks_places;          /* names of owners who have no place */
    bool refills;               /* this pass is only for those who are hungry */
    uid_t hungry[OWNERS_MAX];   /* owners who were full and have run out, */
    size_t hungry_count;
    size_t hungry_before;       /* the first ones before this pass began */
    struct aside *aside;
    size_t aside_count;
    struct unread refused;      /* what we may not open, at the last whole
                                 * pass; and so far in this one */
    struct unread counting;
    int64_t clock_offset;       /* seconds: wall clock less monotonic */
    int64_t clock_set;          /* when that was set, monotonic; 0: never */
};

static int64_t clock_offset(void)
{
    return (int64_t)time(NULL) - clock_now() / 1000;
}

struct drop_scan *drop_scan_new(const struct spool *spool, drop_known *known,
                                drop_room *room, void *context)
{
    struct drop_scan *scan = alloc_zero(1, sizeof *scan);

    scan->spool = spool;
    scan->known = known;
    scan->room = room;
    scan->context = context;
    scan->aside = alloc_zero(ASIDE_MAX, sizeof *scan->aside);
    scan->clock_offset = clock_offset();
    return scan;
}

static void close_directory(struct drop_scan *scan)
{
    if (scan->directory != NULL)
        closedir(scan->directory);
    scan->directory = NULL;
}

void drop_scan_free(struct drop_scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < scan->count; i++)
        free(scan->owners[i]);
    close_directory(scan);
    unread_clear(&scan->refused);
    unread_clear(&scan->counting);
    free(scan->aside);
    free(scan);
}

static bool has_room(const struct drop_scan *scan, uid_t uid, bool large)
{
    return scan->room == NULL || scan->room(scan->context, uid, large);
}

/* How many uids come before this one in this pass. */
static uid_t rank_of(const struct drop_scan *scan, uid_t uid)
{
    return uid - scan->first;
}

/* An owner who has room waits for a later pass: the next one begins with the
 * first of them. */
static void note_owner_left_out(struct drop_scan *scan, uid_t uid)
{
    if (!scan->owner_left_out ||
        rank_of(scan, uid) < rank_of(scan, scan->next_first))
        scan->next_first = uid;
    scan->owner_left_out = true;
}

/* All places are taken. One for this owner, who has room: that of an owner who
 * has none, or of the last one in this pass. NULL: that is this owner. */
static struct owner **make_place(struct drop_scan *scan, uid_t uid)
{
    struct owner **last = &scan->owners[0];

    for (size_t i = 0; i < scan->count; i++) {
        struct owner **place = &scan->owners[i];
        if (!has_room(scan, (*place)->uid, false))
            return place;
        if (rank_of(scan, (*place)->uid) > rank_of(scan, (*last)->uid))
            last = place;
    }
    bool is_before = rank_of(scan, uid) < rank_of(scan, (*last)->uid);
    note_owner_left_out(scan, is_before ? (*last)->uid : uid);
    return is_before ? last : NULL;
}

static size_t find_hungry(const struct drop_scan *scan, uid_t uid)
{
    size_t place = 0;

    while (place < scan->hungry_count && scan->hungry[place] != uid)
        place++;
    return place;
}

static void note_hungry(struct drop_scan *scan, uid_t uid)
{
    if (scan->hungry_count < OWNERS_MAX &&
        find_hungry(scan, uid) == scan->hungry_count)
        scan->hungry[scan->hungry_count++] = uid;
}

/* So many, from place on. */
static void drop_hungry(struct drop_scan *scan, size_t place, size_t count)
{
    scan->hungry_count -= count;
    memmove(&scan->hungry[place], &scan->hungry[place + count],
            (scan->hungry_count - place) * sizeof scan->hungry[0]);
}

static void note_fed(struct drop_scan *scan, uid_t uid)
{
    size_t place = find_hungry(scan, uid);

    if (place == scan->hungry_count)
        return;
    drop_hungry(scan, place, 1);
    if (place < scan->hungry_before)
        scan->hungry_before--;
}

/* NULL: there is no place for this owner in this pass. */
static struct owner *owner_of(struct drop_scan *scan, uid_t uid)
{
    struct owner **place;

    for (size_t i = 0; i < scan->count; i++)
        if (scan->owners[i]->uid == uid)
            return scan->owners[i];
    if (scan->count < OWNERS_MAX) {
        place = &scan->owners[scan->count++];
    } else {
        scan->left_out = scan->lacks_places = true;
        place = has_room(scan, uid, false) ? make_place(scan, uid) : NULL;
        if (place == NULL)
            return NULL;
        free(*place);
    }
    *place = alloc_zero(1, sizeof **place);
    (*place)->uid = uid;
    return *place;
}

static void count_left(struct drop_scan *scan, bool remembered)
{
    if (!scan->refills)
        scan->leaving += !remembered;
    else if (remembered && scan->left > 0)
        scan->left--;
}

/* No owner's names crowd out another's: what is over the bounds stays in the
 * directory, and a pass finds it when those that were held are dealt with. */
static void remember_name(struct drop_scan *scan, const struct stat *status,
                          const char *id)
{
    struct owner *owner = owner_of(scan, drop_user(scan->spool, id, status));

    for (size_t i = 0; owner != NULL && i < owner->count; i++)
        if (strcmp(owner->ids[i], id) == 0)
            return;
    bool fits = owner != NULL && owner->count < NAMES_MAX;
    count_left(scan, fits);
    if (owner != NULL && !fits)
        owner->left_out = true;
    if (!fits)
        return;
    size_t place = owner->count++;
    if (status->st_size > DROP_LARGE) {
        memcpy(owner->ids[place], owner->ids[owner->large],
               RANDOM_ID_LENGTH + 1);
        place = owner->large++;
    }
    memcpy(owner->ids[place], id, RANDOM_ID_LENGTH + 1);
    if (owner->count == NAMES_MAX) {
        owner->was_full = true;
        note_fed(scan, owner->uid);
    }
}

static void remove_junk(struct drop_scan *scan, const char *name,
                        const struct stat *status, const char *why)
{
    int flags = S_ISDIR(status->st_mode) ? AT_REMOVEDIR : 0;

    /* A directory with something in it cannot be removed by us: it stays. */
    if (unlinkat(scan->spool->drop, name, flags) == 0)
        junk_report(scan->spool->junk, status->st_uid, name, why,
                    clock_now());
}

static bool is_older(const struct stat *status, time_t age)
{
    time_t changed = status->st_mtime > status->st_ctime ? status->st_mtime
                                                         : status->st_ctime;

    return time(NULL) - changed > age;
}

/* A .t* may be a message that is being written: when the clock is set, or the
 * machine wakes, it is older all at once. */
static bool is_abandoned(struct drop_scan *scan, const struct stat *status)
{
    int64_t offset = clock_offset();
    int64_t now = clock_now() / 1000;

    if (offset > scan->clock_offset + STEP ||
        offset < scan->clock_offset - STEP) {
        scan->clock_offset = offset;
        scan->clock_set = now;
    }
    return is_older(status, TEMPORARY_AGE) &&
           (scan->clock_set == 0 || now - scan->clock_set > TEMPORARY_AGE);
}

static struct aside *find_aside(const struct drop_scan *scan, const char *id)
{
    for (size_t i = 0; i < scan->aside_count; i++)
        if (strcmp(scan->aside[i].id, id) == 0)
            return &scan->aside[i];
    return NULL;
}

/* Asked first, so that any number of files that we may not open neither takes
 * the room of others nor is opened in vain. EPERM is not an answer: a filter
 * that is older than the call gives it. */
static void look_at_message(struct drop_scan *scan, const char *id,
                            const struct stat *status)
{
    struct aside *aside = find_aside(scan, id);
    struct error err;

    if (aside != NULL)
        aside->seen = true;
    if (aside != NULL && !aside->due)
        return;
    if (faccessat(scan->spool->drop, id, R_OK, 0) == 0 || errno != EACCES) {
        remember_name(scan, status, id);
        return;
    }
    if (!unread_is_closed(scan->spool, status)) {
        errno = EACCES;
        unread_explain(scan->spool, scan->spool->drop, id, &err);
        unread_add(&scan->counting, &err);
        drop_scan_forget(scan, id);
    } else if (is_older(status, UNREAD_CLOSED_AGE)) {
        remove_junk(scan, id, status, "it cannot be read");
    }
}

static void look_at_name(struct drop_scan *scan, const char *name)
{
    struct stat status;

    if (scan->known(scan->context, name) ||
        fstatat(scan->spool->drop, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
        return;
    if (!S_ISREG(status.st_mode))
        remove_junk(scan, name, &status, "not a regular file");
    else if (random_is_id(name))
        look_at_message(scan, name, &status);
    else if (!text_starts(name, ".t"))
        remove_junk(scan, name, &status, "its name is not a queue-id");
    else if (is_abandoned(scan, &status))
        remove_junk(scan, name, &status, "never finished");
}

/* Names that were set aside and are gone are forgotten. */
static void forget_gone(struct drop_scan *scan)
{
    size_t kept = 0;

    for (size_t i = 0; i < scan->aside_count; i++)
        if (scan->aside[i].seen) {
            scan->aside[kept] = scan->aside[i];
            scan->aside[kept++].seen = false;
        }
    scan->aside_count = kept;
}

/* Read in part, it will be read again by the next rescan. */
static void end_pass(struct drop_scan *scan, int number)
{
    close_directory(scan);
    /* It has met all that those had left. */
    drop_hungry(scan, 0, scan->hungry_before);
    if (number != 0) {
        log_line(LOG_LEVEL_ERROR, "%s/drop cannot be read: %s: the next "
                 "rescan tries again", scan->spool->path, strerror(number));
        return;
    }
    forget_gone(scan);
    if (!scan->refills)
        scan->left = scan->leaving;
    scan->leaving = 0;
    unread_clear(&scan->refused);
    scan->refused = scan->counting;
    scan->counting = (struct unread){ 0 };
}

static bool begin_pass(struct drop_scan *scan)
{
    scan->directory = folder_open(scan->spool->drop);
    if (scan->directory == NULL)
        return false;           /* no descriptor now: the next scan will */
    scan->left_out = scan->lacks_places = false;
    scan->hungry_before = scan->hungry_count;
    if (scan->owner_left_out)
        scan->first = scan->next_first;
    scan->owner_left_out = false;
    scan->leaving = 0;
    unread_clear(&scan->counting);
    for (size_t i = 0; i < scan->aside_count; i++)
        scan->aside[i].seen = false;
    return true;
}

/* True at the end of the directory. */
static bool read_on(struct drop_scan *scan)
{
    if (scan->directory == NULL && !begin_pass(scan))
        return true;
    for (int i = 0; i < ENTRIES_A_CALL && !drop_scan_rests(scan); i++) {
        const char *name = folder_next(scan->directory);
        if (name == NULL) {
            end_pass(scan, errno);
            return true;
        }
        look_at_name(scan, name);
    }
    return false;
}

bool drop_scan_more(struct drop_scan *scan)
{
    if (scan->refills)
        close_directory(scan);
    scan->refills = false;
    return read_on(scan);
}

bool drop_scan_refill(struct drop_scan *scan)
{
    if (scan->directory == NULL)
        scan->refills = scan->hungry_count > 0 && !scan->lacks_places;
    return read_on(scan);
}

bool drop_scan_rests(const struct drop_scan *scan)
{
    return scan->refills && scan->directory != NULL &&
           scan->hungry_count == 0 && !scan->lacks_places;
}

bool drop_scan_hint(struct drop_scan *scan, const char *name)
{
    bool before = scan->left_out;
    struct unread counting = scan->counting;

    scan->left_out = false;
    scan->counting = (struct unread){ 0 };
    look_at_name(scan, name);
    /* Files that may not be opened are counted by a pass. */
    bool remembered = !scan->left_out && unread_count(&scan->counting) == 0;
    unread_clear(&scan->counting);
    scan->counting = counting;
    scan->left_out = before || !remembered;
    return remembered;
}

bool drop_scan_set_aside(struct drop_scan *scan, const char *id,
                         const struct error *err)
{
    struct aside *aside = find_aside(scan, id);

    if (aside == NULL && scan->aside_count == ASIDE_MAX)
        return false;
    if (aside == NULL)
        aside = &scan->aside[scan->aside_count++];
    *aside = (struct aside){ .err = *err, .seen = true };
    memcpy(aside->id, id, sizeof aside->id);
    return true;
}

void drop_scan_forget(struct drop_scan *scan, const char *id)
{
    struct aside *aside = find_aside(scan, id);

    if (aside != NULL)
        *aside = scan->aside[--scan->aside_count];
}

void drop_scan_retry(struct drop_scan *scan)
{
    for (size_t i = 0; i < scan->aside_count; i++)
        scan->aside[i].due = scan->aside[i].err.fault != FAULT_NEWER;
}

void drop_scan_unread(const struct drop_scan *scan, struct unread *unread)
{
    unread_copy(unread, &scan->refused);
    for (size_t i = 0; i < scan->aside_count; i++)
        unread_add(unread, &scan->aside[i].err);
}

size_t drop_scan_count(const struct drop_scan *scan)
{
    size_t count = scan->left > scan->leaving ? scan->left : scan->leaving;

    for (size_t i = 0; i < scan->count; i++)
        count += scan->owners[i]->count;
    return count;
}

bool drop_scan_left_out(const struct drop_scan *scan)
{
    return scan->left_out;
}

/* May the name that is next of this owner be taken now? */
static bool may_be_next(const struct drop_scan *scan,
                        const struct owner *owner)
{
    return has_room(scan, owner->uid, owner->count == owner->large);
}

bool drop_scan_waiting(const struct drop_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        if (may_be_next(scan, scan->owners[i]))
            return true;
    return false;
}

static void take_name(struct drop_scan *scan, char *id)
{
    struct owner *owner = scan->owners[scan->turn];

    memcpy(id, owner->ids[--owner->count], RANDOM_ID_LENGTH + 1);
    if (owner->large > owner->count)
        owner->large = owner->count;
    if (owner->count > 0) {
        scan->turn++;
        return;
    }
    scan->left_out |= owner->left_out;
    if (owner->was_full)
        note_hungry(scan, owner->uid);
    free(owner);
    scan->owners[scan->turn] = scan->owners[--scan->count];
}

bool drop_scan_next(struct drop_scan *scan, char *id)
{
    for (size_t tries = scan->count; tries > 0; tries--) {
        scan->turn %= scan->count;
        if (may_be_next(scan, scan->owners[scan->turn])) {
            take_name(scan, id);
            return true;
        }
        scan->turn++;
    }
    return false;
}
