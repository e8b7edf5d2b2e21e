/*
 * pace.h - no more than so many messages in any minute
 *
 * A message may be sent at any time between when it is given out and when it
 * is back, so it counts from the one until a minute after the other. Pure
 * bookkeeping; now is in milliseconds on the monotonic clock.
 */
#ifndef POSTRIDER_RELAY_PACE_H
#define POSTRIDER_RELAY_PACE_H

#include <stddef.h>
#include <stdint.h>

struct pace {
    unsigned limit;         /* 0: none */
    unsigned out;           /* given out, and not back */
    int64_t *sent;          /* ring of limit: when the last ones were back */
    size_t first, count;    /* in it, the oldest first */
};

void pace_init(struct pace *pace, unsigned limit);
void pace_free(struct pace *pace);

/* How many may be given out, at most wanted. They are out then. */
unsigned pace_take(struct pace *pace, unsigned wanted, int64_t now);

/* One that was out was not sent. */
void pace_give_back(struct pace *pace);

/* One that was out may have been sent. */
void pace_sent(struct pace *pace, int64_t now);

/* One was sent at that time, by an earlier process; in the order of time. */
void pace_remember(struct pace *pace, int64_t when);

/* When pace_take may give something; INT64_MAX if that takes an event. */
int64_t pace_next_time(const struct pace *pace, int64_t now);

#endif
