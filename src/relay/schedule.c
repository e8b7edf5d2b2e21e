#include "relay/schedule.h"

#include <stdlib.h>

#include "relay/ready.h"
#include "util/alloc.h"

struct schedule {
    struct message **heap;       /* TIMED messages, the earliest first */
    size_t timed;
    size_t heap_capacity;
    struct ready *ready;        /* one a smarthost; then that of messages which
                                 * any may carry; then of those which none */
    size_t smarthosts;
    size_t count;
    size_t held;
    size_t stranded;            /* of those that are held */
    size_t missing;             /* messages without their smarthost */
};

struct schedule *schedule_new(size_t smarthosts)
{
    struct schedule *schedule = alloc_zero(1, sizeof *schedule);

    schedule->smarthosts = smarthosts;
    schedule->ready = alloc_zero(smarthosts + 2, sizeof *schedule->ready);
    return schedule;
}

void schedule_free(struct schedule *schedule)
{
    if (schedule == NULL)
        return;
    for (size_t i = 0; i < schedule->smarthosts + 2; i++)
        ready_free(&schedule->ready[i]);
    free(schedule->ready);
    free(schedule->heap);
    free(schedule);
}

static void heap_set(struct schedule *schedule, size_t index,
                     struct message *message)
{
    schedule->heap[index] = message;
    message->heap_index = index;
}

static void heap_up(struct schedule *schedule, size_t index)
{
    struct message *message = schedule->heap[index];

    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (schedule->heap[parent]->due <= message->due)
            break;
        heap_set(schedule, index, schedule->heap[parent]);
        index = parent;
    }
    heap_set(schedule, index, message);
}

static void heap_down(struct schedule *schedule, size_t index)
{
    struct message *message = schedule->heap[index];

    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= schedule->timed)
            break;
        if (child + 1 < schedule->timed &&
            schedule->heap[child + 1]->due < schedule->heap[child]->due)
            child++;
        if (message->due <= schedule->heap[child]->due)
            break;
        heap_set(schedule, index, schedule->heap[child]);
        index = child;
    }
    heap_set(schedule, index, message);
}

static void heap_add(struct schedule *schedule, struct message *message)
{
    if (schedule->timed == schedule->heap_capacity) {
        schedule->heap_capacity = schedule->heap_capacity * 2 + 64;
        schedule->heap = alloc_resize(schedule->heap, schedule->heap_capacity,
                                      sizeof(struct message *));
    }
    heap_set(schedule, schedule->timed++, message);
    heap_up(schedule, message->heap_index);
}

static void heap_remove(struct schedule *schedule, struct message *message)
{
    size_t index = message->heap_index;
    struct message *last = schedule->heap[--schedule->timed];

    if (last == message)
        return;
    heap_set(schedule, index, last);
    heap_up(schedule, index);
    heap_down(schedule, last->heap_index);
}

static struct ready *ready_of(struct schedule *schedule,
                              const struct message *message)
{
    switch (message->smarthost) {
    case SMARTHOST_ANY:
        return &schedule->ready[schedule->smarthosts];
    case SMARTHOST_MISSING:
        return &schedule->ready[schedule->smarthosts + 1];
    default:
        return &schedule->ready[message->smarthost];
    }
}

/* Take a message out of the place where it is. */
static void leave(struct schedule *schedule, struct message *message)
{
    if (message->place == MESSAGE_TIMED)
        heap_remove(schedule, message);
    else if (message->place == MESSAGE_READY)
        ready_remove(ready_of(schedule, message), message);
    else if (message->place == MESSAGE_HELD)
        schedule->held--;
    schedule->stranded -= message->stranded;
    message->stranded = false;
    message->place = MESSAGE_OUT;
}

void schedule_add(struct schedule *schedule, struct message *message)
{
    schedule->missing += message->smarthost == SMARTHOST_MISSING;
    schedule->count++;
    message->place = MESSAGE_TIMED;
    heap_add(schedule, message);
}

void schedule_remove(struct schedule *schedule, struct message *message)
{
    leave(schedule, message);
    schedule->count--;
    schedule->missing -= message->smarthost == SMARTHOST_MISSING;
}

void schedule_at(struct schedule *schedule, struct message *message,
                 int64_t due)
{
    leave(schedule, message);
    message->place = MESSAGE_TIMED;
    message->due = due;
    heap_add(schedule, message);
}

void schedule_hold(struct schedule *schedule, struct message *message)
{
    leave(schedule, message);
    message->place = MESSAGE_HELD;
    schedule->held++;
}

void schedule_strand(struct schedule *schedule, struct message *message)
{
    schedule_hold(schedule, message);
    message->stranded = true;
    schedule->stranded++;
}

void schedule_unbind(struct schedule *schedule, struct message *message)
{
    bool ready = message->place == MESSAGE_READY;

    if (ready)
        ready_remove(ready_of(schedule, message), message);
    schedule->missing -= message->smarthost == SMARTHOST_MISSING;
    message->smarthost = SMARTHOST_ANY;
    free(message->missing);
    message->missing = NULL;
    if (ready)
        ready_add(ready_of(schedule, message), message);
}

static void make_ready(struct schedule *schedule, struct message *message)
{
    leave(schedule, message);
    message->place = MESSAGE_READY;
    ready_add(ready_of(schedule, message), message);
}

void schedule_wake(struct schedule *schedule, int64_t now)
{
    while (schedule->timed > 0 && schedule->heap[0]->due <= now)
        make_ready(schedule, schedule->heap[0]);
}

int64_t schedule_next_time(const struct schedule *schedule)
{
    return schedule->timed > 0 ? schedule->heap[0]->due : INT64_MAX;
}

struct message *schedule_next(const struct schedule *schedule, size_t smarthost,
                             bool any, ready_fits *fits, const void *context)
{
    const struct ready *ready = schedule->ready;
    struct message *message = ready_next(&ready[smarthost], fits, context);

    if (message == NULL && any)
        message = ready_next(&ready[schedule->smarthosts], fits, context);
    return message;
}

void schedule_take(struct schedule *schedule, struct message *message)
{
    ready_take(ready_of(schedule, message), message);
    message->place = MESSAGE_OUT;
}

size_t schedule_ready_for(const struct schedule *schedule, size_t smarthost,
                          bool any)
{
    return schedule->ready[smarthost].count +
           (any ? schedule->ready[schedule->smarthosts].count : 0);
}

void schedule_release(struct schedule *schedule, size_t smarthost)
{
    size_t count = 0;
    struct message **found = alloc_zero(schedule->timed, sizeof *found);

    for (size_t i = 0; i < schedule->timed; i++) {
        struct message *message = schedule->heap[i];
        if (message_may_use(message, smarthost))
            found[count++] = message;
    }
    for (size_t i = 0; i < count; i++)
        make_ready(schedule, found[i]);
    free(found);
}

size_t schedule_count(const struct schedule *schedule)
{
    return schedule->count;
}

size_t schedule_count_missing(const struct schedule *schedule)
{
    return schedule->missing;
}

size_t schedule_count_stranded(const struct schedule *schedule)
{
    return schedule->stranded;
}

size_t schedule_count_in(const struct schedule *schedule,
                         enum message_place place)
{
    size_t ready = 0;

    for (size_t i = 0; i < schedule->smarthosts + 2; i++)
        ready += schedule->ready[i].count;
    switch (place) {
    case MESSAGE_TIMED:
        return schedule->timed;
    case MESSAGE_READY:
        return ready;
    case MESSAGE_HELD:
        return schedule->held;
    default:
        return schedule->count - schedule->timed - ready - schedule->held;
    }
}
