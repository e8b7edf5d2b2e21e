/*
 * ready.h - messages that may go now, taken round robin over their owners
 *
 * The first message of an owner who had none comes before the next ones of all
 * others: it does not wait for as many messages as there are owners. Such an
 * owner stays in the round after that, even with nothing left, so that one
 * message at a time does not go before those of the others each time.
 */
#ifndef POSTRIDER_RELAY_READY_H
#define POSTRIDER_RELAY_READY_H

#include <stdbool.h>
#include <stddef.h>

struct message;
struct ready_owner;

/* { 0 } is empty. */
struct ready {
    struct ready_owner *new;        /* owners who had nothing here; a ring */
    struct ready_owner *turn;       /* the others: whose message is next; so */
    struct ready_owner **buckets;   /* by uid; NULL while empty */
    size_t count;                   /* of messages */
};

void ready_free(struct ready *ready);                   /* not the messages */
void ready_add(struct ready *ready, struct message *message);
void ready_remove(struct ready *ready, struct message *message);

/* May this message be taken now? */
typedef bool ready_fits(const void *context, const struct message *message);

/* The first message that fits, of each owner their first one, from that whose
 * turn it is on; it stays. NULL if none does. fits may be NULL. */
struct message *ready_next(const struct ready *ready, ready_fits *fits,
                          const void *context);

/* Remove a message whose owner has had a turn with it. */
void ready_take(struct ready *ready, struct message *message);

#endif
