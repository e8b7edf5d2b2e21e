/*
 * advice.h - what can be done about a server that does not take mail
 *
 * One table over what a reply answers, its code, its enhanced status code and
 * its words, and what is configured; and one over how a connection failed. All
 * who report a failure report this with it: the caller's line, the log,
 * `postrider test`, setup, the queue. A report to the sender has the reply
 * alone: its reader is seldom the one who can do something. A row is only for
 * what is certain to fit: no advice is better than a wrong one.
 */
#ifndef POSTRIDER_SMTP_ADVICE_H
#define POSTRIDER_SMTP_ADVICE_H

#include <stdbool.h>

#include "util/error.h"

struct reply;

/* The command of a reply. */
enum advice_command {
    AT_GREETING = 1,
    AT_EHLO = 2,
    AT_HELO = 4,
    AT_STARTTLS = 8,
    AT_AUTH = 16,
    AT_MAIL = 32,
    AT_RCPT = 64,
    AT_DATA = 128               /* or BDAT, or the content */
};

/* The configuration, and how far the session is: or-ed. */
enum advice_fact {
    IN_CLEAR = 1,               /* without TLS ... */
    IN_TLS = 2,                 /* ... or within */
    NO_LOGIN = 4,               /* none is made; */
    LOGIN_OFF = 8,              /* so auth = none wants it, */
    LOGIN_OPEN = 16,            /* or nothing is set, and AUTH is offered */
    LOGIN_DONE = 32,            /* one was made */
    BY_PASSWORD = 64,           /* AUTH with a mechanism that takes these */
    BY_TOKEN = 128,
    BY_CERTIFICATE = 256,
    AUTH_CHOSEN = 512,          /* auth names the mechanism */
    TO_PORT_25 = 1024,
    BY_OAUTH = 2048             /* a token that is renewed, not one of a
                                 * password_command */
};

struct advice_case {
    enum advice_command command;
    unsigned facts;
    const struct reply *reply;
    const char *detail;         /* what the server sent in a challenge before
                                 * it refused; "" for nothing */
};

/* A remedy for that refusal, for good or for now; NULL: not known. */
const char *advice_for(const struct advice_case *refusal);

/* Is it for a login, or for TLS, that the section lacks? Then the message is
 * not to blame for the refusal. */
bool advice_is_for_lack(const struct advice_case *refusal);

/* Is a refusal of a login for good in truth one for now? */
bool advice_is_for_now(const struct reply *reply);

/* A remedy for an address that could not be connected to; NULL: not known. */
const char *advice_unreached(enum reach reach, unsigned port, bool ipv6);

/* A server that offers a login, has refused us without, and may need none. */
extern const char advice_login[];

#endif
