#include "relay/result.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "control/protocol.h"
#include "relay/clocks.h"
#include "relay/control.h"
#include "relay/hops.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/reports.h"
#include "relay/retry.h"
#include "relay/schedule.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/log.h"
#include "util/strings.h"

struct result {
    struct result_parts parts;
    struct reports *reports;
    struct schedule *schedule;
};

struct result *result_new(const struct result_parts *parts)
{
    struct result *result = alloc_zero(1, sizeof *result);

    result->parts = *parts;
    result->schedule = parts->messages->schedule;
    result->reports = reports_new(parts->config, parts->messages->home.spool,
                                  parts->totals);
    return result;
}

void result_free(struct result *result)
{
    if (result == NULL)
        return;
    reports_free(result->reports);
    free(result);
}

/* --- What becomes of a message. --- */

/* A message, open, whose outcomes are acted on. */
struct settling {
    struct result *result;
    struct message *message;    /* NULL: it is gone */
    const struct moment *now;
    struct strings reports;     /* ids of the DSNs made: to be scheduled */
    bool in_trouble;            /* something could not be written */
};

/* Put what is known on disk, wherever the message is now. */
static bool record(struct settling *s)
{
    struct error err;

    if (message_save(s->message, &err))
        return true;
    log_line(LOG_LEVEL_ERROR, "%s: %s: will be tried again", s->message->id,
             err.text);
    s->in_trouble = true;
    return false;
}

static bool report_to_sender(struct settling *s, enum dsn_kind kind)
{
    bool made = reports_to_sender(s->result->reports, s->message, kind,
                                  s->now->wall, &s->reports);

    s->in_trouble = s->in_trouble || !made;
    return made;
}

/* False: no report can be sent, and the message must be kept in failed/. */
static bool report_to_postmaster(struct settling *s)
{
    enum report_result result = reports_to_postmaster(s->result->reports,
                                                      s->message, s->now->wall,
                                                      &s->reports);

    s->in_trouble = s->in_trouble || result == REPORT_IN_TROUBLE;
    return result != REPORT_HAS_NO_READER;
}

/* Wait for so many milliseconds, unless it is held. */
static void put_off(struct settling *s, int64_t delay)
{
    message_describe(s->message);
    if (message_state(s->message)->held)
        schedule_hold(s->result->schedule, s->message);
    else
        schedule_at(s->result->schedule, s->message, s->now->awake + delay);
}

static void retry_later(struct settling *s)
{
    schedule_at(s->result->schedule, s->message, s->now->awake +
                retry_record_delay(s->result->parts.config));
}

/* The user has as much in failed/ as one may have. No message there is removed
 * for this one, which stays in queue/, held. */
static void strand(struct settling *s)
{
    struct state *state = message_state(s->message);

    if (!state->held) {
        state->held = true;
        log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered or returned, and "
                 "uid=%lu has as much in failed/ as one user may have: it is "
                 "held in queue/", s->message->id,
                 (unsigned long)s->message->owner);
        if (!record(s)) {
            state->held = false;
            retry_later(s);
            return;
        }
    }
    message_describe(s->message);
    schedule_strand(s->result->schedule, s->message);
}

static void keep_as_failed(struct settling *s)
{
    struct messages *messages = s->result->parts.messages;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;

    if (!failed_has_room(&messages->failed, s->message)) {
        strand(s);
        return;
    }
    memcpy(id, s->message->id, sizeof id);
    message_state(s->message)->held = false;
    if (!record(s)) {
        retry_later(s);
    } else if (!messages_fail(messages, s->message, &err)) {
        log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered or returned: %s: "
                 "will be tried again", id, err.text);
        retry_later(s);
    } else {
        s->message = NULL;
        log_line(LOG_LEVEL_ALERT, "%s: cannot be delivered or returned: it is "
                 "in %s/failed now", id,
                 s->result->parts.config->spool);
    }
}

/* Nothing is open and all reports are made. */
static void finish(struct settling *s)
{
    char id[RANDOM_ID_LENGTH + 1];

    memcpy(id, s->message->id, sizeof id);
    if (messages_finish(s->result->parts.messages, s->message,
                        message_state(s->message)->reports > 0,
                        s->now->awake))
        log_line(LOG_LEVEL_INFO, "%s: removed", id);
    s->message = NULL;
}

/* Some are open still: remember them, and when to try again. */
static void defer(struct settling *s, bool attempted)
{
    struct state *state = message_state(s->message);
    int64_t delay = attempted ? retry_delay(s->result->parts.config,
                                            state->attempts) : 0;

    if (attempted)
        state->next = s->now->wall + delay / 1000;
    record(s);
    put_off(s, delay);
}

/* The answer to -odi callers: the outcomes, in one line. */
static void announce(const struct settling *s)
{
    const struct state *state = message_state(s->message);
    const struct envelope *env = &message_entry(s->message)->envelope;
    size_t worst = 0;
    size_t delivered = 0;

    for (size_t i = 0; i < state->count; i++) {
        delivered += state->recipients[i].result == STATE_DELIVERED;
        if (state->recipients[i].result == STATE_FAILED ||
            (state->recipients[i].result == STATE_OPEN &&
             state->recipients[worst].result == STATE_DELIVERED))
            worst = i;
    }
    const struct state_recipient *rcpt = &state->recipients[worst];
    char *text = state_reason(rcpt);
    const struct wait_outcome outcome = {
        .kind = delivered == state->count ? WAIT_SENT
                : rcpt->result == STATE_FAILED ? WAIT_BOUNCED : WAIT_DEFERRED,
        .address = env->recipients[worst].path,
        .status = rcpt->status != NULL ? rcpt->status : "-",
        .text = text != NULL ? text : "",
    };
    control_announce(s->result->parts.control, s->message->id, &outcome);
    free(text);
}

/* Reports are messages now; what could not be written stays in memory: no
 * recipient gets it twice while we run. */
static void leave(struct settling *s)
{
    for (size_t i = 0; i < s->reports.count; i++)
        messages_add_queued(s->result->parts.messages, s->reports.items[i],
                            s->now);
    strings_free(&s->reports);
    if (s->message != NULL)
        message_close(s->message);
}

/* An attempt at all recipients is over. */
static void count_attempt(struct settling *s)
{
    struct state *state = message_state(s->message);

    state->attempts++;
    s->message->refused = 0;
    state->last = s->now->wall;
    if (s->message->attempt != NULL)
        s->message->tried = s->message->attempt->age;
    if (state->count > 0)
        announce(s);
}

void result_settle(struct result *result, struct message *message,
                   bool attempted, const struct moment *now)
{
    struct settling s = { .result = result, .message = message, .now = now };
    const struct state *state = message_state(message);
    const char *sender =
        envelope_reverse_path(&message_entry(message)->envelope);

    if (attempted)
        count_attempt(&s);
    message_end_attempt(message);
    bool reported = report_to_sender(&s, DSN_FAILURE) &&
                    report_to_sender(&s, DSN_SUCCESS);
    bool kept = reported && *sender == '\0' && !report_to_postmaster(&s);
    if (state_open_count(state) > 0)
        defer(&s, attempted);
    else if (kept || state->count == 0)     /* a report is about recipients */
        keep_as_failed(&s);
    else if (!s.in_trouble)
        finish(&s);
    else
        retry_later(&s);
    leave(&s);
}

void result_conclude(struct result *result, struct message *message,
                     const struct moment *now)
{
    result_settle(result, message, message_state(message)->attempts == 0, now);
}

void result_settle_part(struct result *result, struct message *message,
                        const struct moment *now)
{
    struct settling s = { .result = result, .message = message, .now = now };

    record(&s);
    put_off(&s, 0);
    leave(&s);
}

/* --- Messages that are late. --- */

/* The reason for those that were never tried themselves; of a message whose
 * smarthost is missing, for all. */
static void explain(struct result *result, struct message *message,
                    bool expired, int64_t wall)
{
    const char *reason = hops_reason(result->parts.hops, message);
    struct state *state = message_state(message);
    char *text = alloc_string(*reason != '\0' ? reason
                                              : "no smarthost took it");

    for (size_t i = 0; i < state->count; i++) {
        struct state_recipient known = state->recipients[i];
        char status[] = "4.4.1", expiry[] = "4.4.7";
        if (known.text == NULL || message->missing != NULL) {
            known.text = text;
            known.from_reply = false;
            known.remedy = NULL;
            known.when = wall;
        }
        if (expired)
            known.result = STATE_FAILED;
        if (expired || known.status == NULL)
            known.status = expired ? expiry : status;
        state_put(state, i, &known);
    }
    free(text);
}

static void warn(struct result *result, struct message *message,
                 const struct moment *now)
{
    struct settling s = { .result = result, .message = message, .now = now };
    int64_t due = message->place == MESSAGE_TIMED ? message->due
                                                  : now->awake;

    report_to_sender(&s, DSN_DELAY);
    message_state(message)->warned = true;
    if (!s.in_trouble)
        record(&s);
    message_describe(message);
    schedule_at(result->schedule, message, due);
    leave(&s);
}

void result_late(struct result *result, struct message *message, bool expired,
                 const struct moment *now)
{
    struct error err;

    if (!message_open(message, &err))
        return;                 /* its next attempt finds that, too */
    explain(result, message, expired, now->wall);
    if (state_open_count(message_state(message)) == 0)
        result_settle(result, message, false, now);
    else
        warn(result, message, now);
}
