/*
 * metrics.h - the daemon in numbers
 */
#ifndef POSTRIDER_RELAY_METRICS_H
#define POSTRIDER_RELAY_METRICS_H

#include <stdbool.h>

struct buf;
struct desk;

/*
 * Append the status as control/protocol.h has it: the figures of the table in
 * metrics.c, a line a smarthost, and, with all, one for each kind of messages
 * that need an administrator.
 */
void tally_status(struct desk *desk, bool all, struct buf *out);

/*
 * Write the same in Prometheus' text format to the file metrics of the
 * configuration, replaced atomically; nothing if it is not set.
 */
void tally_write(struct desk *desk);

#endif
