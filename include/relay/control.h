/*
 * control.h - the daemon's ear for administrators and waiting callers
 *
 * A Unix socket. A client says one line, "COMMAND [ARGUMENT]", and gets lines
 * back until the connection is closed. Who asks is known from the socket's
 * peer credentials. Clients are bounded in number, in what they may leave
 * unread, and in time: a slow one is dropped and stalls nobody. The client's
 * side is spool/ask.h.
 */
#ifndef POSTRIDER_RELAY_CONTROL_H
#define POSTRIDER_RELAY_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

struct buf;
struct control;             /* fields: src/relay/control.c */

/*
 * Answer one request: append lines to out. uid is the peer's. Return true to
 * send and close; false to keep the client waiting until control_announce is
 * called for the queue-id which the request put into waiting (33 octets).
 */
typedef bool control_answer(void *context, uid_t uid, const char *command,
                            const char *argument, struct buf *out,
                            char *waiting);

/* Listen at path (mode 0666; an old socket there is replaced; its directory
 * is made if it is missing and can be; if it cannot, a warning is logged and
 * nobody can ask). NULL with FAULT_CONFIG. */
struct control *control_new(const char *path, control_answer *answer,
                            void *context, struct error *err);
void control_free(struct control *control);     /* removes the socket, too */

/* For the poll loop. events is for poll(2). */
typedef void control_watch(void *context, int fd, short events);
void control_each(struct control *control, control_watch *add, void *context);
void control_handle(struct control *control, int fd, short events);

/* Drop clients whose time is over. The next such time, INT64_MAX for none. */
int64_t control_expire(struct control *control, int64_t now);

/* Tell everyone who waits for this message, and close. */
void control_announce(struct control *control, const char *id,
                      const char *text);

#endif
