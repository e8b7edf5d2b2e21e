/*
 * tally.h - the daemon in numbers
 */
#ifndef POSTRIDER_RELAY_TALLY_H
#define POSTRIDER_RELAY_TALLY_H

#include <stdbool.h>

struct buf;
struct desk;

/*
 * Append the status as lines "key value", the figures of the table in tally.c;
 * then one line a smarthost, "smarthost NAME up|down|parked WORKERS JOBS
 * REASON"; and, with all, one for each kind of messages that cannot be read or
 * were given up: "trouble drop|queue|failed KIND COUNT TEXT".
 */
void tally_status(struct desk *desk, bool all, struct buf *out);

/*
 * Write the same in Prometheus' text format to the file metrics of the
 * configuration, replaced atomically; nothing if it is not set.
 */
void tally_write(struct desk *desk);

#endif
