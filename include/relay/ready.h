/*
 * ready.h - tickets that may go now, taken round robin over their owners
 */
#ifndef POSTRIDER_RELAY_READY_H
#define POSTRIDER_RELAY_READY_H

#include <stdbool.h>
#include <stddef.h>

struct ticket;
struct ready_owner;

/* { 0 } is empty. */
struct ready {
    struct ready_owner *turn;       /* whose ticket is next; a ring */
    struct ready_owner **buckets;   /* by uid; NULL while empty */
    size_t count;                   /* of tickets */
};

void ready_free(struct ready *ready);                   /* not the tickets */
void ready_add(struct ready *ready, struct ticket *ticket);
void ready_remove(struct ready *ready, struct ticket *ticket);

/* May this ticket be taken now? */
typedef bool ready_fits(const void *context, const struct ticket *ticket);

/* The first ticket that fits, of each owner their first one, from that whose
 * turn it is on; it stays. NULL if none does. fits may be NULL. */
struct ticket *ready_next(const struct ready *ready, ready_fits *fits,
                          const void *context);

/* Remove a ticket whose owner has had a turn with it. */
void ready_take(struct ready *ready, struct ticket *ticket);

#endif
