#include "relay/dispatch.h"

#include <stdlib.h>

#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/messages.h"
#include "relay/placement.h"
#include "relay/schedule.h"
#include "relay/wire.h"
#include "relay/worker_pool.h"
#include "spool/entry.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/log.h"

#define LARGE_MAX (16u << 20)   /* octets of large envelopes that are out: one
                                 * more waits, in turns of users */
#define REFUSED_MAX 3           /* times a message is refused as if a session
                                 * were over, before that is an attempt */
#define ROUND_TIME 50           /* milliseconds, for all smarthosts */

struct dispatch {
    struct messages *messages;
    struct schedule *schedule;
    struct hops *hops;
    struct moment now;          /* when all was looked at last, */
    size_t waiting;             /* and so many were in drop/ */
};

struct dispatch *dispatch_new(struct messages *messages, struct hops *hops)
{
    struct dispatch *dispatch = alloc_zero(1, sizeof *dispatch);

    dispatch->messages = messages;
    dispatch->schedule = messages->schedule;
    dispatch->hops = hops;
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch)
{
    free(dispatch);
}

/* --- One message. --- */

enum sending {
    SENT,                       /* the worker has it */
    NOT_SENT,                   /* it is dealt with otherwise */
    NOT_TAKEN,                  /* the worker takes no more now */
    NOT_NEEDED                  /* no recipient is open; it is open */
};

/* Give recipients that are due to this worker. */
static enum sending give(struct dispatch *dispatch, struct message *message,
                         size_t smarthost, struct worker_slot *slot)
{
    struct hop *hop = &dispatch->hops->list[smarthost];
    const struct entry *entry = message_entry(message);
    size_t *recipients = alloc_zero(WIRE_RECIPIENTS_MAX, sizeof *recipients);
    struct error err;

    message_begin_job(message, smarthost, dispatch->now.awake,
                      dispatch->now.wall);
    message->attempt->trial = availability_trial(&hop->availability);
    bool given = workers_give(hop->workers, slot, &(struct worker_job){
        .message = message,
        .id = message->id,
        .uid = message->uid,
        .owner = message->owner,
        .octets = entry->content_length,
        .final = message->refused >= REFUSED_MAX,
        .fd = entry->fd,
        .original = entry->original,
        .count = message_offer(message, recipients, WIRE_RECIPIENTS_MAX),
        .recipients = recipients,
    }, &err);
    free(recipients);
    if (given) {
        message_close_original(message);
        return SENT;
    }
    message_end_job(message);
    message_close(message);
    schedule_at(dispatch->schedule, message, dispatch->now.awake);
    return NOT_TAKEN;
}

/* A message, which is OUT, for a worker. */
static enum sending send_out(struct dispatch *dispatch,
                             struct message *message, size_t smarthost,
                             struct worker_slot *slot)
{
    struct messages *messages = dispatch->messages;
    int64_t now = dispatch->now.awake;
    struct error err;

    if (message->done) {
        messages_finish(messages, message, false, now);
        return NOT_SENT;
    }
    if (!message_open(message, &err)) {
        messages_cannot_open(messages, message, &err, now);
        return NOT_SENT;
    }
    if (state_open_count(message_state(message)) == 0)
        return NOT_NEEDED;
    if (slot == NULL) {         /* its state was replaced by an older one */
        message_describe(message);
        message_close(message);
        schedule_at(dispatch->schedule, message, now);
        return NOT_SENT;
    }
    return give(dispatch, message, smarthost, slot);
}

/* --- One smarthost. --- */

/* Mail that any may carry is this one's if all before it are down. A busy one
 * is not. */
static bool has_turn(const struct dispatch *dispatch, size_t smarthost)
{
    for (size_t i = 0; i < smarthost; i++)
        if (dispatch->hops->list[i].availability.state == HOP_UP)
            return false;
    return true;
}

/* The workers of a smarthost, at a time. */
struct turn {
    const struct messages *messages;
    const struct workers *workers;
    int64_t now;
};

static bool may_go(const void *context, const struct message *message)
{
    const struct turn *turn = context;

    if (!message_is_open(message))
        return true;
    return (!message_is_large(message) ||
            turn->messages->home.large < LARGE_MAX) &&
           placement_allows(turn->workers, message->owner, message->size,
                            turn->now);
}

/* How many messages are there for it, of which so many are ready? Those that
 * are not taken yet go where these go. They do not count where it is near: then
 * this machine is the limit, and connections only cost it. */
static size_t backlog(const struct dispatch *dispatch, const struct hop *hop,
                      size_t ready)
{
    size_t all = schedule_count_in(dispatch->schedule, MESSAGE_READY);

    if (!concurrency_is_far(&hop->workers->concurrency))
        return ready;
    return ready + (size_t)((uint64_t)dispatch->waiting * ready / all);
}

/* Open another connection, if one is worth it. Where the smarthost is not up,
 * that is the trial. */
static void widen(struct hop *hop, const struct worker_slot *slot,
                  size_t backlog, int64_t now)
{
    struct error err;

    if (!placement_wants_more(hop->workers, slot, backlog, now) ||
        placement_make_room(hop->workers, now) ||
        !availability_may_connect(&hop->availability, now))
        return;
    if (workers_start(hop->workers, &err))
        return;
    availability_cannot_connect(&hop->availability);
    log_line(LOG_LEVEL_ERROR, "%s: will be tried again", err.text);
}

/* A READY message, if a worker can have it. */
static enum sending send_one(struct dispatch *dispatch,
                             struct message *message, size_t smarthost,
                             size_t ready)
{
    struct hop *hop = &dispatch->hops->list[smarthost];
    int64_t now = dispatch->now.awake;
    struct worker_slot *slot = placement_choose(hop->workers, now);

    if (!message_is_open(message)) {
        schedule_take(dispatch->schedule, message);
        return send_out(dispatch, message, smarthost, NULL);
    }
    if (hop->availability.state == HOP_UP || slot == NULL)
        widen(hop, slot, backlog(dispatch, hop, ready), now);
    if (slot == NULL ||
        !hops_give_out(dispatch->hops, smarthost, &dispatch->now))
        return NOT_TAKEN;
    schedule_take(dispatch->schedule, message);
    enum sending sending = send_out(dispatch, message, smarthost, slot);
    if (sending != SENT)        /* a trial, too: nothing has gone */
        hops_give_back(dispatch->hops, smarthost, &dispatch->now);
    return sending;
}

/* All for this smarthost that can go, for its part of a round. A message that
 * needs no worker is returned before that; else NULL. */
static struct message *send_all(struct dispatch *dispatch, size_t smarthost,
                                bool *more)
{
    struct hop *hop = &dispatch->hops->list[smarthost];
    int64_t now = dispatch->now.awake;
    int64_t end = clock_now() + ROUND_TIME / (int64_t)dispatch->hops->count;
    const struct turn turn = { dispatch->messages, hop->workers, now };
    bool any = has_turn(dispatch, smarthost);

    do {
        size_t ready = schedule_ready_for(dispatch->schedule, smarthost, any);
        struct message *message = NULL;
        if (ready > 0 && availability_next_time(&hop->availability,
                                                now) <= now)
            message = schedule_next(dispatch->schedule, smarthost, any, may_go,
                                    &turn);
        if (message == NULL)
            return NULL;
        switch (send_one(dispatch, message, smarthost, ready)) {
        case NOT_TAKEN:
            return NULL;
        case NOT_NEEDED:
            return message;
        default:
            break;
        }
    } while (clock_now() < end);
    *more = true;
    return NULL;
}

struct message *dispatch_run(struct dispatch *dispatch,
                             const struct moment *now, size_t waiting,
                             bool *more)
{
    struct message *message = NULL;

    *more = false;
    dispatch->now = *now;
    dispatch->waiting = waiting;
    schedule_wake(dispatch->schedule, now->awake);
    for (size_t i = 0; message == NULL && i < dispatch->hops->count; i++) {
        workers_recall(dispatch->hops->list[i].workers, now->awake);
        message = send_all(dispatch, i, more);
    }
    return message;
}

int64_t dispatch_next_time(const struct dispatch *dispatch)
{
    int64_t now = dispatch->now.awake;
    int64_t next = schedule_next_time(dispatch->schedule);

    for (size_t i = 0; i < dispatch->hops->count; i++) {
        const struct hop *hop = &dispatch->hops->list[i];
        int64_t gate = availability_next_time(&hop->availability, now);
        next = clock_earlier(next, placement_next_time(hop->workers, now));
        /* One that is up waits for workers, and they wake us. */
        if (gate > now &&
            schedule_ready_for(dispatch->schedule, i,
                               has_turn(dispatch, i)) > 0)
            next = clock_earlier(next, gate);
    }
    return next;
}

bool dispatch_is_idle(const struct dispatch *dispatch)
{
    int64_t now = dispatch->now.awake;

    if (schedule_count_in(dispatch->schedule, MESSAGE_OUT) > 0)
        return false;
    for (size_t i = 0; i < dispatch->hops->count; i++) {
        const struct availability *host =
            &dispatch->hops->list[i].availability;
        if ((host->state == HOP_UP ||
             availability_next_time(host, now) <= now) &&
            schedule_ready_for(dispatch->schedule, i,
                               has_turn(dispatch, i)) > 0)
            return false;
    }
    return true;
}
