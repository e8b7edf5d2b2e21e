/*
 * rates.h - keep the counts of messages_per_minute, however the daemon ends
 */
#ifndef POSTRIDER_RELAY_RATES_H
#define POSTRIDER_RELAY_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hops;
struct moment;
struct spool;

/* The file that they are kept in. */
struct rates {
    const struct spool *spool;
    int file;                   /* to append to; -1: there is none */
    int64_t begun;              /* on the monotonic clock */
    size_t lines, lines_max;    /* appended since then, and at most */
    bool has_failed;            /* that is logged */
};

/* Give availabilities the counts of the daemon before, and keep them from now
 * on. */
void rates_start(struct hops *hops, const struct spool *spool,
                 const struct moment *now);
void rates_stop(struct hops *hops);

/* The outcome of a message, as the availability of its smarthost knows
 * already: it is given to a worker, is back and may have been sent, or was not
 * sent. */
enum rates_event { RATES_OUT, RATES_SENT, RATES_BACK };
void rates_note(struct hops *hops, size_t smarthost, enum rates_event event,
                const struct moment *now);

#endif
