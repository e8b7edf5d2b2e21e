#include "relay/ready.h"

#include <stdlib.h>

#include "relay/schedule.h"
#include "util/alloc.h"

#define BUCKETS 256

struct ready_owner {
    uid_t uid;
    struct message *first, *last;
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

static struct ready_owner *add_owner(struct ready *ready, uid_t uid)
{
    struct ready_owner *owner = alloc_zero(1, sizeof *owner);
    struct ready_owner **bucket = bucket_of(ready, uid);

    owner->uid = uid;
    owner->next_in_bucket = *bucket;
    *bucket = owner;
    /* Last in the ring: just before the one whose turn it is. */
    if (ready->turn == NULL) {
        ready->turn = owner->previous = owner->next = owner;
    } else {
        owner->next = ready->turn;
        owner->previous = ready->turn->previous;
        owner->previous->next = owner->next->previous = owner;
    }
    return owner;
}

static void remove_owner(struct ready *ready, struct ready_owner *owner)
{
    struct ready_owner **link = bucket_of(ready, owner->uid);

    while (*link != owner)
        link = &(*link)->next_in_bucket;
    *link = owner->next_in_bucket;
    if (ready->turn == owner)
        ready->turn = owner->next == owner ? NULL : owner->next;
    owner->previous->next = owner->next;
    owner->next->previous = owner->previous;
    free(owner);
}

void ready_free(struct ready *ready)
{
    while (ready->turn != NULL)
        remove_owner(ready, ready->turn);
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
    if (owner->first == NULL)
        remove_owner(ready, owner);
}

struct message *ready_next(const struct ready *ready, ready_fits *fits,
                          const void *context)
{
    const struct ready_owner *owner = ready->turn;

    if (owner == NULL)
        return NULL;
    do {
        if (fits == NULL || fits(context, owner->first))
            return owner->first;
        owner = owner->next;
    } while (owner != ready->turn);
    return NULL;
}

void ready_take(struct ready *ready, struct message *message)
{
    ready->turn = find_owner(ready, message->owner)->next;
    ready_remove(ready, message);
}
