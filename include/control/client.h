/*
 * client.h - a question to the daemon, over its control socket
 */
#ifndef POSTRIDER_CONTROL_CLIENT_H
#define POSTRIDER_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* A connection to a Unix socket, made within 5 s. -1 with FAULT_UNAVAILABLE. */
int client_connect(const char *path, struct error *err);

/* Called with each line of the answer, without its end. Borrowed. */
typedef void client_line(void *context, const char *line, size_t length);

/*
 * Ask the daemon that listens at path one line, "COMMAND [ARGUMENT]", and call
 * line for each line of the answer until it is closed. timeout is for each
 * wait, in milliseconds, -1 for none. FAULT_UNAVAILABLE: no daemon listens;
 * FAULT_TEMPORARY: it does not answer.
 */
bool client_ask(const char *path, const char *request, int timeout,
                client_line *line, void *context, struct error *err);

/*
 * The same in two steps: the daemon gets the question before it can see what
 * the caller does in between. client_begin() gives a descriptor, or -1;
 * client_finish() closes it.
 */
int client_begin(const char *path, const char *request, struct error *err);
bool client_finish(int fd, int timeout, client_line *line, void *context,
                   struct error *err);

#endif
