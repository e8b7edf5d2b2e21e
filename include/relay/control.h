/*
 * control.h - the control socket: requests to the daemon, and its answers
 *
 * A Unix socket; control/protocol.h has what goes over it. The socket's peer
 * credentials identify the client. A long answer is made in parts, each when
 * the client has taken the one before. Clients are bounded in number, in what
 * they may leave unread, and in time: a slow one is dropped, and stalls no
 * other. The client's side is control/client.h.
 */
#ifndef POSTRIDER_RELAY_CONTROL_H
#define POSTRIDER_RELAY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/protocol.h"
#include "util/error.h"

struct buf;
struct control;             /* fields: src/relay/control.c */

/* How far the answer to a request has come; all 0 at first. The control only
 * keeps it. */
struct control_progress {
    size_t place;
    size_t changes[4];          /* by how they ended: changes.c */
    struct queue_others hidden; /* from the caller of a list */
    bool scanned;               /* what is in drop/ before the list */
    int64_t next_word;          /* to a client who waits until all messages
                                 * are read */
};

struct control_request {
    uid_t uid;                  /* the peer's */
    enum request request;
    const char *argument;       /* "" if there is none */
    struct control_progress *progress;
    struct buf *out;            /* append lines here */
    char *waiting;              /* for CONTROL_WAITS: 33 octets */
};

enum control_reply {
    CONTROL_DONE,               /* send it and close */
    CONTROL_MORE,               /* send it and ask for the next part */
    CONTROL_WAITS               /* keep the client until control_announce is
                                 * called for the queue-id put into waiting */
};

/* Answer a request, or go on with that; some milliseconds' worth in a call. */
typedef enum control_reply control_answer(void *context,
                                          const struct control_request *what);

/* Listen at path (mode 0666; an old socket there is replaced; its directory
 * is made if it is missing and can be; if it cannot, a warning is logged and
 * no client can connect). NULL with FAULT_CONFIG. */
struct control *control_new(const char *path, control_answer *answer,
                            void *context, struct error *err);
void control_free(struct control *control);     /* removes the socket, too */

/* For the poll loop. events is for poll(2). */
typedef void control_watch(void *context, int fd, short events);
void control_each(struct control *control, control_watch *add, void *context);
void control_handle(struct control *control, int fd, short events);

/* Drop clients whose time is over. The next such time, INT64_MAX for none. */
int64_t control_expire(struct control *control, int64_t now);

/* Send the outcome to all clients that wait for this message, and close. */
void control_announce(struct control *control, const char *id,
                      const struct wait_outcome *outcome);

#endif
