/*
 * client.h - a question to the daemon, over its control socket
 */
#ifndef POSTRIDER_CONTROL_CLIENT_H
#define POSTRIDER_CONTROL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* A connection to a Unix socket, made within 5 s. -1 with FAULT_UNAVAILABLE. */
int ask_connect(const char *path, struct error *err);

/* Called with each line of the answer, without its end. Borrowed. */
typedef void ask_line(void *context, const char *line, size_t length);

/*
 * Ask the daemon that listens at path one line, "COMMAND [ARGUMENT]", and call
 * line for each line of the answer until it is closed. timeout is for each
 * wait, in milliseconds, -1 for none. FAULT_UNAVAILABLE: no daemon listens;
 * FAULT_TEMPORARY: it does not answer.
 */
bool ask_daemon(const char *path, const char *request, int timeout,
                ask_line *line, void *context, struct error *err);

/*
 * The same in two steps: the daemon gets the question before it can see what
 * the caller does in between. ask_begin gives a descriptor, or -1; ask_finish
 * closes it.
 */
int ask_begin(const char *path, const char *request, struct error *err);
bool ask_finish(int fd, int timeout, ask_line *line, void *context,
                struct error *err);

#endif
