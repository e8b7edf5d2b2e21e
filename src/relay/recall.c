/* recall.c - at a start, record what the journals of workers hold */
#include "relay/desk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "spool/draft.h"
#include "spool/entry.h"
#include "spool/journal.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/log.h"

/* A line of a journal that could not be written into a state file. */
struct recalled {
    char id[RANDOM_ID_LENGTH + 1];
    size_t *indices;            /* owned */
    size_t count;
    bool is_logged;             /* it can be read, and is only not on disk */
    struct recalled *next;
};

static void remember(struct desk *desk, const char *id, const size_t *indices,
                     size_t count, bool is_logged)
{
    struct recalled *line = alloc_zero(1, sizeof *line);

    memcpy(line->id, id, sizeof line->id);
    line->indices = alloc_resize(NULL, count, sizeof *indices);
    memcpy(line->indices, indices, count * sizeof *indices);
    line->count = count;
    line->is_logged = is_logged;
    line->next = desk->recalled;
    desk->recalled = line;
}

static void free_line(struct recalled *line)
{
    free(line->indices);
    free(line);
}

void recall_forget(struct desk *desk)
{
    while (desk->recalled != NULL) {
        struct recalled *line = desk->recalled;
        desk->recalled = line->next;
        free_line(line);
    }
}

bool recall_apply(struct desk *desk, const struct entry *entry,
                  int64_t received, struct state *state)
{
    struct recalled **link = &desk->recalled;
    bool found = false;

    while (*link != NULL) {
        struct recalled *line = *link;
        if (strcmp(line->id, entry->id) != 0) {
            link = &line->next;
            continue;
        }
        for (size_t i = 0; i < line->count; i++)
            settle_accepted(line->is_logged ? NULL : desk, entry, state,
                            line->indices[i], received);
        found = true;
        *link = line->next;
        free_line(line);
    }
    return found;
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
static struct entry *open_message(const struct desk *desk, const char *id,
                                  int64_t *received, struct error *err)
{
    struct entry *entry = NULL;

    if (queue_has(&desk->spool, id))
        return queue_open(&desk->spool, id, received, err);
    if (drop_take(&desk->spool, id, DRAFT_CONTENT_MAX, 0, &entry, err) ==
        DROP_GONE)
        err->fault = FAULT_NONE;
    return entry;
}

static bool record(const struct desk *desk, struct entry *entry,
                   int64_t received, const struct state *state,
                   struct error *err)
{
    if (is_done(state))
        return queue_remove(&desk->spool, entry->id, false) ||
               error_set(err, FAULT_IO, "its files cannot be removed");
    return entry->queued
           ? state_save(&desk->spool, entry->id, state, err)
           : queue_store(&desk->spool, entry, received, state, err);
}

/*
 * A worker noted that these were accepted; whether the manager heard of it
 * before it was stopped is unknown. Now it does.
 */
static bool found_accepted(void *context, const char *id,
                           const size_t *indices, size_t count)
{
    struct desk *desk = context;
    struct error err = { 0 };
    int64_t received = time(NULL);
    struct state *state = NULL;

    struct entry *entry = open_message(desk, id, &received, &err);
    if (entry != NULL)
        state = state_load(&desk->spool, id, entry->envelope.count, &err);
    for (size_t i = 0; state != NULL && i < count; i++)
        settle_accepted(desk, entry, state, indices[i], received);
    bool recorded = state != NULL && record(desk, entry, received, state,
                                            &err);
    bool is_logged = state != NULL;
    state_free(state);
    entry_free(entry);
    /* What is damaged will be moved to failed/, and is not sent again. */
    if (recorded || err.fault == FAULT_NONE || err.fault == FAULT_DATA)
        return true;
    log_line(LOG_LEVEL_ERROR, "%s: accepted by a smarthost before the stop, "
             "which cannot be recorded now: %s", id, err.text);
    remember(desk, id, indices, count, is_logged);
    return false;
}

bool recall_journals(struct desk *desk, struct error *err)
{
    size_t kept;

    if (!journal_take_all(&desk->spool, found_accepted, desk, &kept, err))
        return false;
    if (kept > 0)
        log_line(LOG_LEVEL_WARNING, "%s/state: %zu journal%s kept: the next "
                 "start reads %s again", desk->config->spool, kept,
                 kept == 1 ? " is" : "s are", kept == 1 ? "it" : "them");
    return true;
}
