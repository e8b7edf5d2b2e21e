/*
 * tally.h - the daemon in numbers
 */
#ifndef POSTRIDER_RELAY_TALLY_H
#define POSTRIDER_RELAY_TALLY_H

struct buf;
struct desk;

/*
 * Append the status as lines "key value": queued, active, deferred, held,
 * incoming (in drop/, not taken), oldest (seconds since 1970), started,
 * accepted, delivered, attempts_deferred, failed, reports; then one line a
 * smarthost, "smarthost NAME up|down|parked WORKERS JOBS REASON".
 */
void tally_status(struct desk *desk, struct buf *out);

/*
 * Write the same in Prometheus' text format to the file metrics of the
 * configuration, replaced atomically; nothing if it is not set.
 */
void tally_write(struct desk *desk);

#endif
