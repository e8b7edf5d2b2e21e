#include "relay/attempt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "relay/connector.h"
#include "smtp/transaction.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/buf.h"
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

static void settle_all(struct attempt *attempt, const struct error *err,
                       const char *peer)
{
    struct outcome outcome = { 0 };
    size_t count;
    size_t *indices = open_recipients(attempt, &count);

    outcome_from_error(&outcome, STAGE_CONNECT, err);
    for (size_t i = 0; i < count; i++)
        settle(attempt, indices[i], &outcome, peer);
    outcome_free(&outcome);
    free(indices);
}

/* The trace field of RFC 5321 section 4.4, in front of what was submitted. */
static void add_received(const struct attempt *attempt, struct buf *out)
{
    buf_add_format(out, "Received: by %s (Postrider, from userid %lu)\r\n"
                   "\tid %s; ", attempt->config->hostname,
                   (unsigned long)attempt->uid, attempt->entry->id);
    clock_add_date(out, time(NULL));
    buf_add_text(out, "\r\n");
}

static void fill(struct transaction *t, const struct attempt *attempt,
                 const struct buf *received)
{
    const struct entry *entry = attempt->entry;

    t->envelope = &entry->envelope;
    t->prefix = received->data;
    t->prefix_length = received->length;
    t->fd = entry->fd;
    t->start = entry->content_start;
    t->length = entry->content_length;
    t->is_8bit = entry->is_8bit;
    t->needs_utf8 = entry->envelope.utf8 ||
                    envelope_has_utf8_address(&entry->envelope);
}

/* "Too many recipients": what is left may follow in a transaction of its own
 * (RFC 5321 section 4.5.3.1.10). */
static bool is_too_many(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_DEFERRED &&
           outcome->stage == STAGE_RCPT &&
           strcmp(outcome->status, "4.5.3") == 0;
}

/* One transaction for all open recipients. True if another one is worth it. */
static bool transact(struct attempt *attempt, struct session *session,
                     const struct buf *received, const char *peer)
{
    struct transaction t = { 0 };
    bool progress = false, rest = false;
    size_t count;
    size_t *indices = open_recipients(attempt, &count);

    fill(&t, attempt, received);
    t.recipients = indices;
    t.count = count;
    t.outcomes = alloc_zero(count, sizeof *t.outcomes);
    bool usable = transaction_run(session, &t, NULL);
    for (size_t i = 0; i < count; i++) {
        progress = progress || t.outcomes[i].kind == OUTCOME_DELIVERED;
        rest = rest || is_too_many(&t.outcomes[i]);
        settle(attempt, indices[i], &t.outcomes[i], peer);
        outcome_free(&t.outcomes[i]);
    }
    free(t.outcomes);
    free(indices);
    return usable && progress && rest;
}

/* Ten replies' time, and as long as 8 KB/s take for the content. */
static int64_t deadline_for(const struct attempt *attempt,
                            const struct smarthost *smarthost)
{
    return clock_now() + 10 * smarthost->timeout +
           (int64_t)(attempt->entry->content_length / 8);
}

static void try_smarthost(struct attempt *attempt,
                          const struct smarthost *smarthost)
{
    struct connector *connector =
        connector_new(attempt->config, smarthost, attempt->trace,
                      attempt->trace_context);
    struct error err = { 0 };
    struct buf received;

    struct session *session =
        connector_open(connector, deadline_for(attempt, smarthost), &err);
    if (session == NULL) {
        settle_all(attempt, &err, connector_peer(connector));
    } else {
        buf_init(&received, SIZE_MAX);
        add_received(attempt, &received);
        while (transact(attempt, session, &received,
                        connector_peer(connector)))
            ;
        buf_free(&received);
    }
    session_close(session);
    connector_free(connector);
}

static bool is_chosen(const struct attempt *attempt,
                      const struct smarthost *smarthost)
{
    const char *chosen = attempt->entry->envelope.smarthost;

    return chosen == NULL || strcmp(chosen, smarthost->name) == 0;
}

void attempt_run(struct attempt *attempt)
{
    const struct config *config = attempt->config;
    struct error err = { 0 };
    size_t tried = 0, open;

    for (size_t i = 0; i < config->smarthost_count; i++) {
        if (!is_chosen(attempt, &config->smarthosts[i]))
            continue;
        free(open_recipients(attempt, &open));
        if (open == 0)
            return;
        tried++;
        try_smarthost(attempt, &config->smarthosts[i]);
    }
    if (tried > 0)
        return;
    error_set(&err, FAULT_CONFIG, attempt->entry->envelope.smarthost != NULL
              ? "%s: no smarthost \"%s\""
              : "%s: no smarthost: add a section smarthost \"main\" { host = "
                "... }",
              *config->path != '\0' ? config->path
                                    : POSTRIDER_SYSCONFDIR
                                      "/postrider/postrider.conf",
              attempt->entry->envelope.smarthost);
    settle_all(attempt, &err, "none");
}
