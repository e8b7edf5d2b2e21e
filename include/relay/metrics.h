/*
 * metrics.h - the daemon in numbers
 */
#ifndef POSTRIDER_RELAY_METRICS_H
#define POSTRIDER_RELAY_METRICS_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct config;
struct hops;
struct messages;
struct moment;
struct totals;
struct troubles;
struct metrics;             /* fields: src/relay/metrics.c */

/* Where the numbers come from. Borrowed. */
struct metrics_parts {
    const struct config *config;
    struct messages *messages;
    const struct hops *hops;
    const struct troubles *troubles;
    const struct totals *totals;
};

/* wall: now, in seconds since 1970. */
struct metrics *metrics_new(const struct metrics_parts *parts, int64_t wall);
void metrics_free(struct metrics *metrics);             /* NULL is allowed */

/*
 * Append the status as control/protocol.h has it: the figures of the table in
 * metrics.c, a line a smarthost, and, with all, one for each kind of messages
 * that need an administrator.
 */
void metrics_status(struct metrics *metrics, bool all,
                    const struct moment *now, struct buf *out);

/*
 * Write the same in Prometheus' text format to the file metrics of the
 * configuration, replaced atomically; nothing if it is not set.
 */
void metrics_write(struct metrics *metrics);

#endif
