/*
 * expiry.h - the messages that are late, found in rounds over all of them
 */
#ifndef POSTRIDER_RELAY_EXPIRY_H
#define POSTRIDER_RELAY_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

struct clocks;
struct config;
struct hops;
struct message;
struct messages;
struct expiry;              /* fields: src/relay/expiry.c */

/* All are borrowed. */
struct expiry *expiry_new(const struct config *config,
                          struct messages *messages, const struct hops *hops);
void expiry_free(struct expiry *expiry);                /* NULL is allowed */

/*
 * The next message that is late, once in a sweep; NULL: the sweep is over. One
 * that is with a worker, is held, or is only in drop/ so far is passed over.
 *
 * expired   it is too late
 */
struct message *expiry_next(struct expiry *expiry,
                            const struct clocks *clocks, bool *expired);

#endif
