#include "relay/placement.h"

#include <signal.h>

#include "relay/launch.h"
#include "relay/worker_pool.h"
#include "relay/worker_slot.h"
#include "util/clock.h"
#include "util/log.h"

#define BUSY 4                  /* jobs with all workers before one more is
                                 * started */
#define SILENT_MAX 4            /* connections that are opened, where none
                                 * is open and none answers */
#define ORPHAN_TIME 1000        /* between looks at workers of a daemon that was
                                 * killed */
#define RENEW_TIME_MAX 60000    /* between attempts to find a connection that
                                 * answers, where all are silent */
#define SPARE_FROM 3            /* connections, for one to be spared */

int64_t placement_cost(const struct workers *pool, uid_t uid, uint64_t octets)
{
    int64_t cost = durations_expect(&pool->durations, uid, octets);

    return cost == DURATIONS_UNKNOWN ? WORKER_TIME * 1000 : cost;
}

struct worker_slot *placement_choose(const struct workers *pool, int64_t now)
{
    struct worker_slot *best = NULL;

    for (size_t i = 0; i < pool->count; i++) {
        struct worker_slot *slot = pool->slots[i];
        if (slot_has_room(slot, now) &&
            (best == NULL || slot->count < best->count))
            best = slot;
    }
    return best;
}

/*
 * The youngest worker without a session yet: it can make room for another one.
 * The oldest of them is kept, for the full time that a slow smarthost may take,
 * unless a session is open: then the smarthost is not slow. NULL: none, or one
 * is about to go.
 */
static struct worker_slot *find_spare(const struct workers *pool)
{
    struct worker_slot *youngest = NULL;
    size_t opening = 0, open = 0;

    for (size_t i = 0; i < pool->count; i++) {
        struct worker_slot *slot = pool->slots[i];
        if (slot->leaves)
            return NULL;
        if (!slot_is_there(slot))
            continue;
        open += slot->open;
        opening += !slot->open;
        if (!slot->open &&
            (youngest == NULL || slot->started >= youngest->started))
            youngest = slot;
    }
    return open > 0 || opening > 1 ? youngest : NULL;
}

/* When that may be done: they are all late, and a smarthost that is dead gets
 * fewer and fewer connections. */
static int64_t renew_at(const struct workers *pool)
{
    int64_t delay = SLOT_OPENING_TIME;

    for (unsigned i = 0; i < pool->renewals && delay < RENEW_TIME_MAX; i++)
        delay *= 2;
    return pool->started + clock_earlier(delay, RENEW_TIME_MAX);
}

size_t placement_standing(const struct workers *pool,
                          const struct worker_slot *apart)
{
    size_t count = 0;

    for (size_t i = 0; i < pool->count; i++)
        count += pool->slots[i] != apart && pool->slots[i]->open &&
                 slot_is_there(pool->slots[i]);
    return count;
}

static size_t difference(size_t limit, size_t count)
{
    return count < limit ? limit - count : 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many more connections there may be now. As long as none is open, those
 * that are silent leave room for a few others. A worker that has ended, and
 * waits for its journal to be read, has no connection. */
static size_t room(const struct workers *pool, int64_t now)
{
    size_t count = pool->orphan_count, late = 0;
    size_t stand = placement_standing(pool, NULL);
    size_t limit = concurrency_limit(&pool->concurrency, stand, now);
    size_t most = pool->concurrency.most;

    for (size_t i = 0; i < pool->count; i++) {
        const struct worker_slot *slot = pool->slots[i];
        count += !slot->reaped;
        late += stand == 0 && !slot->reaped && !slot->open &&
                now >= slot_late_at(slot);
    }
    size_t more = difference(limit, count - late);
    if (late > 0)
        more = smaller(more, difference(smaller(most, SILENT_MAX), count));
    return smaller(more, difference(most, pool->count));
}

static bool may_start(const struct workers *pool, int64_t now)
{
    return now >= pool->hold &&
           (room(pool, now) > 0 ||
            (now >= renew_at(pool) && find_spare(pool) != NULL));
}

/* How many more there can be later. */
static size_t prospect(const struct workers *pool, int64_t now)
{
    if (now < pool->hold)
        return 0;
    return difference(concurrency_ceiling(&pool->concurrency),
                      pool->count + pool->orphan_count);
}

bool placement_make_room(struct workers *pool, int64_t now)
{
    if (room(pool, now) > 0)
        return false;
    struct worker_slot *spare = find_spare(pool);
    log_line(LOG_LEVEL_INFO, "smarthost %s: a connection is silent while it is "
             "opened: another one is tried", pool->name);
    launch_signal(pool->launch, spare->pid, SIGTERM);
    spare->leaves = true;
    pool->renewals++;
    return true;
}

static bool has_outside(const struct workers *pool, uid_t uid)
{
    for (size_t i = 0; i < pool->count; i++)
        if (slot_has_job_of(pool->slots[i], uid))
            return true;
    return false;
}

/* Has the user a message with a worker that does not answer? */
static bool waits_for_late(const struct workers *pool, uid_t uid, int64_t now)
{
    for (size_t i = 0; i < pool->count; i++)
        if (now >= slot_late_at(pool->slots[i]) &&
            slot_has_job_of(pool->slots[i], uid))
            return true;
    return false;
}

bool placement_allows(const struct workers *pool, uid_t uid, uint64_t octets,
                      int64_t now)
{
    size_t quick = prospect(pool, now);

    for (size_t i = 0; i < pool->count; i++)
        quick += slot_is_quick(pool->slots[i], now);
    if (quick > 1 || !has_outside(pool, uid) ||
        concurrency_ceiling(&pool->concurrency) < SPARE_FROM)
        return true;
    return placement_cost(pool, uid, octets) < WORKER_TIME * 1000 &&
           !waits_for_late(pool, uid, now);
}

/* How many more jobs the workers will have begun when another one is ready. */
static size_t capacity(const struct workers *pool, int64_t now)
{
    bool slow = pool->durations.any >= WORKER_TIME * 1000;
    bool saturated = concurrency_is_saturated(&pool->concurrency);
    size_t price = concurrency_price(&pool->concurrency);
    size_t jobs = 0;

    for (size_t i = 0; i < pool->count; i++) {
        const struct worker_slot *slot = pool->slots[i];
        if (!slot_is_there(slot) || now >= slot_late_at(slot))
            continue;
        if (slot->open && slot->count > 0 && saturated)
            return SIZE_MAX;
        if (!slot->open)
            jobs += slow ? 1 : price;
        else if (!slow)
            jobs += price;
    }
    return jobs;
}

bool placement_wants_more(const struct workers *pool,
                          const struct worker_slot *chosen, size_t backlog,
                          int64_t now)
{
    return (chosen == NULL || chosen->count >= BUSY) &&
           may_start(pool, now) && backlog > capacity(pool, now);
}

int64_t placement_next_time(const struct workers *pool, int64_t now)
{
    int64_t next = concurrency_next_time(&pool->concurrency, now);

    if (pool->hold > now)
        next = clock_earlier(next, pool->hold);
    if (pool->orphan_count > 0)
        next = clock_earlier(next, now + ORPHAN_TIME);
    if (room(pool, now) == 0 && renew_at(pool) > now &&
        find_spare(pool) != NULL)
        next = clock_earlier(next, renew_at(pool));
    for (size_t i = 0; i < pool->count; i++) {
        const struct worker_slot *slot = pool->slots[i];
        if (slot_is_there(slot) && slot_late_at(slot) > now)
            next = clock_earlier(next, slot_late_at(slot));
    }
    return next;
}
