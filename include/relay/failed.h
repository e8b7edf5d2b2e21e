/*
 * failed.h - what each user has in failed/
 */
#ifndef POSTRIDER_RELAY_FAILED_H
#define POSTRIDER_RELAY_FAILED_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct message;
struct shares;
struct spool;

struct failed {
    const struct spool *spool;
    struct shares *shares;
    struct timespec changed;    /* the folder, when it was counted */
};

/* Count the messages there by owner, if that has changed: true then. */
bool failed_count(struct failed *failed);

/* Has the owner room for this message there? */
bool failed_has_room(const struct failed *failed,
                     const struct message *message);

/* Move it there, with its state. False: it is still in queue/. */
struct error;
bool failed_take(struct failed *failed, const struct message *message,
                 struct error *err);

/* How many messages are there. */
size_t failed_messages(const struct failed *failed);

#endif
