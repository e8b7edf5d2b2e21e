#include "relay/shipment.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/clock.h"

/* The trace field of RFC 5321 section 4.4, in front of what was submitted. */
static void add_received(struct buf *out, const struct config *config,
                         const struct entry *entry, uid_t uid)
{
    buf_add_format(out, "Received: by %s (Postrider, from userid %lu)\r\n"
                   "\tid %s; ", config->hostname, (unsigned long)uid,
                   entry->id);
    clock_add_date(out, time(NULL));
    buf_add_text(out, "\r\n");
}

void shipment_init(struct shipment *shipment, const struct config *config,
                   const struct entry *entry, uid_t uid,
                   const size_t *recipients, size_t count)
{
    *shipment = (struct shipment){
        .recipients = alloc_zero(count, sizeof(size_t)),
        .outcomes = alloc_zero(count, sizeof(struct outcome)),
    };
    memcpy(shipment->recipients, recipients, count * sizeof(size_t));
    buf_init(&shipment->received, SIZE_MAX);
    add_received(&shipment->received, config, entry, uid);
    shipment->transaction = (struct transaction){
        .envelope = &entry->envelope,
        .recipients = shipment->recipients,
        .count = count,
        .outcomes = shipment->outcomes,
        .prefix = shipment->received.data,
        .prefix_length = shipment->received.length,
        .fd = entry->fd,
        .start = entry->content_start,
        .length = entry->content_length,
        .is_8bit = entry->is_8bit,
        .needs_utf8 = envelope_has_utf8_address(&entry->envelope),
        .wants_utf8 = entry->envelope.utf8,
    };
}

void shipment_free(struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->transaction.count; i++)
        outcome_free(&shipment->outcomes[i]);
    free(shipment->outcomes);
    free(shipment->recipients);
    buf_free(&shipment->received);
    *shipment = (struct shipment){ 0 };
}

bool shipment_is_left(const struct shipment *shipment, size_t i)
{
    const struct outcome *outcome = &shipment->outcomes[i];

    return outcome->kind == OUTCOME_DEFERRED &&
           outcome->stage == STAGE_RCPT &&
           strcmp(outcome->status, "4.5.3") == 0;
}

bool shipment_may_go_on(const struct shipment *shipment)
{
    size_t accepted = 0, left = 0;

    for (size_t i = 0; i < shipment->transaction.count; i++) {
        accepted += shipment->outcomes[i].kind == OUTCOME_DELIVERED;
        left += shipment_is_left(shipment, i);
    }
    return accepted > 0 && left > 0;
}

bool shipment_go_on(struct shipment *shipment)
{
    struct transaction *t = &shipment->transaction;
    size_t kept = 0;

    if (!shipment_may_go_on(shipment))
        return false;
    for (size_t i = 0; i < t->count; i++) {
        if (shipment_is_left(shipment, i))
            shipment->recipients[kept++] = shipment->recipients[i];
        outcome_free(&shipment->outcomes[i]);
    }
    t->count = kept;
    transaction_rewind(t);
    return true;
}
