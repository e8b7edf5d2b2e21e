#include "relay/log_delivery.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "mail/address.h"
#include "mail/header.h"
#include "smtp/capability.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

#define SHOWN_MAX 254           /* octets of a field: it may be as long as a
                                 * message */

/* Programs and people know a message by its Message-ID, and by the first
 * address in From. */
static void describe_header(const struct entry *entry, struct buf *out)
{
    struct header header = { 0 };
    struct mailbox_list list = { 0 };
    struct error ignored;
    size_t length;

    entry_header(entry, &header);
    size_t id = header_find(&header, "Message-ID", 0);
    size_t from = header_find(&header, "From", 0);
    if (id < header.count) {
        const char *text = field_value(&header.fields[id], &length);
        buf_add_format(out, ", message-id=%.*s", length < SHOWN_MAX
                       ? (int)length : SHOWN_MAX, text);
    }
    if (from < header.count) {
        const char *text = field_value(&header.fields[from], &length);
        if (mailbox_list_parse(&list, text, length, &ignored) &&
            list.count > 0)
            buf_add_format(out, ", header-from=<%.*s>", SHOWN_MAX,
                           list.items[0].address);
    }
    mailbox_list_free(&list);
    header_free(&header);
}

void log_message(const struct entry *entry)
{
    struct buf more;

    buf_init(&more, SIZE_MAX);
    describe_header(entry, &more);
    log_line(LOG_LEVEL_INFO, "%s: uid=%lu from=<%s>, size=%" PRIu64
             ", nrcpt=%zu%s", entry->id, (unsigned long)entry->uid,
             envelope_reverse_path(&entry->envelope), entry->content_length,
             entry->envelope.count, more.data);
    buf_free(&more);
}

/* By redirect_all it went elsewhere: in Postfix's words. */
static char *describe_recipient(const char *path, const char *redirect)
{
    if (*redirect == '\0' || address_equal(path, redirect))
        return alloc_format("to=<%s>", path);
    return alloc_format("to=<%s>, orig_to=<%s>", redirect, path);
}

static void count(struct totals *totals, const struct attempted *one)
{
    enum outcome_kind kind = one->outcome->kind;

    totals->delivered += kind == OUTCOME_DELIVERED;
    totals->deferred += kind == OUTCOME_DEFERRED;
    totals->failed += kind == OUTCOME_FAILED;
    if (kind == OUTCOME_DELIVERED) {
        totals->last_delivery = (int64_t)time(NULL);
        delays_count(&totals->delays, one->delay);
    }
}

void log_recipient(struct totals *totals, const struct attempted *one)
{
    const struct outcome *outcome = one->outcome;
    char *shown = outcome_shown(outcome);
    char *to = describe_recipient(one->entry->envelope
                                      .recipients[one->index].path,
                                  one->redirect);
    enum log_level level = outcome->kind == OUTCOME_DELIVERED
                           ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

    log_line(level, "%s: %s, relay=%s, delay=%" PRId64 ".%02" PRId64
             ", dsn=%s, status=%s (%s)", one->entry->id, to, one->relay,
             one->delay / 1000, one->delay % 1000 / 10, outcome->status,
             outcome_word(outcome), shown);
    free(shown);
    free(to);
    if (totals != NULL)
        count(totals, one);
}

void log_distrust(const char *smarthost, unsigned extensions, bool remembered)
{
    struct buf words;

    buf_init(&words, SIZE_MAX);
    capabilities_describe(extensions, &words);
    log_line(LOG_LEVEL_WARNING, "smarthost %s lists %s, but does not "
             "implement that: not used %s (extensions_ignored)", smarthost,
             words.data, remembered ? "until its EHLO changes, for a day at "
                                      "most" : "for this message");
    buf_free(&words);
}
