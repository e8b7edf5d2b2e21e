#include "relay/log_delivery.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "mail/address.h"
#include "smtp/capability.h"
#include "spool/entry.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/log.h"

void log_message(const struct entry *entry, uid_t uid)
{
    log_line(LOG_LEVEL_INFO, "%s: uid=%lu from=<%s>, size=%" PRIu64
             ", nrcpt=%zu", entry->id, (unsigned long)uid,
             envelope_reverse_path(&entry->envelope), entry->content_length,
             entry->envelope.count);
}

/* By redirect_all it went elsewhere: in Postfix's words. */
static char *describe_recipient(const char *path, const char *redirect)
{
    if (*redirect == '\0' || address_equal(path, redirect))
        return alloc_format("to=<%s>", path);
    return alloc_format("to=<%s>, orig_to=<%s>", redirect, path);
}

static void count(struct totals *totals, enum outcome_kind kind)
{
    totals->delivered += kind == OUTCOME_DELIVERED;
    totals->deferred += kind == OUTCOME_DEFERRED;
    totals->failed += kind == OUTCOME_FAILED;
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
        count(totals, outcome->kind);
}

void log_distrust(const char *smarthost, unsigned extensions)
{
    struct buf words;

    buf_init(&words, SIZE_MAX);
    capabilities_describe(extensions, &words);
    log_line(LOG_LEVEL_WARNING, "smarthost %s lists %s, and does not do what "
             "that means: not used until its EHLO changes, for a day at most "
             "(extensions_ignored)", smarthost, words.data);
    buf_free(&words);
}
