/*
 * parts.h - the parts of the manager, each given those that it uses
 *
 * From the smarthosts to the answers to requests; src/README.md ("The path of a
 * message") has what each one does. They start nothing and wait for nothing:
 * that is for the manager, and in unit tests for the test.
 */
#ifndef POSTRIDER_RELAY_PARTS_H
#define POSTRIDER_RELAY_PARTS_H

#include "relay/log_delivery.h"
#include "relay/worker_answers.h"

struct config;
struct control;
struct dispatch;
struct expiry;
struct hops;
struct launch;
struct messages;
struct metrics;
struct moment;
struct pickup;
struct requests;
struct result;
struct spool;
struct storage;
struct strings;
struct troubles;

struct parts {
    /* Set by the caller before parts_make(). Borrowed. */
    const struct config *config;
    const struct spool *spool;
    struct launch *launch;
    struct control *control;
    /* Made from them. Owned. */
    struct totals totals;
    struct hops *hops;
    struct messages *messages;
    struct storage *storage;
    struct pickup *pickup;
    struct dispatch *dispatch;
    struct result *result;
    struct worker_answers answers;
    struct expiry *expiry;
    struct troubles *troubles;
    struct metrics *metrics;
    struct requests *requests;
};

/*
 * Make them, without a message yet: messages_recover() brings those of the
 * spool. journals: of workers of an earlier daemon (journal_list()), for this
 * call. Aliases, for reports, are read here and not again, so that a manager
 * can shut itself in afterwards. The struct must stay where it is in memory.
 */
void parts_make(struct parts *parts, const struct strings *journals,
                const struct moment *now);

/* Also if they were not made. */
void parts_free(struct parts *parts);

#endif
