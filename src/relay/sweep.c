#include "relay/desk.h"

#include <stdlib.h>
#include <time.h>

#include "config/config.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/strings.h"

/* Tickets that are too old for something: found first, dealt with then, since
 * dealing with them changes the schedule. */
struct findings {
    const struct desk *desk;
    int64_t now;                /* seconds since 1970 */
    struct strings ids;
};

static int64_t age_of(const struct ticket *ticket, int64_t now)
{
    /* Clocks jump; nothing is older than it can be. */
    return now > ticket->received ? now - ticket->received : 0;
}

/* A message expires only if somebody tried: it, or the smarthost for it. */
static bool was_tried(const struct desk *desk, const struct ticket *ticket)
{
    bool tried = ticket->attempts > 0;

    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        tried = tried || desk->gates[i].failures > 0;
    return tried;
}

static bool is_expired(const struct desk *desk, const struct ticket *ticket,
                       int64_t now)
{
    return age_of(ticket, now) > desk->config->expire_after / 1000 &&
           was_tried(desk, ticket);
}

static bool is_late(const struct desk *desk, const struct ticket *ticket,
                    int64_t now)
{
    return desk->config->delay_warning > 0 && !ticket->warned &&
           age_of(ticket, now) > desk->config->delay_warning / 1000;
}

static void examine(void *context, struct ticket *ticket)
{
    struct findings *found = context;

    if (ticket->stored && !ticket->done && ticket->place != TICKET_OUT &&
        ticket->place != TICKET_HELD &&
        (is_expired(found->desk, ticket, found->now) ||
         is_late(found->desk, ticket, found->now)))
        strings_add(&found->ids, ticket->id);
}

/* The reason for those that were never tried themselves. */
static void explain(struct state *state, const char *reason, bool expired)
{
    for (size_t i = 0; i < state->count; i++) {
        struct state_recipient *rcpt = &state->recipients[i];
        if (rcpt->result != STATE_OPEN)
            continue;
        if (rcpt->text == NULL) {
            rcpt->text = alloc_string(reason);
            rcpt->from_reply = false;
            rcpt->when = time(NULL);
        }
        if (expired)
            rcpt->result = STATE_FAILED;
        if (expired || rcpt->status == NULL) {
            free(rcpt->status);
            rcpt->status = alloc_string(expired ? "4.4.7" : "4.4.1");
        }
    }
}

static void deal_with(struct desk *desk, struct ticket *ticket, int64_t now)
{
    struct error err;
    int64_t received;
    struct state *state = NULL;
    struct entry *entry = queue_open(&desk->spool, ticket->id, &received,
                                     &err);

    if (entry != NULL)
        state = pickup_state(desk, ticket, entry, &err);
    if (state == NULL) {
        entry_free(entry);
        return;
    }
    const char *reason = dispatch_reason(desk, ticket);
    explain(state, *reason != '\0' ? reason : "no smarthost took it",
            is_expired(desk, ticket, now));
    settle_late(desk, ticket, entry, state);
    state_free(state);
}

void sweep_run(struct desk *desk)
{
    struct findings found = { .desk = desk, .now = time(NULL) };

    pickup_unread(desk);
    schedule_each(desk->schedule, examine, &found);
    for (size_t i = 0; i < found.ids.count; i++) {
        struct ticket *ticket = schedule_find(desk->schedule,
                                              found.ids.items[i]);
        if (ticket != NULL)
            deal_with(desk, ticket, found.now);
    }
    strings_free(&found.ids);
}
