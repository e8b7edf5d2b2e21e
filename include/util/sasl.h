/*
 * sasl.h - the mechanisms of SASL: what they are called, what they need
 *
 * The one list of them (RFC 4422): values of `auth`, checks of them, what AUTH
 * chooses from, what is imported, and the words of packaging/completions, which
 * `make words` takes from here. smtp/mechanism.c carries them out.
 */
#ifndef POSTRIDER_UTIL_SASL_H
#define POSTRIDER_UTIL_SASL_H

#include <stdbool.h>
#include <stddef.h>

enum sasl_secret {
    SASL_PASSWORD,
    SASL_TOKEN,                 /* in the place of the password */
    SASL_CERTIFICATE            /* no secret: TLS has proved who we are */
};

struct sasl_mechanism {
    const char *name;           /* as in EHLO */
    const char *key;            /* as in the configuration: one key is two
                                 * mechanisms where one binds the channel */
    enum sasl_secret secret;
    bool in_clear;              /* shows the secret: TLS is needed */
    bool binds;                 /* needs a channel binding of TLS (RFC 5056) */
};

/* Mechanism i, counted from 0, the strongest first; NULL after the last. */
const struct sasl_mechanism *sasl_at(size_t i);

/* The mechanism of a key, the one that does not bind the channel, in any case
 * of letters; NULL if there is none. */
const struct sasl_mechanism *sasl_find(const char *key);

#endif
