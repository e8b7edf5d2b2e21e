/*
 * request.h - what the daemon is asked over the control socket
 *
 * A line, "REQUEST [ARGUMENT]": control/protocol.h has all of them, and the
 * answers.
 */
#ifndef POSTRIDER_CONTROL_REQUEST_H
#define POSTRIDER_CONTROL_REQUEST_H

#include <stdbool.h>

enum request { REQUEST_LIST, REQUEST_STATUS, REQUEST_FLUSH, REQUEST_RUN,
               REQUEST_RETRY, REQUEST_HOLD, REQUEST_RELEASE, REQUEST_REMOVE,
               REQUEST_WAIT, REQUEST_RELOAD, REQUEST_REQUEUE, REQUESTS };

struct request_line {
    enum request request;
    const char *argument;       /* "" if the request takes none */
};

/* The line without its end; the caller frees it. */
char *request_compose(enum request request, const char *argument);

/* Parse a line, which is changed, and which the argument points into. False
 * with the answer that refuses it. */
bool request_parse(char *line, struct request_line *parsed,
                   const char **refusal);

/* May only root and the daemon's user ask for that? */
bool request_is_restricted(enum request request);

/* The argument of run: messages with, or without, this text in that part. */
struct message_filter {
    bool without;
    char part;                  /* I: queue-id, R: a recipient, S: sender */
    const char *text;
};

/* The argument; the caller frees it. */
char *request_filter(const struct message_filter *filter);
/* The text is borrowed. False: it is none. */
bool request_parse_filter(const char *argument, struct message_filter *filter);

#endif
