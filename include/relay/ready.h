/*
 * ready.h - tickets that may go now, taken round robin over their owners
 */
#ifndef POSTRIDER_RELAY_READY_H
#define POSTRIDER_RELAY_READY_H

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

/* The ticket whose turn it is; it stays. The turn passes on. NULL if empty. */
struct ticket *ready_next(struct ready *ready);

#endif
