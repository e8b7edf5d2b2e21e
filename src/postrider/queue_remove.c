/* queue_remove.c - postrider queue remove: what was removed, what had left */
#include "postrider/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "control/client.h"
#include "control/listing.h"
#include "util/clock.h"
#include "util/strings.h"

#define LEAVING_MAX 32          /* messages on their way that are watched */
#define OUTCOME_TIME 5000       /* milliseconds for their outcomes */

/* Messages that workers have: each may be delivered in this moment. */
struct leaving {
    const struct config *config;
    const struct strings *ids;
    struct strings watched;
    int waits[LEAVING_MAX];     /* for the outcomes; -1: none */
};

struct result {
    size_t removed, delivered, refused, unknown;
};

static bool is_named(const struct strings *ids, const char *id)
{
    return strings_has(ids, "all") || strings_has(ids, id);
}

static void note_leaving(void *context, const struct queue_item *item,
                         bool unattended)
{
    struct leaving *leaving = context;

    (void)unattended;
    if (item->state == QUEUE_ACTIVE && leaving->watched.count < LEAVING_MAX &&
        is_named(leaving->ids, item->id))
        strings_add(&leaving->watched, item->id);
}

/* The daemon is asked for outcomes before anything is removed, so that its
 * answers cannot be missed. */
static void begin_waits(struct leaving *leaving)
{
    const struct config *config = leaving->config;
    const struct listing_reader reader = { .visit = note_leaving,
                                           .context = leaving };
    struct error ignored;

    (void)listing_each(config->control, config->spool, &reader, &ignored);
    for (size_t i = 0; i < leaving->watched.count; i++)
        leaving->waits[i] = client_begin(&(struct client_question){
            .path = config->control, .request = REQUEST_WAIT,
            .argument = leaving->watched.items[i] }, &ignored);
}

static void take_outcome(void *context, char *text)
{
    struct wait_outcome *outcome = context;

    if (!protocol_parse_outcome(text, outcome))
        outcome->kind = WAIT_KINDS;
}

static void end_waits(struct leaving *leaving, struct result *result)
{
    const int64_t deadline = clock_now() + OUTCOME_TIME;

    for (size_t i = 0; i < leaving->watched.count; i++) {
        struct wait_outcome outcome = { .kind = WAIT_KINDS };
        struct error ignored;

        if (leaving->waits[i] != -1)
            client_finish(leaving->waits[i], clock_remaining(deadline),
                          take_outcome, &outcome, &ignored);
        result->removed += outcome.kind == WAIT_REMOVED ||
                           outcome.kind == WAIT_DEFERRED;
        result->delivered += outcome.kind == WAIT_SENT;
        result->refused += outcome.kind == WAIT_BOUNCED;
        result->unknown += outcome.kind == WAIT_KINDS;
    }
    strings_free(&leaving->watched);
}

static void print_result(const struct result *result)
{
    if (result->removed > 0)
        printf("%zu removed\n", result->removed);
    if (result->delivered > 0)
        printf("%zu had left already: delivered\n", result->delivered);
    if (result->refused > 0)
        printf("%zu had left already: refused, which is reported to the "
               "sender\n", result->refused);
    if (result->unknown > 0)
        printf("%zu on the way: removed unless delivered now\n",
               result->unknown);
}

bool queue_remove_messages(const struct config *config,
                           const struct strings *ids, queue_change *change,
                           struct error *err)
{
    struct leaving leaving = { .config = config, .ids = ids };
    struct changes watched = { 0 }, changes = { 0 };
    struct result result = { 0 };
    struct error ignored;

    begin_waits(&leaving);
    if (leaving.watched.count > 0)
        change(config, REQUEST_REMOVE, &leaving.watched, &watched, &ignored);
    bool all_found = change(config, REQUEST_REMOVE, ids, &changes, err);
    end_waits(&leaving, &result);
    /* Of those that were watched, the outcomes are known by now. */
    result.removed += changes.done;
    if (changes.left > watched.left)
        result.unknown += changes.left - watched.left;
    print_result(&result);
    return all_found || result.delivered + result.refused > 0;
}
