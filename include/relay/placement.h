/*
 * placement.h - where a job goes, and whether another worker is worth its start
 */
#ifndef POSTRIDER_RELAY_PLACEMENT_H
#define POSTRIDER_RELAY_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct workers;
struct worker_slot;

/*
 * A worker that can take another job: of those whose session is open and whose
 * jobs take less than WORKER_TIME, as this smarthost was measured, the one with
 * the fewest. One that has not answered for that time takes none; nor, before
 * anything was measured, does one that has a job. NULL if none can.
 */
struct worker_slot *placement_choose(const struct workers *pool, int64_t now);

/*
 * May this user's message of so many octets go out? One worker is left to users
 * without a message at any worker: another user's message may take it only if
 * it takes less than WORKER_TIME. With one or two connections there is none to
 * spare.
 */
bool placement_allows(const struct workers *pool, uid_t uid, uint64_t octets,
                      int64_t now);

/* Is another worker worth its start, with so many jobs ready? chosen is what
 * placement_choose() gave. A worker that opens its session, or is at its job,
 * is waited for a moment. */
bool placement_wants_more(const struct workers *pool,
                          const struct worker_slot *chosen, size_t backlog,
                          int64_t now);

/* All connections are in use, and another worker is wanted: a worker of which
 * the session is not opened is ended for it. False: there is room. */
bool placement_make_room(struct workers *pool, int64_t now);

/* When one of the above may be answered in another way, or workers_recall()
 * may have something to do, without an event; INT64_MAX: never. */
int64_t placement_next_time(const struct workers *pool, int64_t now);

/* Microseconds that this user's message of so many octets will take: what was
 * not measured may be slow. */
int64_t placement_cost(const struct workers *pool, uid_t uid, uint64_t octets);

/* How many sessions are open, apart from that of one worker; NULL: of none. */
size_t placement_standing(const struct workers *pool,
                          const struct worker_slot *apart);

#endif
