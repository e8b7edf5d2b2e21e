#include "relay/shares.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/message.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/spool.h"
#include "util/alloc.h"
#include "util/file.h"
#include "util/random.h"
#include "util/strings.h"

#define BUCKETS 256
#define OTHER_FILES 64          /* descriptors that are for other things */

struct amount {
    size_t count;               /* of messages */
    uint64_t octets;
};

/* For a user, and for all users together. Queued messages take memory, too:
 * many uids, which may be those of one person, must not have it all. */
static const struct {
    struct amount share;
    struct amount all;
    size_t least;               /* messages that a user may have all the same */
} bounds[SHARE_KINDS] = {
    [SHARE_MEMORY] = { { 128, 16u << 20 }, { 256, 64u << 20 }, 0 },
    [SHARE_QUEUE] = { { 50000, 2ull << 30 }, { 300000, UINT64_MAX }, 1 },
    [SHARE_FAILED] = { { 1000, 256u << 20 }, { SIZE_MAX, UINT64_MAX }, 0 },
};

struct share {
    uid_t uid;
    struct amount used[SHARE_KINDS];
    struct share *next;         /* in the same bucket */
};

struct shares {
    struct share *buckets[BUCKETS];     /* of users that have anything */
    struct amount all[SHARE_KINDS];
    size_t expected[SHARE_KINDS];       /* messages still to be added */
    size_t most_in_memory;              /* with the descriptors that we have */
};

/* Each message in memory takes two descriptors, its copy's and that of drop/ID:
 * where few are allowed, workers and sockets must have some, too. */
static size_t most_in_memory(void)
{
    struct rlimit files;
    size_t most = bounds[SHARE_MEMORY].all.count;

    if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
        files.rlim_cur >= 2 * most + OTHER_FILES)
        return most;
    return files.rlim_cur > OTHER_FILES + 8
           ? (size_t)(files.rlim_cur - OTHER_FILES) / 2 : 4;
}

struct shares *shares_new(void)
{
    struct shares *shares = alloc_zero(1, sizeof *shares);

    shares->most_in_memory = most_in_memory();
    return shares;
}

void shares_free(struct shares *shares)
{
    for (size_t i = 0; shares != NULL && i < BUCKETS; i++)
        while (shares->buckets[i] != NULL) {
            struct share *next = shares->buckets[i]->next;
            free(shares->buckets[i]);
            shares->buckets[i] = next;
        }
    free(shares);
}

/* Where the share of a user is linked, or would be. */
static struct share **find(struct shares *shares, uid_t uid)
{
    struct share **link = &shares->buckets[uid % BUCKETS];

    while (*link != NULL && (*link)->uid != uid)
        link = &(*link)->next;
    return link;
}

void shares_add(struct shares *shares, enum share_kind kind, uid_t uid,
                uint64_t octets)
{
    struct share **link = find(shares, uid);

    if (*link == NULL) {
        *link = alloc_zero(1, sizeof **link);
        (*link)->uid = uid;
    }
    (*link)->used[kind].count++;
    (*link)->used[kind].octets += octets;
    shares->all[kind].count++;
    shares->all[kind].octets += octets;
}

/* Forget a user who has nothing. False: they have something. */
static bool tidy(struct share **link)
{
    struct share *share = *link;

    for (size_t i = 0; i < SHARE_KINDS; i++)
        if (share->used[i].count > 0)
            return false;
    *link = share->next;
    free(share);
    return true;
}

void shares_remove(struct shares *shares, enum share_kind kind, uid_t uid,
                   uint64_t octets)
{
    struct share **link = find(shares, uid);
    struct share *share = *link;

    assert(share != NULL);      /* it was added with shares_add() */
    share->used[kind].count--;
    share->used[kind].octets -= octets;
    shares->all[kind].count--;
    shares->all[kind].octets -= octets;
    tidy(link);
}

void shares_expect(struct shares *shares, enum share_kind kind, size_t count)
{
    shares->expected[kind] = count;
}

void shares_clear(struct shares *shares, enum share_kind kind)
{
    shares->all[kind] = (struct amount){ 0 };
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct share **link = &shares->buckets[i]; *link != NULL;) {
            (*link)->used[kind] = (struct amount){ 0 };
            if (!tidy(link))
                link = &(*link)->next;
        }
}

static bool is_below(const struct amount *used, const struct amount *bound)
{
    return used->count < bound->count && used->octets < bound->octets;
}

/* NULL: the user has nothing. */
static const struct share *share_of(const struct shares *shares, uid_t uid)
{
    const struct share *share = shares->buckets[uid % BUCKETS];

    while (share != NULL && share->uid != uid)
        share = share->next;
    return share;
}

bool shares_are_full(const struct shares *shares, enum share_kind kind)
{
    struct amount used = shares->all[kind];

    used.count += shares->expected[kind];
    return !is_below(&used, &bounds[kind].all) ||
           (kind == SHARE_MEMORY && used.count >= shares->most_in_memory);
}

bool shares_have_room(const struct shares *shares, enum share_kind kind,
                      uid_t uid)
{
    static const struct share none = { 0 };
    const struct share *share = share_of(shares, uid);

    if (kind != SHARE_MEMORY && (uid == 0 || uid == geteuid()))
        return true;
    if (share == NULL)
        share = &none;
    return shares_are_full(shares, kind)
           ? share->used[kind].count < bounds[kind].least
           : is_below(&share->used[kind], &bounds[kind].share);
}

size_t shares_count(const struct shares *shares, enum share_kind kind)
{
    return shares->all[kind].count;
}

bool shares_crowd_out(const struct shares *shares, enum share_kind kind,
                      uid_t uid)
{
    const struct share *share = share_of(shares, uid);

    return shares_are_full(shares, kind) &&
           (share == NULL || share->used[kind].count == 0);
}

/* --- What users ask for. --- */

static struct asker *nth(struct askers *askers, size_t n)
{
    return &askers->items[(askers->first + n) % ASKERS_MAX];
}

static void forget_old(struct askers *askers, int64_t now)
{
    while (askers->count > 0 && nth(askers, 0)->when <= now - ASKERS_TIME) {
        askers->first = (askers->first + 1) % ASKERS_MAX;
        askers->count--;
    }
}

int64_t askers_note(struct askers *askers, uid_t uid, int64_t now)
{
    forget_old(askers, now);
    for (size_t i = 0; i < askers->count; i++)
        if (nth(askers, i)->uid == uid)
            return nth(askers, i)->when + ASKERS_TIME - now;
    if (askers->count == ASKERS_MAX)
        return nth(askers, 0)->when + ASKERS_TIME - now;
    *nth(askers, askers->count++) = (struct asker){ uid, now };
    return 0;
}

/* --- What is in failed/. --- */

/* Remember when the folder changed last. True: it has since the last call. */
static bool remember_change(struct failed *failed)
{
    struct timespec *seen = &failed->changed;
    struct stat status;

    if (fstat(failed->spool->failed, &status) == -1 ||
        (status.st_mtim.tv_sec == seen->tv_sec &&
         status.st_mtim.tv_nsec == seen->tv_nsec))
        return false;
    *seen = status.st_mtim;
    return true;
}

/* Of the message and its state. */
static uint64_t octets_of(const struct failed *failed, const char *id)
{
    char *state = alloc_format("%s.state", id);
    struct stat status;
    uint64_t octets = 0;

    if (fstatat(failed->spool->failed, id, &status, AT_SYMLINK_NOFOLLOW) == 0)
        octets += (uint64_t)status.st_size;
    if (fstatat(failed->spool->failed, state, &status,
                AT_SYMLINK_NOFOLLOW) == 0)
        octets += (uint64_t)status.st_size;
    free(state);
    return octets;
}

/* An envelope may be long: it is read of what the daemon wrote, to know for
 * whom. The descriptor is closed. */
static bool find_owner(int fd, const char *id, uid_t *owner)
{
    struct error err;
    bool found = entry_read_sender(fd, owner);

    if (!found || *owner != geteuid()) {
        close(fd);
        return found;
    }
    struct entry *entry = entry_reopen(fd, id, &err);
    if (entry != NULL)
        *owner = entry_user(entry, *owner);
    entry_free(entry);
    return entry != NULL;
}

/* A file that cannot be read counts for no user: no user can make it so. */
static void count_message(struct failed *failed, const char *id)
{
    int fd = openat(failed->spool->failed, id, O_RDONLY | O_NOFOLLOW |
                    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    uid_t owner;

    if (fd != -1 && find_owner(fd, id, &owner))
        shares_add(failed->shares, SHARE_FAILED, owner,
                   octets_of(failed, id));
}

bool failed_count(struct failed *failed)
{
    struct strings names = { 0 };

    if (!remember_change(failed))
        return false;
    bool listed = folder_list(failed->spool->failed, &names);
    if (listed)
        shares_clear(failed->shares, SHARE_FAILED);
    else
        failed->changed = (struct timespec){ 0 };       /* try again */
    for (size_t i = 0; listed && i < names.count; i++)
        if (random_is_id(names.items[i]))
            count_message(failed, names.items[i]);
    strings_free(&names);
    return listed;
}

bool failed_has_room(const struct failed *failed,
                     const struct message *message)
{
    return shares_have_room(failed->shares, SHARE_FAILED, message->owner);
}

bool failed_take(struct failed *failed, const struct message *message,
                 struct error *err)
{
    if (!queue_fail(failed->spool, message->id, err))
        return false;
    shares_add(failed->shares, SHARE_FAILED, message->owner, message->octets);
    remember_change(failed);
    return true;
}

size_t failed_messages(const struct failed *failed)
{
    struct strings names = { 0 };
    size_t count = 0;

    (void)folder_list(failed->spool->failed, &names);
    for (size_t i = 0; i < names.count; i++)
        count += random_is_id(names.items[i]);
    strings_free(&names);
    return count;
}
