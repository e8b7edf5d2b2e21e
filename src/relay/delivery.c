#include "relay/delivery.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/sender.h"
#include "mail/address.h"
#include "mail/ascii.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"


/* The trace field of RFC 5321 section 4.4, before what was submitted. */
static void add_received(struct buf *out, const struct config *config,
                         const struct entry *entry, uid_t uid)
{
    buf_add_format(out, "Received: by %s (Postrider, from userid %lu)\r\n"
                   "\tid %s; ", config->hostname, (unsigned long)uid,
                   entry->id);
    clock_add_date(out, time(NULL));
    buf_add_text(out, "\r\n");
}

static const char *path_of(const struct shipment *shipment,
                           const struct entry *entry, size_t i)
{
    return entry->envelope.recipients[shipment->recipients[i]].path;
}

/* Those that redirect_all replaces, one a line. */
static size_t add_originals(struct shipment *shipment,
                            const struct entry *entry, const char *there)
{
    size_t replaced = 0;

    for (size_t i = 0; i < shipment->count; i++) {
        const char *path = path_of(shipment, entry, i);
        if (!address_equal(path, there))
            buf_add_format(&shipment->prefix, "%s%s", replaced++ == 0
                           ? "X-Original-To: " : ",\r\n ", path);
    }
    if (replaced > 0)
        buf_add_text(&shipment->prefix, "\r\n");
    return replaced;
}

/*
 * Of all message files, whatever their owners and recipients, what leaves
 * goes to redirect_all. The address is verified as it is configured.
 */
static void redirect(struct shipment *shipment, const struct entry *entry,
                     const char *there)
{
    static const size_t first = 0;
    const struct envelope *from = &entry->envelope;
    struct envelope *env = &shipment->redirected;
    unsigned notify = from->recipients[shipment->recipients[0]].notify;
    struct error ignored;

    if (*there == '\0' || add_originals(shipment, entry, there) == 0)
        return;
    envelope_set_reverse_path(env, envelope_reverse_path(from), &ignored);
    envelope_add_recipient(env, there, NULL, notify, &ignored);
    env->dsn_return = from->dsn_return;
    env->envelope_id = alloc_string(from->envelope_id);
    shipment->transaction.envelope = env;
    shipment->transaction.recipients = &first;
    shipment->transaction.count = 1;
    shipment->transaction.outcomes = &shipment->redirected_outcome;
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

/* What SMTPUTF8 is for, and what goes without it. */
static void prepare_utf8(struct shipment *shipment, const struct entry *entry)
{
    struct transaction *t = &shipment->transaction;
    struct buf text, *header = &shipment->header;

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
    const struct sender_rule *rule = sender_match_null(config, &is_own);

    if (*envelope_reverse_path(t->envelope) != '\0' || rule == NULL ||
        *rule->address == '\0')
        return;
    t->sender = is_own ? rule->address : NULL;
    t->other_sender = is_own ? NULL : rule->address;
}

void shipment_init(struct shipment *shipment, const struct config *config,
                   const struct entry *entry, uid_t uid,
                   const size_t *recipients, size_t count)
{
    struct transaction *t = &shipment->transaction;

    *shipment = (struct shipment){
        .recipients = alloc_zero(count, sizeof(size_t)),
        .outcomes = alloc_zero(count, sizeof(struct outcome)),
        .count = count,
    };
    memcpy(shipment->recipients, recipients, count * sizeof(size_t));
    *t = (struct transaction){
        .envelope = &entry->envelope,
        .recipients = shipment->recipients,
        .count = count,
        .outcomes = shipment->outcomes,
        .fd = entry->fd,
        .start = entry->content_start,
        .length = entry->content_length,
        .is_8bit = entry->is_8bit,
    };
    buf_init(&shipment->prefix, SIZE_MAX);
    add_received(&shipment->prefix, config, entry, uid);
    redirect(shipment, entry, config->redirect_all);
    choose_sender(t, config);
    buf_init(&shipment->header, SIZE_MAX);
    prepare_utf8(shipment, entry);
    t->prefix = shipment->prefix.data;
    t->prefix_length = shipment->prefix.length;
}

void shipment_settle(struct shipment *shipment)
{
    if (shipment->transaction.outcomes != shipment->outcomes)
        for (size_t i = 0; i < shipment->count; i++)
            outcome_copy(&shipment->outcomes[i],
                         &shipment->redirected_outcome);
}

void shipment_free(struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->count; i++)
        outcome_free(&shipment->outcomes[i]);
    outcome_free(&shipment->redirected_outcome);
    envelope_free(&shipment->redirected);
    free(shipment->outcomes);
    free(shipment->recipients);
    buf_free(&shipment->prefix);
    buf_free(&shipment->header);
    *shipment = (struct shipment){ 0 };
}

bool shipment_is_left(const struct shipment *shipment, size_t i)
{
    const struct outcome *outcome = &shipment->outcomes[i];

    return outcome->again ||
           (outcome->kind == OUTCOME_DEFERRED &&
            outcome->stage == STAGE_RCPT &&
            strcmp(outcome->status, "4.5.3") == 0);
}

bool shipment_may_go_on(const struct shipment *shipment)
{
    size_t accepted = 0, left = 0, again = 0;

    for (size_t i = 0; i < shipment->count; i++) {
        accepted += shipment->outcomes[i].kind == OUTCOME_DELIVERED;
        left += shipment_is_left(shipment, i);
        again += shipment->outcomes[i].again;
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

bool shipment_blame_session(struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->count; i++)
        if (!is_about_session(&shipment->outcomes[i]))
            return false;
    for (size_t i = 0; i < shipment->count; i++)
        shipment->outcomes[i].again = true;
    return true;
}

bool shipment_is_taken(const struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->count; i++)
        if (shipment->outcomes[i].kind == OUTCOME_DELIVERED)
            return true;
    return false;
}

bool shipment_is_undone(const struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->count; i++)
        if (!shipment->outcomes[i].again)
            return false;
    return true;
}

bool shipment_go_on(struct shipment *shipment)
{
    struct transaction *t = &shipment->transaction;
    size_t kept = 0;

    if (!shipment_may_go_on(shipment))
        return false;
    for (size_t i = 0; i < shipment->count; i++) {
        if (shipment_is_left(shipment, i))
            shipment->recipients[kept++] = shipment->recipients[i];
        outcome_free(&shipment->outcomes[i]);
    }
    shipment->count = kept;
    if (t->outcomes == shipment->outcomes)
        t->count = kept;
    outcome_free(&shipment->redirected_outcome);
    transaction_rewind(t);
    return true;
}
