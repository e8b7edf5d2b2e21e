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
struct storage;
struct totals;
struct worker_event;
struct result;              /* fields: src/relay/result.c */

/* The parts that this module uses. Borrowed. */
struct result_parts {
    const struct config *config;
    struct messages *messages;
    struct hops *hops;
    struct storage *storage;
    struct control *control;    /* for callers who wait for an attempt */
    struct totals *totals;
};

/* It finds out where reports go: before the manager is shut in, so that
 * a change of the aliases counts from the next reload. */
struct result *result_new(const struct result_parts *parts);
void result_free(struct result *result);                /* NULL is allowed */

/* Act on what a worker of this smarthost reports. */
void result_take(struct result *result, size_t smarthost,
                 const struct worker_event *event, const struct moment *now);

/* No recipient of the message is open: a stop came between its last outcome and
 * its report; or it has flaws, which are the outcome of a first attempt. */
void result_conclude(struct result *result, struct message *message,
                     const struct moment *now);

/* The message is late, or expired: report that. It is not open. */
void result_late(struct result *result, struct message *message, bool expired,
                 const struct moment *now);

#endif
