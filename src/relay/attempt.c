#include "relay/attempt.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "relay/connect.h"
#include "relay/delivery.h"
#include "relay/log_delivery.h"
#include "smtp/capability.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"

/* May another smarthost still change this? Never after "may have arrived". */
static bool is_open(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_NONE ||
           (outcome->kind == OUTCOME_DEFERRED && !outcome->uncertain);
}

/* Indices of the recipients that are open; the caller frees them. */
static size_t *open_recipients(const struct attempt *attempt, size_t *count)
{
    size_t total = attempt->entry->envelope.count;
    size_t *indices = alloc_zero(total, sizeof *indices);

    *count = 0;
    for (size_t i = 0; i < total; i++)
        if (is_open(&attempt->outcomes[i]))
            indices[(*count)++] = i;
    return indices;
}

static void settle(struct attempt *attempt, size_t index,
                   const struct outcome *outcome, const char *peer)
{
    outcome_copy(&attempt->outcomes[index], outcome);
    free(attempt->relays[index]);
    attempt->relays[index] = alloc_string(peer);
}

/* No session for these recipients. */
static void settle_all(struct attempt *attempt, const size_t *indices,
                       size_t count, const struct error *err,
                       const char *peer)
{
    struct outcome outcome = { 0 };

    outcome_from_error(&outcome, STAGE_CONNECT, err);
    for (size_t i = 0; i < count; i++)
        settle(attempt, indices[i], &outcome, peer);
    outcome_free(&outcome);
}

static void judge_login(struct shipment *shipment, const char *host)
{
    for (size_t i = 0; i < shipment->count; i++)
        if (shipment->outcomes[i].wants_login)
            outcome_blame_login(&shipment->outcomes[i], host);
}

/* Ten replies' time, and as long as 8 KB/s take for the content. */
static int64_t deadline_for(const struct attempt *attempt,
                            const struct smarthost *smarthost)
{
    return clock_now() + 10 * smarthost->timeout +
           (int64_t)(attempt->entry->content_length / 8);
}

/*
 * Offer the message in as many transactions as the smarthost wants. True if
 * there is more to be offered, in another session.
 */
static bool transact(struct attempt *attempt, struct session *session,
                     struct shipment *shipment, const char *peer)
{
    bool usable, more, taken = false;

    do {
        usable = transaction_run(session, &shipment->transaction);
        shipment_settle(shipment);
        if (taken && shipment_blame_session(shipment))
            usable = false;
        taken = taken || shipment_is_taken(shipment);
        judge_login(shipment, session_host(session));
        for (size_t i = 0; i < shipment->count; i++)
            settle(attempt, shipment->recipients[i], &shipment->outcomes[i],
                   peer);
        more = shipment_go_on(shipment);
    } while (usable && more);
    return more;
}

static void try_smarthost(struct attempt *attempt,
                          const struct smarthost *smarthost,
                          const size_t *indices, size_t count)
{
    struct connector *connector =
        connector_new(attempt->config, smarthost, attempt->trace,
                      attempt->trace_context);
    const struct distrust *distrust = connector_distrust(connector);
    struct error err = { 0 };
    struct shipment shipment;
    bool more = true;

    shipment_init(&shipment, attempt->config, attempt->entry, attempt->uid,
                  indices, count);
    while (more) {
        struct session *session =
            connector_open(connector, deadline_for(attempt, smarthost), &err);
        if (session == NULL) {
            connector_name_others(connector, &err);
            settle_all(attempt, shipment.recipients, shipment.count, &err,
                       connector_peer(connector));
        }
        more = session != NULL && transact(attempt, session, &shipment,
                                           connector_peer(connector));
        session_close(session);
    }
    if (distrust->extensions != 0)
        log_distrust(smarthost->name, distrust->extensions);
    shipment_free(&shipment);
    connector_free(connector);
}

/* The outcome of a recipient before this smarthost, and from which peer. */
struct earlier {
    struct outcome outcome;
    char *relay;
};

static struct earlier *set_aside(struct attempt *attempt,
                                 const size_t *indices, size_t count)
{
    struct earlier *earlier = alloc_zero(count, sizeof *earlier);

    for (size_t i = 0; i < count; i++) {
        earlier[i].outcome = attempt->outcomes[indices[i]];
        earlier[i].relay = attempt->relays[indices[i]];
        attempt->outcomes[indices[i]] = (struct outcome){ 0 };
        attempt->relays[indices[i]] = NULL;
    }
    return earlier;
}

/* Two smarthosts have deferred it: the one that was reached better is shown,
 * and the other one named. */
static void merge(struct outcome *outcome, char **relay,
                  struct earlier *earlier)
{
    if (earlier->outcome.reach >= outcome->reach) {
        struct earlier better = *earlier;
        *earlier = (struct earlier){ *outcome, *relay };
        *outcome = better.outcome;
        *relay = better.relay;
    }
    if (strcmp(outcome->text, earlier->outcome.text) == 0)
        return;
    char *text = alloc_format("%s (other smarthost: %s)", outcome->text,
                              earlier->outcome.text);
    free(outcome->text);
    outcome->text = text;
    outcome->code = 0;
}

/* Offer what is open to the next smarthost; false if nothing is. */
static bool try_next(struct attempt *attempt,
                     const struct smarthost *smarthost)
{
    size_t count;
    size_t *indices = open_recipients(attempt, &count);
    struct earlier *earlier = set_aside(attempt, indices, count);

    if (count > 0)
        try_smarthost(attempt, smarthost, indices, count);
    for (size_t i = 0; i < count; i++) {
        struct outcome *outcome = &attempt->outcomes[indices[i]];
        if (outcome->kind == OUTCOME_DEFERRED &&
            earlier[i].outcome.kind == OUTCOME_DEFERRED)
            merge(outcome, &attempt->relays[indices[i]], &earlier[i]);
        outcome_free(&earlier[i].outcome);
        free(earlier[i].relay);
    }
    free(earlier);
    free(indices);
    return count > 0;
}

/* An invalid recipient has its outcome at once. */
static void settle_flawed(struct attempt *attempt)
{
    const struct envelope *env = &attempt->entry->envelope;

    for (size_t i = 0; i < env->count; i++) {
        struct outcome outcome = { 0 };
        if (env->recipients[i].flaw == NULL)
            continue;
        outcome_set(&outcome, OUTCOME_FAILED, STAGE_LOCAL, FAULT_DATA, "5.1.3",
                    env->recipients[i].flaw);
        settle(attempt, i, &outcome, "none");
        outcome_free(&outcome);
    }
}

static bool is_chosen(const struct attempt *attempt,
                      const struct smarthost *smarthost)
{
    const char *chosen = attempt->entry->envelope.smarthost;

    return chosen == NULL || strcmp(chosen, smarthost->name) == 0;
}

/* chosen is the one that the message must take; NULL: any. */
static void lack_smarthost(const struct config *config, const char *chosen,
                           struct error *err)
{
    const char *path = *config->path != '\0'
                       ? config->path
                       : POSTRIDER_SYSCONFDIR "/postrider/postrider.conf";

    if (chosen != NULL) {
        error_set(err, FAULT_CONFIG, "%s: no smarthost \"%s\"", path, chosen);
        return;
    }
    error_set(err, FAULT_CONFIG, "%s: no smarthost", path);
    error_remedy(err, "add a section smarthost \"main\" { host = ... }");
}

void attempt_run(struct attempt *attempt)
{
    const struct config *config = attempt->config;
    struct error err = { 0 };
    size_t tried = 0, open;

    settle_flawed(attempt);
    for (size_t i = 0; i < config->smarthost_count; i++) {
        if (!is_chosen(attempt, &config->smarthosts[i]))
            continue;
        if (!try_next(attempt, &config->smarthosts[i]))
            return;
        tried++;
    }
    if (tried > 0)
        return;
    lack_smarthost(config, attempt->entry->envelope.smarthost, &err);
    size_t *indices = open_recipients(attempt, &open);
    settle_all(attempt, indices, open, &err, "none");
    free(indices);
}
