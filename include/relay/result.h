/*
 * result.h - what outcomes lead to: record, report, retry, remove
 *
 * A message that is handed in is open, and is closed or gone afterwards.
 */
#ifndef POSTRIDER_RELAY_RESULT_H
#define POSTRIDER_RELAY_RESULT_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct control;
struct hops;
struct message;
struct messages;
struct moment;
struct totals;
struct result;              /* fields: src/relay/result.c */

/* The parts that this module uses. Borrowed. */
struct result_parts {
    const struct config *config;
    struct messages *messages;
    const struct hops *hops;    /* for the reasons of what is late */
    struct control *control;    /* for callers who wait for an attempt */
    struct totals *totals;
};

/* It finds out where reports go: before the manager is shut in, so that
 * a change of the aliases counts from the next reload. */
struct result *result_new(const struct result_parts *parts);
void result_free(struct result *result);                /* NULL is allowed */

/* Outcomes are known and no worker has the message: record and report them,
 * and remove or schedule it. attempted: its recipients have been offered, which
 * sets the time of the next attempt. */
void result_settle(struct result *result, struct message *message,
                   bool attempted, const struct moment *now);

/* The first part of an attempt is over: record it; the next part follows at
 * once. */
void result_settle_part(struct result *result, struct message *message,
                        const struct moment *now);

/* No recipient of the message is open: a stop came between its last outcome and
 * its report; or it has flaws, which are the outcome of a first attempt. */
void result_conclude(struct result *result, struct message *message,
                     const struct moment *now);

/* The message is late, or expired: report that. It is not open. */
void result_late(struct result *result, struct message *message, bool expired,
                 const struct moment *now);

#endif
