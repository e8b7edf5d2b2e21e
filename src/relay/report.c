#include "relay/report.h"

#include <inttypes.h>

#include "spool/entry.h"
#include "util/log.h"

void report_entry(const struct entry *entry, uid_t uid)
{
    log_line(LOG_LEVEL_INFO, "%s: uid=%lu from=<%s>, size=%" PRIu64
             ", nrcpt=%zu", entry->id, (unsigned long)uid,
             envelope_reverse_path(&entry->envelope), entry->content_length,
             entry->envelope.count);
}

void report_recipient(const struct entry *entry, size_t index,
                      const struct outcome *outcome, const char *relay,
                      int64_t delay)
{
    enum log_level level = outcome->kind == OUTCOME_DELIVERED
                           ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;

    log_line(level, "%s: to=<%s>, relay=%s, delay=%" PRId64 ".%02" PRId64
             ", dsn=%s, status=%s (%s)", entry->id,
             entry->envelope.recipients[index].path, relay, delay / 1000,
             delay % 1000 / 10, outcome->status, outcome_word(outcome),
             outcome->text);
}

enum fault report_fault(const struct outcome *outcomes, size_t count)
{
    enum fault fault = FAULT_NONE;

    for (size_t i = 0; i < count; i++) {
        if (outcomes[i].kind == OUTCOME_FAILED)
            return outcomes[i].fault;
        if (outcomes[i].kind != OUTCOME_DELIVERED && fault == FAULT_NONE)
            fault = outcomes[i].fault;
    }
    return fault;
}
