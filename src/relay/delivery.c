#include "relay/delivery.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "mail/address.h"
#include "mail/ascii.h"
#include "relay/connect.h"
#include "relay/log_delivery.h"
#include "smtp/capability.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

/* The trace field of RFC 5321 section 4.4, before what was submitted. */
static void add_received(struct buf *out, const struct config *config,
                         const struct entry *entry)
{
    buf_add_format(out, "Received: by %s (Postrider, from userid %lu)\r\n"
                   "\tid %s; ", config->hostname, (unsigned long)entry->uid,
                   entry->id);
    clock_add_date(out, time(NULL));
    buf_add_text(out, "\r\n");
}

static const char *path_of(const struct delivery *delivery,
                           const struct entry *entry, size_t i)
{
    return entry->envelope.recipients[delivery->recipients[i]].path;
}

/* Those that redirect_all replaces, one a line. */
static size_t add_originals(struct delivery *delivery,
                            const struct entry *entry, const char *there)
{
    size_t replaced = 0;

    for (size_t i = 0; i < delivery->count; i++) {
        const char *path = path_of(delivery, entry, i);
        if (!address_equal(path, there))
            buf_add_format(&delivery->prefix, "%s%s", replaced++ == 0
                           ? "X-Original-To: " : ",\r\n ", path);
    }
    if (replaced > 0)
        buf_add_text(&delivery->prefix, "\r\n");
    return replaced;
}

/*
 * Of all message files, whatever their owners and recipients, what leaves
 * goes to redirect_all. The address is verified as it is configured.
 */
static void redirect(struct delivery *delivery, const struct entry *entry,
                     const char *there)
{
    static const size_t first = 0;
    const struct envelope *from = &entry->envelope;
    struct envelope *env = &delivery->redirected;
    unsigned notify = from->recipients[delivery->recipients[0]].notify;
    struct error ignored;

    if (*there == '\0' || add_originals(delivery, entry, there) == 0)
        return;
    envelope_set_reverse_path(env, envelope_reverse_path(from), &ignored);
    envelope_add_recipient(env, there, NULL, notify, &ignored);
    env->dsn_return = from->dsn_return;
    env->envelope_id = alloc_string(from->envelope_id);
    delivery->transaction.envelope = env;
    delivery->transaction.recipients = &first;
    delivery->transaction.count = 1;
    delivery->transaction.outcomes = &delivery->redirected_outcome;
}

/* The header section of an entry; empty if it cannot be read. */
static void read_header(const struct entry *entry, struct buf *text)
{
    struct io_blocks blocks = entry_blocks(entry, 0,
                                           entry->content_length);
    const char *end = NULL;

    while (end == NULL && io_blocks_next(&blocks)) {
        size_t seen = text->length < 3 ? 0 : text->length - 3;
        buf_add(text, blocks.data, blocks.length);
        end = memmem(text->data + seen, text->length - seen, "\r\n\r\n", 4);
    }
    if (end != NULL)
        text->length = (size_t)(end - text->data) + 2;
    if (!io_blocks_end(&blocks))
        buf_clear(text);
}

/* Are there octets with the high bit set, from this one of the content on? */
static bool has_8bit(const struct entry *entry, uint64_t done)
{
    struct io_blocks blocks = entry_blocks(entry, done,
                                           entry->content_length);
    bool has = false;

    while (!has && io_blocks_next(&blocks))
        has = !text_is_ascii(blocks.data, blocks.length);
    return !io_blocks_end(&blocks) || has;
}

/* Find out whether it needs SMTPUTF8, and make the header section that goes
 * without. */
static void prepare_utf8(struct delivery *delivery, const struct entry *entry)
{
    struct transaction *t = &delivery->transaction;
    struct buf text, *header = &delivery->header;

    t->wants_utf8 = envelope_has_utf8_address(t->envelope);
    if (!entry->envelope.utf8)
        return;
    buf_init(&text, SIZE_MAX);
    read_header(entry, &text);
    t->wants_utf8 |= ascii_header(text.data, text.length, header) &&
                     text_is_utf8(text.data, text.length);
    t->header = header->data;
    t->header_length = header->length;
    t->header_replaced = text.length;
    t->replaced_is_8bit = entry->is_8bit &&
                          (!text_is_ascii(header->data, header->length) ||
                           has_8bit(entry, text.length));
    buf_free(&text);
}

static void choose_sender(struct transaction *t, const struct config *config)
{
    bool is_own;
    const struct sender_rule *rule = config_sender_null(config, &is_own);

    if (*envelope_reverse_path(t->envelope) != '\0' || rule == NULL ||
        *rule->address == '\0')
        return;
    t->sender = is_own ? rule->address : NULL;
    t->other_sender = is_own ? NULL : rule->address;
}

void delivery_init(struct delivery *delivery, const struct config *config,
                   const struct entry *entry, const size_t *recipients,
                   size_t count)
{
    struct transaction *t = &delivery->transaction;

    *delivery = (struct delivery){
        .recipients = alloc_zero(count, sizeof(size_t)),
        .outcomes = alloc_zero(count, sizeof(struct outcome)),
        .count = count,
    };
    memcpy(delivery->recipients, recipients, count * sizeof(size_t));
    *t = (struct transaction){
        .envelope = &entry->envelope,
        .recipients = delivery->recipients,
        .count = count,
        .outcomes = delivery->outcomes,
        .fd = entry->fd,
        .start = entry->content_start,
        .length = entry->content_length,
        .is_8bit = entry->is_8bit,
    };
    buf_init(&delivery->prefix, SIZE_MAX);
    add_received(&delivery->prefix, config, entry);
    redirect(delivery, entry, config->redirect_all);
    choose_sender(t, config);
    buf_init(&delivery->header, SIZE_MAX);
    prepare_utf8(delivery, entry);
    t->prefix = delivery->prefix.data;
    t->prefix_length = delivery->prefix.length;
}

void delivery_settle(struct delivery *delivery)
{
    if (delivery->transaction.outcomes != delivery->outcomes)
        for (size_t i = 0; i < delivery->count; i++)
            outcome_copy(&delivery->outcomes[i],
                         &delivery->redirected_outcome);
}

void delivery_free(struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        outcome_free(&delivery->outcomes[i]);
    outcome_free(&delivery->redirected_outcome);
    envelope_free(&delivery->redirected);
    free(delivery->outcomes);
    free(delivery->recipients);
    buf_free(&delivery->prefix);
    buf_free(&delivery->header);
    *delivery = (struct delivery){ 0 };
}

bool delivery_is_left(const struct delivery *delivery, size_t i)
{
    const struct outcome *outcome = &delivery->outcomes[i];

    return outcome->again ||
           (outcome->kind == OUTCOME_DEFERRED &&
            outcome->stage == STAGE_RCPT &&
            strcmp(outcome->status, "4.5.3") == 0);
}

bool delivery_may_go_on(const struct delivery *delivery)
{
    size_t accepted = 0, left = 0, again = 0;

    for (size_t i = 0; i < delivery->count; i++) {
        accepted += delivery->outcomes[i].kind == OUTCOME_DELIVERED;
        left += delivery_is_left(delivery, i);
        again += delivery->outcomes[i].again;
    }
    return again > 0 || (accepted > 0 && left > 0);
}

static bool has_subject(const struct outcome *outcome, const char *subject)
{
    return text_starts(outcome->status + 1, subject);
}

/* Replies that limit the messages of a session: mostly to MAIL, where
 * only a status about an address, a mailbox or a kind of message cannot mean
 * that. */
static bool is_about_session(const struct outcome *outcome)
{
    if (outcome->kind != OUTCOME_DEFERRED || outcome->uncertain ||
        outcome->fault != FAULT_TEMPORARY)
        return false;
    if (outcome->code == 0)             /* it ended before any content went */
        return strcmp(outcome->status, "4.4.2") == 0;
    if (outcome->code == 421)
        return true;
    if (outcome->code / 100 != 4)
        return false;
    if (has_subject(outcome, ".3.2"))   /* "not accepting messages" */
        return true;
    if (outcome->stage == STAGE_RCPT)
        return has_subject(outcome, ".5.3");
    return outcome->stage == STAGE_MAIL && !has_subject(outcome, ".1.") &&
           !has_subject(outcome, ".2.") && !has_subject(outcome, ".6.");
}

bool delivery_blame_session(struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (!is_about_session(&delivery->outcomes[i]))
            return false;
    for (size_t i = 0; i < delivery->count; i++)
        delivery->outcomes[i].again = true;
    return true;
}

bool delivery_is_taken(const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->outcomes[i].kind == OUTCOME_DELIVERED)
            return true;
    return false;
}

bool delivery_is_undone(const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (!delivery->outcomes[i].again)
            return false;
    return true;
}

bool delivery_go_on(struct delivery *delivery)
{
    struct transaction *t = &delivery->transaction;
    size_t kept = 0;

    if (!delivery_may_go_on(delivery))
        return false;
    for (size_t i = 0; i < delivery->count; i++) {
        if (delivery_is_left(delivery, i))
            delivery->recipients[kept++] = delivery->recipients[i];
        outcome_free(&delivery->outcomes[i]);
    }
    delivery->count = kept;
    if (t->outcomes == delivery->outcomes)
        t->count = kept;
    outcome_free(&delivery->redirected_outcome);
    transaction_rewind(t);
    return true;
}

/* May another smarthost be offered this recipient? Not if the message may have
 * arrived. */
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

static void judge_login(struct delivery *delivery, const char *host)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->outcomes[i].wants_login)
            outcome_blame_login(&delivery->outcomes[i], host);
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
                     struct delivery *delivery, const char *peer)
{
    bool usable, more, taken = false;

    do {
        usable = transaction_run(session, &delivery->transaction);
        delivery_settle(delivery);
        if (taken && delivery_blame_session(delivery))
            usable = false;
        taken = taken || delivery_is_taken(delivery);
        judge_login(delivery, session_host(session));
        for (size_t i = 0; i < delivery->count; i++)
            settle(attempt, delivery->recipients[i], &delivery->outcomes[i],
                   peer);
        more = delivery_go_on(delivery);
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
    struct delivery delivery;
    bool more = true;

    delivery_init(&delivery, attempt->config, attempt->entry, indices, count);
    while (more) {
        struct session *session =
            connector_open(connector, deadline_for(attempt, smarthost), &err);
        if (session == NULL) {
            connector_name_others(connector, &err);
            settle_all(attempt, delivery.recipients, delivery.count, &err,
                       connector_peer(connector));
        }
        more = session != NULL && transact(attempt, session, &delivery,
                                           connector_peer(connector));
        session_close(session);
    }
    if (distrust->extensions != 0)
        log_distrust(smarthost->name, distrust->extensions, false);
    delivery_free(&delivery);
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
        outcome_refuse(&outcome, "5.1.3", env->recipients[i].flaw);
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
