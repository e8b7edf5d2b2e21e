/* mission.c - act on what workers report about messages and smarthosts */
#include "relay/desk.h"

#include <time.h>

#include "config/config.h"
#include "relay/wire.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/clock.h"
#include "util/log.h"

#define OWN_TROUBLE_TIME 60000  /* milliseconds until it is tried again */

static void reopen(struct desk *desk, size_t smarthost, const char *peer)
{
    log_line(LOG_LEVEL_INFO, "smarthost %s is up: %s",
             desk->config->smarthosts[smarthost].name, peer);
    schedule_release(desk->schedule, smarthost);
}

static void log_closed(const struct desk *desk, size_t smarthost,
                       const struct error *err)
{
    const char *name = desk->config->smarthosts[smarthost].name;

    if (desk->gates[smarthost].state == GATE_PARKED)
        log_line(LOG_LEVEL_ALERT, "smarthost %s is parked, its mail is kept: "
                 "%s", name, err->text);
    else
        log_line(LOG_LEVEL_WARNING, "smarthost %s is down, its mail is kept: "
                 "%s", name, err->text);
}

static void take_closed(struct desk *desk, size_t smarthost,
                        const struct worker_event *event)
{
    struct gate *gate = &desk->gates[smarthost];

    if (event->served && gate->state == GATE_UP) {
        log_line(LOG_LEVEL_INFO, "smarthost %s: one connection failed, others "
                 "go on: %s", desk->config->smarthosts[smarthost].name,
                 event->error->text);
        return;
    }
    if (!gate_failed(gate, event->error, clock_now()))
        return;
    log_closed(desk, smarthost, event->error);
    pickup_store_all(desk);
}

/*
 * What an outcome tells of the smarthost. A refusal that may be for want of a
 * login is one as long as the smarthost has not taken any mail without: one
 * that does refuses single messages, and they must not stop all others.
 */
static void judge_smarthost(struct desk *desk, const struct mission *mission,
                            struct outcome *outcome, const char *peer)
{
    struct gate *gate = &desk->gates[mission->smarthost];
    struct error err;

    gate->has_served |= outcome->kind == OUTCOME_DELIVERED;
    if (outcome->wants_login && !gate->has_served)
        outcome_blame_login(outcome, desk->config->
                            smarthosts[mission->smarthost].host, NULL);
    if (outcome->kind != OUTCOME_DEFERRED) {
        if (gate_served(gate, mission->probe, clock_now()))
            reopen(desk, mission->smarthost, peer);
    } else if (outcome->fault == FAULT_PERMISSION) {
        error_set(&err, FAULT_PERMISSION, "%s", outcome->text);
        if (!gate_refused(gate, &err, clock_now()))
            return;
        log_closed(desk, mission->smarthost, &err);
        pickup_store_all(desk);
    }
}

/* Each recipient of a job counts once. */
static bool take_answer(struct mission *mission, size_t index)
{
    if (index >= mission->state->count || mission->offers[index] != OFFER_OUT)
        return false;
    mission->offers[index] = OFFER_DONE;
    mission->out--;
    mission->attempted = true;
    return true;
}

static void take_outcome(struct desk *desk, struct mission *mission,
                         const struct wire_outcome *one, const char *peer)
{
    struct outcome judged = { 0 };

    if (one->outcome.kind == OUTCOME_NONE || !take_answer(mission, one->index))
        return;
    outcome_copy(&judged, &one->outcome);
    judge_smarthost(desk, mission, &judged, peer);
    settle_outcome(mission, desk, one->index, &judged, peer,
                   one->dsn_passed_on);
    outcome_free(&judged);
}

/* The message goes back to where it came from, as if nothing had been tried. */
static void put_back(struct desk *desk, struct mission *mission, int64_t delay)
{
    struct message *message = mission->ticket;

    dispatch_give_back(message, mission->entry);
    mission->entry = NULL;
    dispatch_keep_offers(mission);
    schedule_at(desk->schedule, message, clock_now() + delay);
    if (message->entry != NULL &&
        desk->gates[mission->smarthost].state != GATE_UP)
        pickup_store(desk, message);
}

/* Is a recipient open whom this attempt has not come to? */
static bool has_more(const struct mission *mission)
{
    for (size_t i = 0; i < mission->state->count; i++)
        if (mission->state->recipients[i].result == STATE_OPEN &&
            mission->offers[i] != OFFER_DONE)
            return true;
    return false;
}

/* delay is for a message that was not attempted. */
static void end_mission(struct desk *desk, struct mission *mission,
                        int64_t delay)
{
    struct entry *entry = mission->entry;

    gate_returned(&desk->gates[mission->smarthost], mission->probe,
                  mission->attempted, clock_now());
    rates_note(desk, mission->smarthost,
               mission->attempted ? RATES_SENT : RATES_BACK);
    if (mission->refused && state_open_count(mission->state) > 0) {
        dispatch_withdraw(desk, mission->ticket);
    } else if (mission->attempted && has_more(mission)) {
        mission->entry = NULL;
        dispatch_keep_offers(mission);
        settle_part(desk, mission->ticket, entry, mission->state);
    } else if (mission->attempted || mission->state->held) {
        mission->entry = NULL;
        settle_message(desk, mission->ticket, entry, mission->state,
                       mission->attempted);
    } else {
        put_back(desk, mission, delay);
    }
    dispatch_end(desk, mission);
}

static void take_delivered(struct desk *desk, struct mission *mission,
                           const size_t *delivered, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (take_answer(mission, delivered[i]))
            settle_accepted(desk, mission->entry, mission->state,
                            delivered[i], mission->ticket->received);
}

/* A message that kills workers must wait for its next attempt. */
static void count_as_tried(struct mission *mission)
{
    for (size_t i = 0; i < mission->state->count; i++)
        if (take_answer(mission, i))
            mission->state->recipients[i].when = time(NULL);
}

/* True: all that was asked of the job is known. */
static bool take_outcomes(struct desk *desk, const struct worker_event *event)
{
    struct mission *mission = dispatch_find(desk, event->job);

    if (mission == NULL)
        return true;
    for (size_t i = 0; i < event->count; i++)
        take_outcome(desk, mission, &event->outcomes[i], event->peer);
    if (mission->out > 0)
        return false;
    end_mission(desk, mission, 0);
    return true;
}

static void take_end(struct desk *desk, const struct worker_event *event)
{
    struct mission *mission = dispatch_find(desk, event->job);

    if (mission == NULL)
        return;
    take_delivered(desk, mission, event->delivered, event->count);
    if (event->crashed && mission->out > 0) {
        log_line(LOG_LEVEL_WARNING, "%s: deferred: its worker died",
                 mission->ticket->id);
        count_as_tried(mission);
    }
    /* Done without an outcome: the worker could not read it. */
    end_mission(desk, mission,
                event->kind == WORKER_DONE ? OWN_TROUBLE_TIME : 0);
}

void mission_take(struct desk *desk, size_t smarthost,
                  const struct worker_event *event)
{
    switch (event->kind) {
    case WORKER_OPENED:
        if (gate_opened(&desk->gates[smarthost], clock_now()))
            reopen(desk, smarthost, event->peer);
        break;
    case WORKER_CLOSED:
        take_closed(desk, smarthost, event);
        break;
    case WORKER_OUTCOMES:
        if (take_outcomes(desk, event))
            workers_finish(desk->workers[smarthost], event);
        break;
    case WORKER_DONE:
    case WORKER_LOST:
        take_end(desk, event);
        break;
    }
}
