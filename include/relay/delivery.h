/*
 * delivery.h - recipients of an entry on their way to a smarthost
 *
 * Over one session, as workers have it; and, for direct delivery, an attempt:
 * over sessions to the smarthosts, in order.
 */
#ifndef POSTRIDER_RELAY_DELIVERY_H
#define POSTRIDER_RELAY_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/envelope.h"
#include "smtp/outcome.h"
#include "smtp/session.h"
#include "smtp/transaction.h"
#include "util/buf.h"

struct config;
struct entry;

struct delivery {
    struct transaction transaction; /* to be run, perhaps more than once */
    size_t *recipients;             /* indices into the entry's; owned */
    struct outcome *outcomes;       /* one each, after delivery_settle; owned */
    size_t count;
    struct buf prefix;              /* the fields before the content */
    struct buf header;              /* its header section in ASCII, if it is
                                     * not and could be */
    struct envelope redirected;     /* what goes instead, by redirect_all, */
    struct outcome redirected_outcome;  /* and its outcome */
};

/*
 * Prepare the transaction of these recipients (indices, copied). config and
 * entry are borrowed. With redirect_all one copy goes there for all of them,
 * with X-Original-To. Mail with the null reverse-path has the sender of
 * config_sender_null().
 */
void delivery_init(struct delivery *delivery, const struct config *config,
                   const struct entry *entry, const size_t *recipients,
                   size_t count);
void delivery_free(struct delivery *delivery);

/* After a run: each recipient has its outcome. */
void delivery_settle(struct delivery *delivery);

/*
 * After a run: go on with the recipients that are to be offered again, and, if
 * one was accepted, with those that were "too many" (RFC 5321 section
 * 4.5.3.1.10), in another transaction, whose outcomes are NONE again.
 * False, and nothing changed, if there are none.
 */
bool delivery_may_go_on(const struct delivery *delivery);
bool delivery_is_left(const struct delivery *delivery, size_t i);
bool delivery_go_on(struct delivery *delivery);

/*
 * After a run in a session that had taken messages before: is its end, or a
 * refusal, about the session? Then all are to be offered again, in a new one.
 * In the first transaction of a session the same is about the message.
 */
bool delivery_blame_session(struct delivery *delivery);

/* Was it taken for a recipient? */
bool delivery_is_taken(const struct delivery *delivery);

/* Are all to be offered again? Then nothing has been attempted, so far. */
bool delivery_is_undone(const struct delivery *delivery);

/* One try at an entry: over the smarthosts, in order. */
struct attempt {
    const struct config *config;
    const struct entry *entry;
    session_trace *trace;       /* or NULL */
    void *trace_context;
    struct outcome *outcomes;   /* one a recipient; allocated by the caller */
    char **relays;              /* "host[address]:port" each was settled with;
                                 * owned by the caller, "none" without one */
};

/*
 * Try each smarthost, and each of its addresses, until every recipient is
 * delivered or failed, or all have been tried. Recipients that have an outcome
 * other than OUTCOME_NONE are left alone. Every one has an outcome afterwards.
 * Of several smarthosts that defer a recipient, it is that of the one which was
 * reached best, and its text has what the others replied.
 */
void attempt_run(struct attempt *attempt);

#endif
