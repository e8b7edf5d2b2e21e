/*
 * delivery.h - some recipients of an entry on their way over one session
 */
#ifndef POSTRIDER_RELAY_DELIVERY_H
#define POSTRIDER_RELAY_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "smtp/transaction.h"
#include "util/buf.h"

struct config;
struct entry;

struct shipment {
    struct transaction transaction; /* to be run, perhaps more than once */
    size_t *recipients;             /* indices into the entry's; owned */
    struct outcome *outcomes;       /* one each, after shipment_settle; owned */
    size_t count;
    struct buf prefix;              /* the fields before the content */
    struct buf header;              /* its header section in ASCII, if it is
                                     * not and could be */
    struct envelope redirected;     /* what goes instead, by redirect_all, */
    struct outcome redirected_outcome;  /* and its outcome */
};

/*
 * Prepare the transaction of these recipients (indices, copied). config and
 * entry are borrowed. uid is the sender's. With redirect_all one copy
 * goes there for all of them, with X-Original-To. Mail with the null
 * reverse-path has the sender of config/sender.h.
 */
void shipment_init(struct shipment *shipment, const struct config *config,
                   const struct entry *entry, uid_t uid,
                   const size_t *recipients, size_t count);
void shipment_free(struct shipment *shipment);

/* After a run: each recipient has its outcome. */
void shipment_settle(struct shipment *shipment);

/*
 * After a run: go on with the recipients that are to be offered again, and, if
 * one was accepted, with those that were "too many" (RFC 5321 section
 * 4.5.3.1.10), in another transaction, whose outcomes are NONE again.
 * False, and nothing changed, if there are none.
 */
bool shipment_may_go_on(const struct shipment *shipment);
bool shipment_is_left(const struct shipment *shipment, size_t i);
bool shipment_go_on(struct shipment *shipment);

/*
 * After a run in a session that had taken messages before: is its end, or a
 * refusal, about the session? Then all are to be offered again, in a new one.
 * In the first transaction of a session the same is about the message.
 */
bool shipment_blame_session(struct shipment *shipment);

/* Was it taken for a recipient? */
bool shipment_is_taken(const struct shipment *shipment);

/* Are all to be offered again? Then nothing has been attempted, so far. */
bool shipment_is_undone(const struct shipment *shipment);

#endif
