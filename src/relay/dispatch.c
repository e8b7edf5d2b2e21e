/* dispatch.c - give the messages that are due to workers */
#include "relay/desk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "relay/wire.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"

#define RETRY_TIME 60000        /* milliseconds after trouble of our own */
#define HEAVY_MAX (16u << 20)   /* of all such messages that are out: one more
                                 * waits, in turns of users */

static struct mission **bucket_of(struct desk *desk, uint64_t number)
{
    return &desk->missions[number % DESK_BUCKETS];
}

struct mission *dispatch_find(struct desk *desk, uint64_t number)
{
    struct mission *mission = *bucket_of(desk, number);

    while (mission != NULL && mission->number != number)
        mission = mission->next;
    return mission;
}

struct mission *dispatch_of(struct desk *desk, const struct message *message)
{
    for (size_t i = 0; i < DESK_BUCKETS; i++)
        for (struct mission *mission = desk->missions[i]; mission != NULL;
             mission = mission->next)
            if (mission->ticket == message)
                return mission;
    return NULL;
}

void dispatch_keep_offers(struct mission *mission)
{
    bool begun = false;

    for (size_t i = 0; i < mission->state->count; i++)
        if (mission->offers[i] == OFFER_OUT)
            mission->offers[i] = OFFER_DUE;
        else if (mission->offers[i] == OFFER_DONE)
            begun = true;
    if (!begun)
        return;
    mission->ticket->offers = mission->offers;
    mission->offers = NULL;
}

void dispatch_end(struct desk *desk, struct mission *mission)
{
    struct mission **link = bucket_of(desk, mission->number);

    while (*link != mission)
        link = &(*link)->next;
    *link = mission->next;
    desk->heavy -= mission->heavy;
    entry_free(mission->entry);
    state_free(mission->state);
    free(mission->offers);
    free(mission);
}

void dispatch_give_back(struct message *message, struct entry *entry)
{
    if (message->stored)
        entry_free(entry);
    else
        message->entry = entry;
}

/* A shortage passes; a right that was lost needs somebody who mends it. */
static void cannot_now(struct desk *desk, struct message *message,
                       const struct error *err)
{
    if (message->stored && message->unsaved == NULL &&
        (err->fault == FAULT_PERMISSION || err->fault == FAULT_NEWER)) {
        pickup_set_aside(desk, message, err);
        return;
    }
    log_line(LOG_LEVEL_ERROR, "%s: %s", message->id, err->text);
    schedule_at(desk->schedule, message, clock_now() + RETRY_TIME);
}

/* What is known of a message's message cannot be read. */
static void put_aside(struct desk *desk, struct message *message,
                      struct error *why)
{
    if (pickup_fail(desk, message->id, why))
        pickup_forget(desk, message);
    else
        cannot_now(desk, message, why);
}

/* The message of a message, from memory or from queue/; NULL: it is gone or
 * stays for later. */
static struct entry *open_message(struct desk *desk, struct message *message)
{
    struct error err = { 0 };
    int64_t received;

    struct entry *entry = message->entry;
    message->entry = NULL;
    if (entry == NULL)
        entry = queue_open(&desk->spool, message->id, &received, &err);
    if (entry == NULL)
        put_aside(desk, message, &err);
    return entry;
}

/* Recipients that are due in this attempt, at most as many as a job can hold:
 * they are out now. The caller frees. */
static size_t *take_recipients(struct mission *mission)
{
    const struct state *state = mission->state;
    size_t *indices = alloc_zero(WIRE_RECIPIENTS_MAX, sizeof *indices);

    for (size_t i = 0; i < state->count &&
                       mission->out < WIRE_RECIPIENTS_MAX; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            mission->offers[i] == OFFER_DUE) {
            mission->offers[i] = OFFER_OUT;
            indices[mission->out++] = i;
        }
    return indices;
}

static struct mission *begin(struct desk *desk, struct message *message,
                             struct entry *entry, struct state *state,
                             size_t smarthost)
{
    struct mission *mission = alloc_zero(1, sizeof *mission);
    struct mission **bucket;

    mission->number = ++desk->next_mission;
    mission->ticket = message;
    mission->entry = entry;
    mission->state = state;
    mission->offers = message->offers;
    message->offers = NULL;
    if (mission->offers == NULL) {
        mission->offers = alloc_zero(state->count, sizeof *mission->offers);
        message->trying = lifetime_age(message->received, time(NULL));
    }
    mission->heavy = message->memory > DESK_HEAVY ? message->memory : 0;
    desk->heavy += mission->heavy;
    mission->smarthost = smarthost;
    mission->probe = gate_probe(&desk->gates[smarthost]);
    mission->started = clock_now();
    bucket = bucket_of(desk, mission->number);
    mission->next = *bucket;
    *bucket = mission;
    return mission;
}

bool dispatch_finish(struct desk *desk, struct message *message, bool sync)
{
    pickup_discharge(desk, message);
    if (queue_remove(&desk->spool, message->id, sync)) {
        pickup_forget(desk, message);
        return true;
    }
    /* While the message is known, nobody takes the file for a new message. */
    if (!message->done)
        log_line(LOG_LEVEL_ERROR, "%s: it is done, but its files cannot be "
                 "removed: will be tried again", message->id);
    message->done = true;
    schedule_unbind(desk->schedule, message);
    schedule_at(desk->schedule, message, clock_now() + RETRY_TIME);
    return false;
}

void dispatch_withdraw(struct desk *desk, struct message *message)
{
    log_line(LOG_LEVEL_INFO, "%s: removed by the administrator", message->id);
    dispatch_finish(desk, message, false);
}

enum sending {
    SENT,                       /* the worker has it */
    NOT_SENT,                   /* it is dealt with otherwise */
    NOT_TAKEN                   /* ready again: the worker takes no more now */
};

/* A mission for the worker of this slot. False: it was not taken, and ended. */
static bool give(struct desk *desk, struct mission *mission,
                 struct worker_slot *slot)
{
    const struct message *message = mission->ticket;
    struct error err = { 0 };
    size_t *recipients = take_recipients(mission);
    const struct worker_job job = {
        .number = mission->number,
        .id = message->id,
        .uid = message->uid,
        .owner = message->owner,
        .octets = mission->entry->content_length,
        .fd = mission->entry->fd,
        .recipients = recipients,
        .count = mission->out,
    };
    bool given = workers_give(desk->workers[mission->smarthost], slot, &job,
                              &err);

    free(recipients);
    if (given)
        return true;
    dispatch_give_back(mission->ticket, mission->entry);
    mission->entry = NULL;
    dispatch_keep_offers(mission);
    schedule_at(desk->schedule, mission->ticket, clock_now());
    dispatch_end(desk, mission);
    return false;
}

/* Give a message, which is OUT, to a worker. */
static enum sending send_out(struct desk *desk, struct message *message,
                             size_t smarthost, struct worker_slot *slot)
{
    struct error err = { 0 };

    if (message->done) {
        dispatch_finish(desk, message, false);
        return NOT_SENT;
    }
    struct entry *entry = open_message(desk, message);
    if (entry == NULL)
        return NOT_SENT;
    struct state *state = pickup_state(desk, message, entry, &err);
    if (state == NULL) {
        dispatch_give_back(message, entry);
        put_aside(desk, message, &err);
        return NOT_SENT;
    }
    if (state_open_count(state) == 0) {
        /* A stop came between its last outcome and its report; or it has
         * flaws, which are the outcome of a first attempt. */
        settle_message(desk, message, entry, state, state->attempts == 0);
        state_free(state);
        return NOT_SENT;
    }
    struct mission *mission = begin(desk, message, entry, state, smarthost);
    return give(desk, mission, slot) ? SENT : NOT_TAKEN;
}

/* Smarthosts come in order: mail that any may carry is this one's if all in
 * front of it are down. A busy one is not. */
static bool has_turn(const struct desk *desk, size_t smarthost)
{
    for (size_t i = 0; i < smarthost; i++)
        if (desk->gates[i].state == GATE_UP)
            return false;
    return true;
}

/* Is anybody open still? Else only reports and files are left to be made and
 * removed. */
static bool needs_worker(const struct message *message)
{
    const char *summary = message->summary;

    return !message->done &&
           (summary == NULL || summary[strlen(summary) + 1] != '\0');
}

struct place {
    const struct desk *desk;
    const struct workers *pool;
    int64_t now;
};

static bool has_place(const void *context, const struct message *message)
{
    const struct place *place = context;

    if (!needs_worker(message))
        return true;
    return (message->memory <= DESK_HEAVY || place->desk->heavy < HEAVY_MAX) &&
           workers_have_place(place->pool, message->owner, message->size,
                              place->now);
}

/* Another connection, if one is worth it; where the smarthost is not up, it is
 * the probe. */
static void widen(struct desk *desk, size_t smarthost,
                  const struct worker_slot *slot, size_t ready, int64_t now)
{
    struct workers *pool = desk->workers[smarthost];
    struct gate *gate = &desk->gates[smarthost];
    struct error err;

    if (!workers_want_more(pool, slot, ready, now) ||
        workers_make_room(pool) || !gate_knock(gate, now))
        return;
    if (workers_start(pool, &err))
        return;
    gate_unknock(gate);
    log_line(LOG_LEVEL_ERROR, "%s: will be tried again", err.text);
}

/* One message for this smarthost. False: none is ready, or none can go. */
static bool dispatch_one(struct desk *desk, size_t smarthost, int64_t now)
{
    struct gate *gate = &desk->gates[smarthost];
    const struct place place = { desk, desk->workers[smarthost], now };
    bool any = has_turn(desk, smarthost);
    size_t ready = schedule_ready_for(desk->schedule, smarthost, any);

    if (ready == 0 || gate_next_time(gate, now) > now)
        return false;
    struct message *message = schedule_next(desk->schedule, smarthost, any,
                                          has_place, &place);
    if (message == NULL)
        return false;
    struct worker_slot *slot = workers_choose(desk->workers[smarthost], now);
    if (!needs_worker(message)) {
        schedule_take(desk->schedule, message);
        return send_out(desk, message, smarthost, NULL) != NOT_TAKEN;
    }
    if (gate->state == GATE_UP || slot == NULL)
        widen(desk, smarthost, slot, ready, now);
    if (slot == NULL || gate_take(gate, 1, now) == 0)
        return false;
    rates_note(desk, smarthost, RATES_OUT);
    schedule_take(desk->schedule, message);
    enum sending sending = send_out(desk, message, smarthost, slot);
    if (sending != SENT) {
        gate_give_back(gate);   /* a probe, too: nothing is on its way */
        rates_note(desk, smarthost, RATES_BACK);
    }
    return sending != NOT_TAKEN;
}

bool dispatch_run(struct desk *desk)
{
    int64_t now = desk->dispatched = clock_now();
    size_t count = desk->config->smarthost_count;
    bool more = false;

    if (desk->stopping)
        return false;
    schedule_wake(desk->schedule, now);
    for (size_t i = 0; i < count; i++) {
        int64_t end = clock_now() + DESK_ROUND / (int64_t)count;
        bool given = true;
        workers_recall(desk->workers[i], now);
        do
            given = dispatch_one(desk, i, now);
        while (given && clock_now() < end);
        more = more || given;
    }
    return more;
}

int64_t dispatch_next_time(const struct desk *desk)
{
    int64_t now = desk->dispatched;
    int64_t next = schedule_next_time(desk->schedule);

    for (size_t i = 0; i < desk->config->smarthost_count; i++) {
        int64_t gate = gate_next_time(&desk->gates[i], now);
        next = clock_earlier(next, workers_next_time(desk->workers[i], now));
        /* A gate that is open waits for workers, and they wake us. */
        if (gate > now &&
            schedule_ready_for(desk->schedule, i, has_turn(desk, i)) > 0)
            next = clock_earlier(next, gate);
    }
    return next;
}

const char *dispatch_reason(const struct desk *desk,
                            const struct message *message)
{
    if (message->missing != NULL)
        return message->missing;
    if (message->reason != NULL)
        return message->reason;
    for (size_t i = 0; i < desk->config->smarthost_count; i++)
        if (desk->gates[i].reason != NULL && message_may_use(message, i))
            return desk->gates[i].reason;
    return "";
}
