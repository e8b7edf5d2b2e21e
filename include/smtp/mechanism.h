/*
 * mechanism.h - how each mechanism of SASL proves who we are (RFC 4422)
 *
 * For auth.c, which chooses one and judges what came of it.
 */
#ifndef POSTRIDER_SMTP_MECHANISM_H
#define POSTRIDER_SMTP_MECHANISM_H

#include <stdbool.h>

#include "smtp/reply.h"
#include "util/buf.h"
#include "util/error.h"

struct sasl_mechanism;
struct session;
struct session_settings;

/* One exchange. Everything it sends or gets may be secret. */
struct exchange {
    struct session *session;
    const struct session_settings *settings;
    const struct sasl_mechanism *mechanism;
    struct reply reply;         /* the last one */
    struct buf data;            /* the last challenge, decoded */
    struct buf line;            /* what is sent, wiped at once */
    char detail[80];            /* why a token is refused, as a challenge has
                                 * it: "status 401"; "" without one */
    bool answered;              /* the initial response followed a challenge */
};

/* Run the exchange. True when x->reply is the final reply, whatever it is;
 * FAULT_PROTOCOL when the server breaks the protocol, FAULT_CONFIG. */
bool mechanism_run(struct exchange *x, struct error *err);

/* Cancel an exchange in which the server broke the protocol, and read its reply
 * to that. The session is spoiled. FAULT_PROTOCOL. */
bool mechanism_cancel(struct exchange *x, const char *why, struct error *err);

#endif
