#include "relay/ready.h"

#include <stdlib.h>

#include "relay/schedule.h"
#include "util/alloc.h"

#define BUCKETS 256

struct ready_owner {
    uid_t uid;
    struct message *first, *last;
    bool is_new;
    struct ready_owner *previous, *next;    /* in the ring */
    struct ready_owner *next_in_bucket;
};

static struct ready_owner **bucket_of(struct ready *ready, uid_t uid)
{
    if (ready->buckets == NULL)
        ready->buckets = alloc_zero(BUCKETS, sizeof *ready->buckets);
    return &ready->buckets[uid % BUCKETS];
}

static struct ready_owner *find_owner(struct ready *ready, uid_t uid)
{
    struct ready_owner *owner = *bucket_of(ready, uid);

    while (owner != NULL && owner->uid != uid)
        owner = owner->next_in_bucket;
    return owner;
}

static void link_last(struct ready_owner **ring, struct ready_owner *owner)
{
    if (*ring == NULL) {
        *ring = owner->previous = owner->next = owner;
        return;
    }
    owner->next = *ring;
    owner->previous = (*ring)->previous;
    owner->previous->next = owner->next->previous = owner;
}

static void unlink_owner(struct ready_owner **ring, struct ready_owner *owner)
{
    if (*ring == owner)
        *ring = owner->next == owner ? NULL : owner->next;
    owner->previous->next = owner->next;
    owner->next->previous = owner->previous;
}

static struct ready_owner *add_owner(struct ready *ready, uid_t uid)
{
    struct ready_owner *owner = alloc_zero(1, sizeof *owner);
    struct ready_owner **bucket = bucket_of(ready, uid);

    owner->uid = uid;
    owner->is_new = true;
    owner->next_in_bucket = *bucket;
    *bucket = owner;
    link_last(&ready->new, owner);
    return owner;
}

static void remove_owner(struct ready *ready, struct ready_owner **ring,
                         struct ready_owner *owner)
{
    struct ready_owner **link = bucket_of(ready, owner->uid);

    while (*link != owner)
        link = &(*link)->next_in_bucket;
    *link = owner->next_in_bucket;
    unlink_owner(ring, owner);
    free(owner);
}

/* Forget owners who have nothing when their turn comes. */
static void skip_idle(struct ready *ready)
{
    while (ready->turn != NULL && ready->turn->first == NULL)
        remove_owner(ready, &ready->turn, ready->turn);
}

void ready_free(struct ready *ready)
{
    while (ready->new != NULL)
        remove_owner(ready, &ready->new, ready->new);
    while (ready->turn != NULL)
        remove_owner(ready, &ready->turn, ready->turn);
    free(ready->buckets);
    *ready = (struct ready){ 0 };
}

void ready_add(struct ready *ready, struct message *message)
{
    struct ready_owner *owner = find_owner(ready, message->owner);

    if (owner == NULL)
        owner = add_owner(ready, message->owner);
    message->next = NULL;
    message->previous = owner->last;
    if (owner->last != NULL)
        owner->last->next = message;
    else
        owner->first = message;
    owner->last = message;
    ready->count++;
}

void ready_remove(struct ready *ready, struct message *message)
{
    struct ready_owner *owner = find_owner(ready, message->owner);

    if (message->previous != NULL)
        message->previous->next = message->next;
    else
        owner->first = message->next;
    if (message->next != NULL)
        message->next->previous = message->previous;
    else
        owner->last = message->previous;
    message->previous = message->next = NULL;
    ready->count--;
    if (owner->first == NULL && owner->is_new)
        remove_owner(ready, &ready->new, owner);
    skip_idle(ready);
}

static struct message *next_in_ring(const struct ready_owner *ring,
                                    ready_fits *fits, const void *context)
{
    const struct ready_owner *owner = ring;

    if (owner == NULL)
        return NULL;
    do {
        if (owner->first != NULL &&
            (fits == NULL || fits(context, owner->first)))
            return owner->first;
        owner = owner->next;
    } while (owner != ring);
    return NULL;
}

struct message *ready_next(const struct ready *ready, ready_fits *fits,
                           const void *context)
{
    struct message *message = next_in_ring(ready->new, fits, context);

    return message != NULL ? message
                           : next_in_ring(ready->turn, fits, context);
}

void ready_take(struct ready *ready, struct message *message)
{
    struct ready_owner *owner = find_owner(ready, message->owner);

    if (owner->is_new) {
        unlink_owner(&ready->new, owner);
        link_last(&ready->turn, owner);
        owner->is_new = false;
    } else {
        ready->turn = owner->next;
    }
    ready_remove(ready, message);
}
