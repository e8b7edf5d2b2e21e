/*
 * question.h - a request of a client while it is answered
 *
 * For the files that answer one: requests.c, and queue_list.c and changes.c,
 * which go over all messages. A long answer is made in parts, and the progress
 * is where the next one begins; what a client may see and change depends on
 * their uid.
 */
#ifndef POSTRIDER_RELAY_QUESTION_H
#define POSTRIDER_RELAY_QUESTION_H

#include <stdbool.h>
#include <sys/types.h>

#include "relay/messages.h"
#include "relay/shares.h"

struct buf;
struct control_progress;
struct hops;
struct launch;
struct message;
struct metrics;
struct moment;
struct pickup;
struct storage;
struct troubles;

/* The parts of the daemon that requests are about. */
struct question_parts {
    struct messages *messages;
    struct hops *hops;
    struct storage *storage;
    struct pickup *pickup;
    struct metrics *metrics;
    struct troubles *troubles;
    struct launch *launch;
};

/* All is borrowed. */
struct question {
    const struct question_parts *parts;
    struct askers *askers;      /* when users, not administrators, asked for
                                 * attempts */
    const struct moment *now;
    uid_t uid;                  /* the client's */
    const char *argument;       /* "" if there is none */
    struct control_progress *progress;
    struct buf *out;            /* where the answer goes */
    char *waiting;              /* set to a queue-id: answer later */
};

/* Does root or the daemon's user ask? */
bool question_is_privileged(const struct question *q);

/* May the client see this message, and change it? */
bool question_may_see(const struct question *q, const struct message *message);

/* Is it about all messages, instead of one? */
bool question_names_all(const struct question *q);

/* Call visit for messages from where the answer is, until this part of it is
 * long enough. True: there are more. */
bool question_go_on(const struct question *q, messages_visit *visit,
                    void *context);

#endif
