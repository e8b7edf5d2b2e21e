#include "relay/recall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/dsn.h"
#include "relay/log_delivery.h"
#include "spool/draft.h"
#include "spool/drop.h"
#include "spool/entry.h"
#include "spool/journal.h"
#include "spool/queue.h"
#include "spool/queue_file.h"
#include "spool/recovery.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/log.h"

/* A line of a journal that could not be written into a state file. */
struct line {
    char id[RANDOM_ID_LENGTH + 1];
    size_t *indices;            /* owned */
    size_t count;
    bool is_logged;             /* it can be read, and is only not on disk */
    struct line *next;
};

struct recall {
    const struct config *config;
    const struct spool *spool;
    struct totals *totals;
    struct line *lines;
};

struct recall *recall_new(const struct config *config,
                          const struct spool *spool, struct totals *totals)
{
    struct recall *recall = alloc_zero(1, sizeof *recall);

    recall->config = config;
    recall->spool = spool;
    recall->totals = totals;
    return recall;
}

static void free_line(struct line *line)
{
    free(line->indices);
    free(line);
}

void recall_free(struct recall *recall)
{
    while (recall != NULL && recall->lines != NULL) {
        struct line *line = recall->lines;
        recall->lines = line->next;
        free_line(line);
    }
    free(recall);
}

static void remember(struct recall *recall, const char *id,
                     const size_t *indices, size_t count, bool is_logged)
{
    struct line *line = alloc_zero(1, sizeof *line);

    memcpy(line->id, id, sizeof line->id);
    line->indices = alloc_resize(NULL, count, sizeof *indices);
    memcpy(line->indices, indices, count * sizeof *indices);
    line->count = count;
    line->is_logged = is_logged;
    line->next = recall->lines;
    recall->lines = line;
}

/* age: seconds. */
static void log_known(struct recall *recall, const struct entry *entry,
                      size_t index, const struct outcome *outcome, int64_t age)
{
    bool failed = outcome->kind == OUTCOME_FAILED;

    log_recipient(recall->totals, &(struct attempted){
        .entry = entry,
        .index = index,
        .redirect = failed ? "" : recall->config->redirect_all,
        .outcome = outcome,
        .relay = failed ? "none" : "unknown",
        .delay = age * 1000,
    });
}

/* False: it was not open. */
static bool note_accepted(const struct entry *entry, struct state *state,
                          size_t index, int64_t now)
{
    char status[] = "2.0.0";
    char text[] = "a smarthost has accepted it";

    return index < state->count &&
           state_put(state, index, &(struct state_recipient){
               .result = STATE_DELIVERED,
               .notified = !dsn_owes_success(entry, index, false),
               .status = status,
               .text = text,
               .when = now,
           });
}

void recall_accepted(struct recall *recall, const struct entry *entry,
                     struct state *state, size_t index,
                     const struct dates *dates)
{
    if (!note_accepted(entry, state, index, dates->now))
        return;
    struct outcome outcome = { .kind = OUTCOME_DELIVERED,
                               .text = state->recipients[index].text };
    snprintf(outcome.status, sizeof outcome.status, "%s",
             state->recipients[index].status);
    log_known(recall, entry, index, &outcome,
              clocks_age(dates->received, dates->now));
}

/* True if the message is the one of that line. */
static bool apply_line(struct recall *recall, const struct line *line,
                       const struct entry *entry, struct state *state,
                       const struct dates *dates)
{
    if (strcmp(line->id, entry->id) != 0)
        return false;
    for (size_t i = 0; i < line->count; i++)
        if (line->is_logged)
            note_accepted(entry, state, line->indices[i], dates->now);
        else
            recall_accepted(recall, entry, state, line->indices[i], dates);
    return true;
}

static bool apply_lines(struct recall *recall, const struct entry *entry,
                        struct state *state, const struct dates *dates)
{
    struct line **link = &recall->lines;
    bool found = false;

    while (*link != NULL) {
        struct line *line = *link;
        if (!apply_line(recall, line, entry, state, dates)) {
            link = &line->next;
            continue;
        }
        found = true;
        *link = line->next;
        free_line(line);
    }
    return found;
}

/* A message that cannot be sent has failed before its first attempt. */
static bool apply_flaws(struct recall *recall, const struct entry *entry,
                        struct state *state, int64_t wall)
{
    bool any = false;

    for (size_t i = 0; i < state->count; i++) {
        bool whole = entry->flaw != NULL;
        char *flaw = whole ? entry->flaw : entry->envelope.recipients[i].flaw;
        struct outcome outcome = { .kind = OUTCOME_FAILED, .text = flaw };
        snprintf(outcome.status, sizeof outcome.status, "%s",
                 whole ? entry->flaw_status : "5.1.3");
        if (flaw == NULL || !state_put(state, i, &(struct state_recipient){
                                .result = STATE_FAILED,
                                .status = outcome.status,
                                .text = flaw,
                                .when = wall,
                            }))
            continue;
        log_known(recall, entry, i, &outcome, 0);
        any = true;
    }
    return any;
}

bool recall_apply(struct recall *recall, const struct entry *entry,
                  struct state *state, const struct dates *dates)
{
    if (entry->flaw != NULL)
        log_line(LOG_LEVEL_WARNING, "%s: cannot be sent: %s", entry->id,
                 entry->flaw);
    bool accepted = apply_lines(recall, entry, state, dates);
    bool flawed = apply_flaws(recall, entry, state, dates->now);
    return accepted || flawed;
}

/* Is it delivered to all, and no report due? */
static bool is_done(const struct state *state)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result != STATE_DELIVERED ||
            !state->recipients[i].notified)
            return false;
    return true;
}

/* The message that a line is about; NULL with FAULT_NONE: it is done. */
static struct entry *open_message(const struct recall *recall, const char *id,
                                  int64_t *received, struct error *err)
{
    static const struct drop_limits limits = { .size = DRAFT_CONTENT_MAX };
    struct entry *entry = NULL;

    if (queue_file_exists(recall->spool, id))
        return queue_file_open(recall->spool, id, received, err);
    if (drop_take(recall->spool, id, &limits, &entry, err) == DROP_GONE)
        err->fault = FAULT_NONE;
    return entry;
}

/* A start. */
struct start {
    struct recall *recall;
    struct recovery *recovery;
    int64_t now;
};

static bool record(const struct start *start, struct entry *entry,
                   int64_t received, const struct state *state,
                   struct error *err)
{
    const struct recall *recall = start->recall;

    if (is_done(state))
        return queue_remove(recall->spool, entry->id, &QUEUE_ALL_FILES,
                            false) ||
               error_set(err, FAULT_IO, "its files cannot be removed");
    if (entry->queued)
        return state_save(recall->spool, entry->id, state, err);
    if (!queue_store(recall->spool, entry, received, state, err))
        return false;
    recovery_add(start->recovery, entry->id);
    return true;
}

/*
 * A worker noted that these were accepted; whether the manager got that before
 * it was stopped is unknown. Now it is recorded.
 */
static bool found_accepted(void *context, const char *id,
                           const size_t *indices, size_t count)
{
    const struct start *start = context;
    struct recall *recall = start->recall;
    struct dates dates = { .received = start->now, .now = start->now };
    struct error err = { 0 };
    struct state *state = NULL;

    struct entry *entry = open_message(recall, id, &dates.received, &err);
    if (entry != NULL)
        state = state_load(recall->spool, id, entry->envelope.count, &err);
    for (size_t i = 0; state != NULL && i < count; i++)
        recall_accepted(recall, entry, state, indices[i], &dates);
    bool recorded = state != NULL &&
                    record(start, entry, dates.received, state, &err);
    bool is_logged = state != NULL;
    state_free(state);
    entry_free(entry);
    /* A damaged message will be moved to failed/, and is not sent again. */
    if (recorded || err.fault == FAULT_NONE || err.fault == FAULT_DATA)
        return true;
    log_line(LOG_LEVEL_ERROR, "%s: accepted by a smarthost before the stop, "
             "which cannot be recorded now: %s", id, err.text);
    remember(recall, id, indices, count, is_logged);
    return false;
}

void recall_journals(struct recall *recall, const struct strings *journals,
                     struct recovery *recovery, int64_t now)
{
    struct start start = { recall, recovery, now };
    size_t kept = journal_take_all(recall->spool, journals, found_accepted,
                                   &start);

    if (kept > 0)
        log_line(LOG_LEVEL_WARNING, "%s/state: %zu journal%s kept: the next "
                 "start reads %s again", recall->config->spool, kept,
                 kept == 1 ? " is" : "s are", kept == 1 ? "it" : "them");
}
