#include "relay/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "relay/ready.h"
#include "spool/state.h"
#include "util/alloc.h"
#include "util/hash.h"

#define BUCKETS SCHEDULE_PLACES /* a power of two */

struct schedule {
    struct ticket *buckets[BUCKETS];
    struct ticket **heap;       /* TIMED tickets, the earliest first */
    size_t timed;
    size_t heap_capacity;
    struct ready *ready;        /* one a smarthost; then for any; for none */
    size_t smarthosts;
    size_t count;
    size_t held;
    size_t stranded;            /* of them */
    size_t missing;             /* tickets without their smarthost */
};

struct schedule *schedule_new(size_t smarthosts)
{
    struct schedule *schedule = alloc_zero(1, sizeof *schedule);

    schedule->smarthosts = smarthosts;
    schedule->ready = alloc_zero(smarthosts + 2, sizeof *schedule->ready);
    return schedule;
}

static void ticket_free(struct ticket *ticket)
{
    free(ticket->summary);
    free(ticket->reason);
    free(ticket->missing);
    free(ticket->offers);
    state_free(ticket->unsaved);
    free(ticket);
}

void schedule_free(struct schedule *schedule)
{
    if (schedule == NULL)
        return;
    for (size_t i = 0; i < schedule->smarthosts + 2; i++)
        ready_free(&schedule->ready[i]);
    for (size_t i = 0; i < BUCKETS; i++) {
        struct ticket *ticket = schedule->buckets[i];
        while (ticket != NULL) {
            struct ticket *next = ticket->next_in_hash;
            ticket_free(ticket);
            ticket = next;
        }
    }
    free(schedule->ready);
    free(schedule->heap);
    free(schedule);
}

/* Ids are random, but callers choose theirs. */
static size_t bucket_of(const char *id)
{
    uint64_t hash = hash_start();

    for (; *id != '\0'; id++)
        hash = hash_octet(hash, *id);
    return hash_slot(hash, BUCKETS);
}

struct ticket *schedule_find(struct schedule *schedule, const char *id)
{
    struct ticket *ticket = schedule->buckets[bucket_of(id)];

    while (ticket != NULL && strcmp(ticket->id, id) != 0)
        ticket = ticket->next_in_hash;
    return ticket;
}

static void heap_set(struct schedule *schedule, size_t index,
                     struct ticket *ticket)
{
    schedule->heap[index] = ticket;
    ticket->heap_index = index;
}

static void heap_up(struct schedule *schedule, size_t index)
{
    struct ticket *ticket = schedule->heap[index];

    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (schedule->heap[parent]->due <= ticket->due)
            break;
        heap_set(schedule, index, schedule->heap[parent]);
        index = parent;
    }
    heap_set(schedule, index, ticket);
}

static void heap_down(struct schedule *schedule, size_t index)
{
    struct ticket *ticket = schedule->heap[index];

    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= schedule->timed)
            break;
        if (child + 1 < schedule->timed &&
            schedule->heap[child + 1]->due < schedule->heap[child]->due)
            child++;
        if (ticket->due <= schedule->heap[child]->due)
            break;
        heap_set(schedule, index, schedule->heap[child]);
        index = child;
    }
    heap_set(schedule, index, ticket);
}

static void heap_add(struct schedule *schedule, struct ticket *ticket)
{
    if (schedule->timed == schedule->heap_capacity) {
        schedule->heap_capacity = schedule->heap_capacity * 2 + 64;
        schedule->heap = alloc_resize(schedule->heap, schedule->heap_capacity,
                                      sizeof(struct ticket *));
    }
    heap_set(schedule, schedule->timed++, ticket);
    heap_up(schedule, ticket->heap_index);
}

static void heap_remove(struct schedule *schedule, struct ticket *ticket)
{
    size_t index = ticket->heap_index;
    struct ticket *last = schedule->heap[--schedule->timed];

    if (last == ticket)
        return;
    heap_set(schedule, index, last);
    heap_up(schedule, index);
    heap_down(schedule, last->heap_index);
}

bool ticket_may_use(const struct ticket *ticket, size_t smarthost)
{
    return ticket->smarthost == SMARTHOST_ANY ||
           (ticket->smarthost >= 0 && (size_t)ticket->smarthost == smarthost);
}

static struct ready *ready_of(struct schedule *schedule,
                              const struct ticket *ticket)
{
    switch (ticket->smarthost) {
    case SMARTHOST_ANY:
        return &schedule->ready[schedule->smarthosts];
    case SMARTHOST_MISSING:
        return &schedule->ready[schedule->smarthosts + 1];
    default:
        return &schedule->ready[ticket->smarthost];
    }
}

/* Take a ticket out of the place where it is. */
static void leave(struct schedule *schedule, struct ticket *ticket)
{
    if (ticket->place == TICKET_TIMED)
        heap_remove(schedule, ticket);
    else if (ticket->place == TICKET_READY)
        ready_remove(ready_of(schedule, ticket), ticket);
    else if (ticket->place == TICKET_HELD)
        schedule->held--;
    schedule->stranded -= ticket->stranded;
    ticket->stranded = false;
    ticket->place = TICKET_OUT;
}

struct ticket *schedule_add(struct schedule *schedule, const char *id,
                            uid_t uid, int smarthost)
{
    if (schedule_find(schedule, id) != NULL)
        return NULL;
    struct ticket *ticket = alloc_zero(1, sizeof *ticket);
    struct ticket **bucket = &schedule->buckets[bucket_of(id)];

    memcpy(ticket->id, id, sizeof ticket->id);
    ticket->uid = uid;
    ticket->smarthost = smarthost;
    schedule->missing += smarthost == SMARTHOST_MISSING;
    ticket->next_in_hash = *bucket;
    *bucket = ticket;
    schedule->count++;
    ticket->place = TICKET_TIMED;
    heap_add(schedule, ticket);
    return ticket;
}

void schedule_remove(struct schedule *schedule, struct ticket *ticket)
{
    struct ticket **link = &schedule->buckets[bucket_of(ticket->id)];

    leave(schedule, ticket);
    while (*link != ticket)
        link = &(*link)->next_in_hash;
    *link = ticket->next_in_hash;
    schedule->count--;
    schedule->missing -= ticket->smarthost == SMARTHOST_MISSING;
    ticket_free(ticket);
}

void schedule_at(struct schedule *schedule, struct ticket *ticket, int64_t due)
{
    leave(schedule, ticket);
    ticket->place = TICKET_TIMED;
    ticket->due = due;
    heap_add(schedule, ticket);
}

void schedule_hold(struct schedule *schedule, struct ticket *ticket)
{
    leave(schedule, ticket);
    ticket->place = TICKET_HELD;
    schedule->held++;
}

void schedule_strand(struct schedule *schedule, struct ticket *ticket)
{
    schedule_hold(schedule, ticket);
    ticket->stranded = true;
    schedule->stranded++;
}

void schedule_unbind(struct schedule *schedule, struct ticket *ticket)
{
    bool ready = ticket->place == TICKET_READY;

    if (ready)
        ready_remove(ready_of(schedule, ticket), ticket);
    schedule->missing -= ticket->smarthost == SMARTHOST_MISSING;
    ticket->smarthost = SMARTHOST_ANY;
    free(ticket->missing);
    ticket->missing = NULL;
    if (ready)
        ready_add(ready_of(schedule, ticket), ticket);
}

static void make_ready(struct schedule *schedule, struct ticket *ticket)
{
    leave(schedule, ticket);
    ticket->place = TICKET_READY;
    ready_add(ready_of(schedule, ticket), ticket);
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

struct ticket *schedule_next(const struct schedule *schedule, size_t smarthost,
                             bool any, ready_fits *fits, const void *context)
{
    const struct ready *ready = schedule->ready;
    struct ticket *ticket = ready_next(&ready[smarthost], fits, context);

    if (ticket == NULL && any)
        ticket = ready_next(&ready[schedule->smarthosts], fits, context);
    return ticket;
}

void schedule_take(struct schedule *schedule, struct ticket *ticket)
{
    ready_take(ready_of(schedule, ticket), ticket);
    ticket->place = TICKET_OUT;
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
    struct ticket **found = alloc_zero(schedule->timed, sizeof *found);

    for (size_t i = 0; i < schedule->timed; i++) {
        struct ticket *ticket = schedule->heap[i];
        if (ticket_may_use(ticket, smarthost))
            found[count++] = ticket;
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
                         enum ticket_place place)
{
    size_t ready = 0;

    for (size_t i = 0; i < schedule->smarthosts + 2; i++)
        ready += schedule->ready[i].count;
    switch (place) {
    case TICKET_TIMED:
        return schedule->timed;
    case TICKET_READY:
        return ready;
    case TICKET_HELD:
        return schedule->held;
    default:
        return schedule->count - schedule->timed - ready - schedule->held;
    }
}

void schedule_each_at(struct schedule *schedule, size_t place,
                      schedule_visit *visit, void *context)
{
    struct ticket *ticket = schedule->buckets[place];

    while (ticket != NULL) {
        struct ticket *next = ticket->next_in_hash;
        visit(context, ticket);
        ticket = next;
    }
}

void schedule_each(struct schedule *schedule, schedule_visit *visit,
                   void *context)
{
    for (size_t i = 0; i < BUCKETS; i++)
        schedule_each_at(schedule, i, visit, context);
}

static void note_oldest(void *context, struct ticket *ticket)
{
    int64_t *oldest = context;

    if (*oldest == 0 || ticket->received < *oldest)
        *oldest = ticket->received;
}

int64_t schedule_oldest(struct schedule *schedule)
{
    int64_t oldest = 0;

    schedule_each(schedule, note_oldest, &oldest);
    return oldest;
}
