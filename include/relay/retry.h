/*
 * retry.h - when a message is tried again, is late, and is given up
 *
 * The one place that knows these times: retry_first, retry_longest,
 * delay_warning and expire_after of postrider.conf(5). Pure bookkeeping: the
 * clocks are handed in.
 */
#ifndef POSTRIDER_RELAY_RETRY_H
#define POSTRIDER_RELAY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct clocks;
struct config;
struct hops;
struct message;
struct state;

#define RETRY_TROUBLE 60000     /* milliseconds after trouble of our own */

/*
 * Milliseconds until the next attempt after so many: the first delay doubled
 * for each, up to the longest, with up to a quarter of jitter.
 */
int64_t retry_delay(const struct config *config, unsigned attempts);

/* ... until what could not be recorded or reported is tried again. */
int64_t retry_record_delay(const struct config *config);

/* ... until the attempt that a state names as the next; 0: now. */
int64_t retry_remaining(const struct config *config,
                        const struct state *state, int64_t wall);

/* How old (seconds) a message was when all of it was tried last, according to
 * its state; 0: never. */
int64_t retry_tried_age(const struct state *state, int64_t received,
                        int64_t wall);

/*
 * Is a message too late, or late and its sender not warned? It is when it was
 * tried at that age. A machine that wakes, or starts, has mail that became old
 * without a chance: that gets one more attempt first; or, when its
 * smarthost is down, some time in which the smarthost may come back.
 */
bool retry_is_expired(const struct config *config,
                      const struct message *message, const struct hops *hops,
                      const struct clocks *clocks);
bool retry_is_late(const struct config *config, const struct message *message,
                   const struct hops *hops, const struct clocks *clocks);

/* When it is given up, in seconds since 1970. */
int64_t retry_until(const struct config *config, int64_t received);

/* How often, in milliseconds, to look for late messages: a smaller delay
 * does not matter. */
int64_t retry_sweep_time(const struct config *config);

#endif
