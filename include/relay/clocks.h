/*
 * clocks.h - the clocks of a machine that sleeps and whose date is set
 *
 * When a message was received is a date, since that is what a file can keep.
 * Its age must not change with the clock: when that is set, the dates of all
 * mail move along. Pure bookkeeping: the clocks are handed in.
 */
#ifndef POSTRIDER_RELAY_CLOCKS_H
#define POSTRIDER_RELAY_CLOCKS_H

#include <stdint.h>

struct moment {
    int64_t wall;           /* seconds since 1970 */
    int64_t running;        /* milliseconds since boot, sleep included */
    int64_t awake;          /* milliseconds of clock_now(), without sleep */
};

/* The date of what is at awake, in seconds since 1970. */
int64_t moment_date(const struct moment *now, int64_t awake);

struct clocks {
    struct moment seen;     /* what the clocks were, when last looked at */
    int64_t steady;         /* since when (clock_now) we have been looking */
};

/* The clocks of this machine. */
struct moment clocks_moment(void);

void clocks_start(struct clocks *clocks, const struct moment *moment);

/*
 * Look at the clocks, at least every minute. By how many seconds the wall clock
 * was set since the last look: 0 if it just went on. When nothing was looked at
 * for minutes, the machine slept, or the process was stopped.
 */
int64_t clocks_look(struct clocks *clocks, const struct moment *moment);

/*
 * A date that a file has for when its message was received, if it can be; else
 * now. A clock that was never set is in the years after 1970, and then
 * a later date may be right.
 */
int64_t clocks_received(int64_t received, int64_t wall);

/* Seconds; never less than 0. */
int64_t clocks_age(int64_t received, int64_t wall);

/*
 * A message of this age (seconds) is older than a limit (milliseconds). Since
 * when (clock_now) has this process seen it so? A failure before that, or while
 * the machine slept, does not count.
 */
int64_t clocks_passed(const struct clocks *clocks, int64_t age, int64_t limit);

#endif
