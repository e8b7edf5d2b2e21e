/*
 * client.h - a question to the daemon, over its control socket
 */
#ifndef POSTRIDER_CONTROL_CLIENT_H
#define POSTRIDER_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "control/protocol.h"
#include "util/error.h"

#define CLIENT_PATIENCE 30000       /* milliseconds, for most questions */

/* A connection to a Unix socket, made within 5 s. -1 with FAULT_UNAVAILABLE. */
int client_connect(const char *path, struct error *err);

struct client_question {
    const char *path;           /* of the daemon's control socket */
    enum request request;
    const char *argument;       /* if the request takes one */
    int patience;               /* milliseconds for each wait */
};

/* Called with each line of the answer, without its end. The line may be
 * changed, and is gone afterwards. */
typedef void client_line(void *context, char *line);

/*
 * Ask, and call line, unless it is NULL, for each line of the answer until its
 * end. A daemon that stops, or reads its files again, before it has answered is
 * asked again.
 * FAULT_UNAVAILABLE: no daemon listens; FAULT_TEMPORARY: it does not answer;
 * FAULT_PERMISSION: it refuses, and the text is its reason.
 */
bool client_ask(const struct client_question *question, client_line *line,
                void *context, struct error *err);

/*
 * The same in two steps: the daemon gets the question before it can see what
 * the caller does in between. client_begin() gives a descriptor, or -1;
 * client_finish() closes it.
 */
int client_begin(const struct client_question *question, struct error *err);
bool client_finish(int fd, int patience, client_line *line, void *context,
                   struct error *err);

/*
 * Have the daemon at that control socket read its configuration again, and wait
 * until it answers with what it has read. FAULT_UNAVAILABLE: no daemon listens;
 * FAULT_PERMISSION: it refuses, as one of an older version does;
 * FAULT_TEMPORARY: it goes on with what it had, and its log has the reason.
 */
bool client_reload(const char *control, struct error *err);

#endif
