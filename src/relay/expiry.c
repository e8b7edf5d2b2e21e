/* expiry.c - delay warnings and expiry, also after the clock was set */
#include "relay/desk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "config/config.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"

#define MOST_GRACE 1800000      /* milliseconds */

/* Could no smarthost that may carry it be reached since then, though that was
 * tried for so long? One that is missing can only be waited for. */
static bool was_unreachable(const struct desk *desk,
                            const struct message *message, int64_t from,
                            int64_t duration)
{
    bool any = false;

    if (message->missing != NULL)
        return desk->lifetime.seen.awake - from >= duration;
    for (size_t i = 0; i < desk->config->smarthost_count; i++) {
        if (!message_may_use(message, i))
            continue;
        if (!gate_was_down(&desk->gates[i], from, duration))
            return false;
        any = true;
    }
    return any;
}

/*
 * Is a message older than a limit, in milliseconds, and was it tried when it
 * was? A machine that wakes, or starts, has mail that became old without a
 * chance. It gets an attempt of its own first; or, when its smarthost is down,
 * some time in which the smarthost may come back.
 */
static bool is_over(const struct desk *desk, const struct message *message,
                    int64_t limit)
{
    int64_t age = lifetime_age(message->received, desk->lifetime.seen.wall);

    if (age <= limit / 1000)
        return false;
    return message->tried > limit / 1000 ||
           was_unreachable(desk, message,
                           lifetime_passed(&desk->lifetime, age, limit),
                           clock_earlier(limit / 8, MOST_GRACE));
}

static bool is_expired(const struct desk *desk, const struct message *message)
{
    return is_over(desk, message, desk->config->expire_after);
}

static bool is_late(const struct desk *desk, const struct message *message)
{
    return desk->config->delay_warning > 0 && !message->warned &&
           is_over(desk, message, desk->config->delay_warning);
}

/* The reason for those that were never tried themselves; of a message whose
 * smarthost is missing, for all. */
static void explain(struct state *state, const struct message *message,
                    const char *reason, bool expired)
{
    for (size_t i = 0; i < state->count; i++) {
        struct state_recipient *rcpt = &state->recipients[i];
        if (rcpt->result != STATE_OPEN)
            continue;
        if (rcpt->text == NULL || message->missing != NULL) {
            free(rcpt->text);
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

static void deal_with(struct desk *desk, struct message *message)
{
    struct error err;
    int64_t received;
    struct state *state = NULL;
    struct entry *entry = queue_open(&desk->spool, message->id, &received,
                                     &err);

    if (entry != NULL)
        state = pickup_state(desk, message, entry, &err);
    if (state == NULL) {
        entry_free(entry);
        return;
    }
    const char *reason = dispatch_reason(desk, message);
    explain(state, message, *reason != '\0' ? reason : "no smarthost took it",
            is_expired(desk, message));
    settle_late(desk, message, entry, state);
    state_free(state);
}

/* By how much the clock was set, and what it was. */
struct shift {
    int64_t seconds;
    int64_t wall;
};

/* A date that was ahead of the clock was not made by it. */
static void move_date(void *context, struct message *message)
{
    const struct shift *shift = context;

    if (message->received <= shift->wall)
        message->received += shift->seconds;
}

void sweep_clock(struct desk *desk)
{
    struct moment moment = lifetime_moment();
    struct shift shift = { .wall = desk->lifetime.seen.wall };

    shift.seconds = lifetime_look(&desk->lifetime, &moment);
    if (shift.seconds == 0)
        return;
    log_line(LOG_LEVEL_WARNING, "the clock was set by %" PRId64 " s",
             shift.seconds);
    schedule_each(desk->schedule, move_date, &shift);
}

/* A round of a sweep. */
struct round {
    struct desk *desk;
    int64_t end;
    bool is_over;               /* at a place that has more, perhaps */
};

static void examine(void *context, struct message *message)
{
    struct round *round = context;

    if (message->sweep == round->desk->sweep || !message->stored ||
        message->done || message->place == MESSAGE_OUT ||
        message->place == MESSAGE_HELD ||
        !(is_expired(round->desk, message) || is_late(round->desk, message)))
        return;
    round->is_over = round->is_over || clock_now() >= round->end;
    if (round->is_over)
        return;
    message->sweep = round->desk->sweep;
    deal_with(round->desk, message);
}

bool sweep_run(struct desk *desk)
{
    struct round round = { .desk = desk, .end = clock_now() + DESK_ROUND };

    while (desk->swept < SCHEDULE_PLACES) {
        schedule_each_at(desk->schedule, desk->swept, examine, &round);
        if (round.is_over)
            return true;
        desk->swept++;
    }
    desk->swept = 0;
    desk->sweep++;
    return false;
}
