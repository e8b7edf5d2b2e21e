/*
 * delays.h - how long deliveries took, as a histogram
 */
#ifndef POSTRIDER_RELAY_DELAYS_H
#define POSTRIDER_RELAY_DELAYS_H

#include <stdint.h>

struct buf;

#define DELAY_BOUNDS 10         /* the last bucket has none */

/* Zeroed at first. */
struct delays {
    uint64_t counts[DELAY_BOUNDS + 1];
    uint64_t sum;               /* milliseconds */
};

/* Milliseconds; less than 0, as after a change of the clock, is 0. */
void delays_count(struct delays *delays, int64_t delay);

/* Append postrider_delivery_seconds in Prometheus' text format. */
void delays_put(const struct delays *delays, struct buf *out);

#endif
