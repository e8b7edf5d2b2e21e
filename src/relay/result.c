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
#include "relay/recall.h"
#include "relay/reports.h"
#include "relay/retry.h"
#include "relay/schedule.h"
#include "relay/storage.h"
#include "relay/wire.h"
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

/* A message, open, whose outcomes are acted upon. */
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

/* Messages in failed/ are kept: this one stays in queue/, held. */
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

/* What is known has changed: record it, report, and remove or schedule the
 * message. attempted: that sets the time of the next attempt. */
static void settle(struct result *result, struct message *message,
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
    settle(result, message, message_state(message)->attempts == 0, now);
}

/* The first part of an attempt: record what is known; the next part follows at
 * once. */
static void settle_part(struct result *result, struct message *message,
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
    int64_t due = message->due;
    bool timed = message->place == MESSAGE_TIMED;

    report_to_sender(&s, DSN_DELAY);
    message_state(message)->warned = true;
    if (!s.in_trouble)
        record(&s);
    message_describe(message);
    schedule_at(result->schedule, message, timed ? due : now->awake);
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
        settle(result, message, false, now);
    else
        warn(result, message, now);
}

/* --- What workers report. --- */

static void log_up(struct result *result, const struct hop *hop,
                   const char *peer)
{
    size_t smarthost = (size_t)(hop - result->parts.hops->list);

    log_line(LOG_LEVEL_INFO, "smarthost %s is up: %s", hop->smarthost->name,
             peer);
    schedule_release(result->schedule, smarthost);
}

/* Its mail waits: it goes to disk. */
static void log_down(struct result *result, const struct hop *hop,
                     const struct error *err)
{
    if (hop->availability.state == HOP_PARKED)
        log_line(LOG_LEVEL_ALERT, "smarthost %s is parked, its mail is kept: "
                 "%s; " SMARTHOST_WAY_OUT, hop->smarthost->name, err->text);
    else
        log_line(LOG_LEVEL_WARNING, "smarthost %s is down, its mail is kept: "
                 "%s; " SMARTHOST_WAY_OUT, hop->smarthost->name, err->text);
    storage_keep_all(result->parts.storage);
}

static void take_closed(struct result *result, struct hop *hop,
                        const struct worker_event *event, int64_t now)
{
    if (event->renews)
        availability_cannot_connect(&hop->availability);
    else if (event->served && hop->availability.state == HOP_UP)
        log_line(LOG_LEVEL_INFO, "smarthost %s: one connection failed, others "
                 "go on: %s", hop->smarthost->name, event->error->what);
    else if (availability_failed(&hop->availability, event->error, now))
        log_down(result, hop, event->error);
}

/*
 * What an outcome shows of the smarthost. A refusal that may be for want of a
 * login is one as long as the smarthost has not taken any mail without: one
 * that does refuses single messages, and they must not stop all others.
 */
static void judge_smarthost(struct result *result,
                            const struct message_attempt *attempt,
                            struct outcome *outcome, const char *peer,
                            int64_t now)
{
    struct hop *hop = &result->parts.hops->list[attempt->smarthost];
    struct availability *host = &hop->availability;
    struct error err;

    if (outcome->code != 0)
        availability_replied(host, now);
    if (outcome->wants_login && !host->has_served)
        outcome_blame_login(outcome, hop->smarthost->host);
    hops_note_attempt(hop, outcome->kind);
    if (outcome->kind != OUTCOME_DEFERRED ||
        (outcome->code != 0 && host->fault == FAULT_TEMPORARY)) {
        if (availability_served(host, attempt->trial, now))
            log_up(result, hop, peer);
    } else if (outcome->fault == FAULT_PERMISSION ||
               (outcome_is_unanswered(outcome) &&
                availability_is_mute(host, now))) {
        error_set(&err, outcome->fault, "%s", outcome->text);
        if (outcome->remedy != NULL)
            error_remedy(&err, "%s", outcome->remedy);
        if (availability_refused(host, &err, now))
            log_down(result, hop, &err);
    }
}

/* Milliseconds since the message was accepted, as well as that is known. */
static int64_t delay_of(const struct message *message,
                        const struct moment *now)
{
    int64_t attempt = now->awake - message->attempt->began;
    int64_t age = (now->wall - message->received) * 1000;

    return age > attempt + 1000 ? age : attempt;
}

/* The outcome of a recipient that exists. */
static void note_outcome(struct result *result, struct message *message,
                         const struct wire_outcome *one, char *peer,
                         const struct moment *now)
{
    const struct entry *entry = message_entry(message);
    struct outcome outcome = { 0 };

    outcome_copy(&outcome, &one->outcome);
    judge_smarthost(result, message->attempt, &outcome, peer, now->awake);
    /* A reply is quoted in reports, and stays as it is. */
    char *text = outcome.code != 0 ? alloc_string(outcome.text)
                                   : outcome_shown(&outcome);
    if (state_put(message_state(message), one->index,
                  &(struct state_recipient){
            .result = outcome.kind == OUTCOME_DELIVERED ? STATE_DELIVERED
                      : outcome.kind == OUTCOME_FAILED ? STATE_FAILED
                      : STATE_OPEN,
            .notified = outcome.kind == OUTCOME_DELIVERED &&
                        !dsn_owes_success(entry, one->index,
                                          one->dsn_passed_on),
            .status = outcome.status,
            .relay = peer,
            .text = text,
            .from_reply = outcome.code != 0,
            .remedy = outcome.code != 0 ? outcome.remedy : NULL,
            .when = now->wall,
        }))
        log_recipient(result->parts.totals, &(struct attempted){
            .entry = entry,
            .index = one->index,
            .redirect = result->parts.config->redirect_all,
            .outcome = &outcome,
            .relay = peer,
            .delay = delay_of(message, now),
        });
    free(text);
    outcome_free(&outcome);
}

/* It goes back to where it came from, as if nothing had been tried. */
static void put_back(struct result *result, struct message *message,
                     const struct hop *hop, int64_t due)
{
    message_close(message);
    schedule_at(result->schedule, message, due);
    if (!message->stored && hop->availability.state != HOP_UP)
        storage_keep(result->parts.storage, message);
}

static void withdraw(struct result *result, struct message *message,
                     int64_t now)
{
    static const struct wait_outcome removed = {
        .kind = WAIT_REMOVED, .address = "-", .status = "-",
        .text = "by the administrator",
    };

    control_announce(result->parts.control, message->id, &removed);
    messages_withdraw(result->parts.messages, message, now);
}

/* A worker has it no more. delay is for one that was not attempted. */
static void end_job(struct result *result, struct message *message,
                    int64_t delay, const struct moment *now)
{
    const struct state *state = message_state(message);
    const struct message_attempt job = *message->attempt;
    struct hop *hop = &result->parts.hops->list[job.smarthost];
    bool more = message_has_more(message);

    hops_returned(result->parts.hops, job.smarthost, job.trial, job.attempted,
                  now);
    message_end_job(message);
    if (job.withdrawn && state_open_count(state) > 0)
        withdraw(result, message, now->awake);
    else if (job.attempted && more)
        settle_part(result, message, now);
    else if (job.attempted || state->held)
        settle(result, message, job.attempted, now);
    else
        put_back(result, message, hop, now->awake + delay);
}

/* Of all recipients that a worker has an outcome for: one who gets the message
 * shows that the smarthost takes mail. */
static void note_refusal(struct hop *hop, const struct worker_event *event,
                         int64_t now)
{
    const struct outcome *refused = NULL;
    bool taken = false;

    for (size_t i = 0; i < event->count; i++) {
        const struct outcome *outcome = &event->outcomes[i].outcome;
        taken = taken || outcome->kind == OUTCOME_DELIVERED;
        if (outcome->kind == OUTCOME_FAILED && outcome->code != 0)
            refused = outcome;
    }
    if (!taken && refused == NULL)
        return;
    char *reason = taken ? NULL : outcome_shown(refused);
    refusals_note(&hop->refusals, reason, now);
    free(reason);
}

/* True: all that was asked of the job is known. */
static bool take_outcomes(struct result *result,
                          const struct worker_event *event,
                          const struct moment *now)
{
    struct message *message = event->message;

    for (size_t i = 0; i < event->count; i++)
        if (event->outcomes[i].outcome.kind != OUTCOME_NONE &&
            message_take_answer(message, event->outcomes[i].index))
            note_outcome(result, message, &event->outcomes[i], event->peer,
                         now);
    note_refusal(&result->parts.hops->list[message->attempt->smarthost], event,
                 now->awake);
    if (message->attempt->out > 0)
        return false;
    end_job(result, message, 0, now);
    return true;
}

/* A message that kills workers must wait for its next attempt. */
static void count_as_tried(struct message *message, int64_t wall)
{
    struct state *state = message_state(message);

    log_line(LOG_LEVEL_WARNING, "%s: deferred: its worker died", message->id);
    for (size_t i = 0; i < state->count; i++)
        if (message_take_answer(message, i))
            state->recipients[i].when = wall;
}

static void take_end(struct result *result, const struct worker_event *event,
                     const struct moment *now)
{
    struct message *message = event->message;
    const struct dates dates = { message->received, now->wall };

    for (size_t i = 0; i < event->count; i++)
        if (message_take_answer(message, event->delivered[i]))
            recall_accepted(result->parts.messages->recall,
                            message_entry(message), message_state(message),
                            event->delivered[i], &dates);
    message->refused += event->refused;
    if (event->crashed && message->attempt->out > 0)
        count_as_tried(message, now->wall);
    /* Done without an outcome: the worker could not read it. */
    end_job(result, message, event->kind == WORKER_DONE ? RETRY_TROUBLE : 0,
            now);
}

void result_take(struct result *result, size_t smarthost,
                 const struct worker_event *event, const struct moment *now)
{
    struct hop *hop = &result->parts.hops->list[smarthost];

    switch (event->kind) {
    case WORKER_OPENED:
        if (availability_opened(&hop->availability, now->awake))
            log_up(result, hop, event->peer);
        break;
    case WORKER_CLOSED:
        take_closed(result, hop, event, now->awake);
        break;
    case WORKER_OUTCOMES:
        if (take_outcomes(result, event, now))
            workers_finish(hop->workers, event);
        break;
    case WORKER_DONE:
    case WORKER_LOST:
        take_end(result, event, now);
        break;
    }
}
