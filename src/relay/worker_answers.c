#include "relay/worker_answers.h"

#include <stdlib.h>

#include "config/config.h"
#include "control/protocol.h"
#include "relay/clocks.h"
#include "relay/control.h"
#include "relay/dsn.h"
#include "relay/hops.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/recall.h"
#include "relay/result.h"
#include "relay/retry.h"
#include "relay/schedule.h"
#include "relay/storage.h"
#include "relay/wire.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/log.h"

/* --- What they show of a smarthost. --- */

static void log_up(const struct worker_answers *answers, const struct hop *hop,
                   const char *peer)
{
    size_t smarthost = (size_t)(hop - answers->hops->list);

    log_line(LOG_LEVEL_INFO, "smarthost %s is up: %s", hop->smarthost->name,
             peer);
    schedule_release(answers->messages->schedule, smarthost);
}

/* Its mail waits: it goes to disk. */
static void log_down(const struct worker_answers *answers,
                     const struct hop *hop, const struct error *err)
{
    if (hop->availability.state == HOP_PARKED)
        log_line(LOG_LEVEL_ALERT, "smarthost %s is parked, its mail is kept: "
                 "%s; " SMARTHOST_WAY_OUT, hop->smarthost->name, err->text);
    else
        log_line(LOG_LEVEL_WARNING, "smarthost %s is down, its mail is kept: "
                 "%s; " SMARTHOST_WAY_OUT, hop->smarthost->name, err->text);
    storage_keep_all(answers->storage);
}

static void take_closed(const struct worker_answers *answers, struct hop *hop,
                        const struct worker_event *event, int64_t now)
{
    if (event->renews)
        availability_cannot_connect(&hop->availability);
    else if (event->served && hop->availability.state == HOP_UP)
        log_line(LOG_LEVEL_INFO, "smarthost %s: one connection failed, others "
                 "go on: %s", hop->smarthost->name, event->error->what);
    else if (availability_failed(&hop->availability, event->error, now))
        log_down(answers, hop, event->error);
}

/*
 * An outcome is evidence about the smarthost. A refusal that may be for want of
 * a login is one as long as the smarthost has not taken any mail without: one
 * that does refuses single messages, and they must not stop all others.
 */
static void judge_smarthost(const struct worker_answers *answers,
                            const struct message_attempt *attempt,
                            struct outcome *outcome, const char *peer,
                            int64_t now)
{
    struct hop *hop = &answers->hops->list[attempt->smarthost];
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
            log_up(answers, hop, peer);
    } else if (outcome->fault == FAULT_PERMISSION ||
               (outcome_is_unanswered(outcome) &&
                availability_is_mute(host, now))) {
        error_set(&err, outcome->fault, "%s", outcome->text);
        if (outcome->remedy != NULL)
            error_remedy(&err, "%s", outcome->remedy);
        if (availability_refused(host, &err, now))
            log_down(answers, hop, &err);
    }
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

/* --- What becomes of a job. --- */

/* Milliseconds since the message was accepted, as well as that is known. */
static int64_t delay_of(const struct message *message,
                        const struct moment *now)
{
    int64_t attempt = now->awake - message->attempt->began;
    int64_t age = (now->wall - message->received) * 1000;

    return age > attempt + 1000 ? age : attempt;
}

/* The outcome of a recipient that exists. */
static void note_outcome(const struct worker_answers *answers,
                         struct message *message,
                         const struct wire_outcome *one, char *peer,
                         const struct moment *now)
{
    const struct entry *entry = message_entry(message);
    struct outcome outcome = { 0 };

    outcome_copy(&outcome, &one->outcome);
    judge_smarthost(answers, message->attempt, &outcome, peer, now->awake);
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
        log_recipient(answers->totals, &(struct attempted){
            .entry = entry,
            .index = one->index,
            .redirect = answers->config->redirect_all,
            .outcome = &outcome,
            .relay = peer,
            .delay = delay_of(message, now),
        });
    free(text);
    outcome_free(&outcome);
}

/* It goes back to where it came from, as if nothing had been tried. */
static void put_back(const struct worker_answers *answers,
                     struct message *message,
                     const struct hop *hop, int64_t due)
{
    message_close(message);
    schedule_at(answers->messages->schedule, message, due);
    if (!message->stored && hop->availability.state != HOP_UP)
        storage_keep(answers->storage, message);
}

static void withdraw(const struct worker_answers *answers,
                     struct message *message, int64_t now)
{
    static const struct wait_outcome removed = {
        .kind = WAIT_REMOVED, .address = "-", .status = "-",
        .text = "by the administrator",
    };

    control_announce(answers->control, message->id, &removed);
    messages_withdraw(answers->messages, message, now);
}

/* A worker has it no more. delay is for one that was not attempted. */
static void end_job(const struct worker_answers *answers,
                    struct message *message, int64_t delay,
                    const struct moment *now)
{
    const struct state *state = message_state(message);
    const struct message_attempt job = *message->attempt;
    struct hop *hop = &answers->hops->list[job.smarthost];
    bool more = message_has_more(message);

    hops_returned(answers->hops, job.smarthost, job.trial, job.attempted, now);
    message_end_job(message);
    if (job.withdrawn && state_open_count(state) > 0)
        withdraw(answers, message, now->awake);
    else if (job.attempted && more)
        result_settle_part(answers->result, message, now);
    else if (job.attempted || state->held)
        result_settle(answers->result, message, job.attempted, now);
    else
        put_back(answers, message, hop, now->awake + delay);
}

/* True: all that was asked of the job is known. */
static bool take_outcomes(const struct worker_answers *answers,
                          const struct worker_event *event,
                          const struct moment *now)
{
    struct message *message = event->message;

    for (size_t i = 0; i < event->count; i++)
        if (event->outcomes[i].outcome.kind != OUTCOME_NONE &&
            message_take_answer(message, event->outcomes[i].index))
            note_outcome(answers, message, &event->outcomes[i], event->peer,
                         now);
    note_refusal(&answers->hops->list[message->attempt->smarthost], event,
                 now->awake);
    if (message->attempt->out > 0)
        return false;
    end_job(answers, message, 0, now);
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

static void take_end(const struct worker_answers *answers,
                     const struct worker_event *event,
                     const struct moment *now)
{
    struct message *message = event->message;
    const struct dates dates = { message->received, now->wall };

    for (size_t i = 0; i < event->count; i++)
        if (message_take_answer(message, event->delivered[i]))
            recall_accepted(answers->messages->recall, message_entry(message),
                            message_state(message), event->delivered[i],
                            &dates);
    message->refused += event->refused;
    if (event->crashed && message->attempt->out > 0)
        count_as_tried(message, now->wall);
    /* Done without an outcome: the worker could not read it. */
    end_job(answers, message, event->kind == WORKER_DONE ? RETRY_TROUBLE : 0,
            now);
}

static void take(const struct worker_answers *answers, struct hop *hop,
                 const struct worker_event *event, const struct moment *now)
{
    switch (event->kind) {
    case WORKER_OPENED:
        hop->certificate_end = event->certificate_end;
        if (availability_opened(&hop->availability, now->awake))
            log_up(answers, hop, event->peer);
        break;
    case WORKER_CLOSED:
        take_closed(answers, hop, event, now->awake);
        break;
    case WORKER_OUTCOMES:
        if (take_outcomes(answers, event, now))
            workers_finish(hop->workers, event);
        break;
    case WORKER_DONE:
    case WORKER_LOST:
        take_end(answers, event, now);
        break;
    }
}

void worker_answers_take(const struct worker_answers *answers,
                         const struct moment *now)
{
    struct worker_event event;

    for (size_t i = 0; i < answers->hops->count; i++)
        while (workers_next(answers->hops->list[i].workers, &event))
            take(answers, &answers->hops->list[i], &event, now);
}
