/*
 * request.h - what a client asks of its authorization server, and the reply
 */
#ifndef POSTRIDER_OAUTH_REQUEST_H
#define POSTRIDER_OAUTH_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/error.h"

struct answer;
struct client;

struct form_request {
    const char *url;
    struct buf form;
    const char *secret;         /* a token or a code in it, which no text must
                                 * repeat; or NULL */
    struct buf assertion;       /* what a key signed; neither that */
    int64_t deadline;           /* clock_now() */
};

struct reply {
    long status;                /* of HTTP */
    int64_t wait;               /* seconds until the next request, or 0 */
    struct answer *answer;      /* NULL if not a JSON object: */
    struct error why;           /* the reason */
};

/* An empty form for url, with time for one request. */
void request_init(struct form_request *request, const char *url);
void request_free(struct form_request *request);             /* wiped */

/* Send it with client_id, and with the secret if there is one. False if no
 * reply came; else refusal_judge() decides about it. */
bool request_send(struct form_request *request, const struct client *client,
                  struct reply *reply, struct error *err);
void reply_free(struct reply *reply);

#endif
