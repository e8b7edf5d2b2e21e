/*
 * envelope.h - whom a message is from and for, apart from its content
 *
 * Terms: RFC 5321 section 2.3.1. Addresses are addr-specs, without the angle
 * brackets of the wire; the null reverse-path is "".
 */
#ifndef POSTRIDER_MAIL_ENVELOPE_H
#define POSTRIDER_MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* RFC 3461 section 4.1: when to notify. No bit: the sender did not set it. */
enum notify {
    NOTIFY_NEVER = 1,
    NOTIFY_SUCCESS = 2,
    NOTIFY_FAILURE = 4,
    NOTIFY_DELAY = 8
};

enum dsn_return { RETURN_UNSPECIFIED, RETURN_FULL, RETURN_HEADERS };

/* So many recipients a message may have: whatever writes or reads an envelope
 * or expands an alias holds to it. */
#define ENVELOPE_RECIPIENTS_MAX 100000

struct recipient {
    char *path;             /* forward-path */
    char *original;         /* ORCPT as "rfc822;xtext", or NULL */
    unsigned notify;        /* enum notify, or-ed */
    char *flaw;             /* why nothing can be sent there, or NULL; the path
                             * is for people then, escaped */
};

struct envelope {
    char *reverse_path;     /* "" is the null reverse-path */
    bool from_local;        /* it was completed from a local name */
    struct recipient *recipients;
    size_t count;
    size_t capacity;
    enum dsn_return dsn_return;     /* RFC 3461 section 4.3 */
    char *envelope_id;      /* ENVID as xtext (section 4.4), or NULL */
    char *smarthost;        /* name of the only section to use, or NULL */
    bool utf8;              /* SMTPUTF8 is wanted: -U, or UTF-8 in the header */
    size_t *slots;          /* private: finds recipients by path */
    size_t slot_count;
};

/* { 0 } is an envelope with null reverse-path (NULL means "", too). */
void envelope_free(struct envelope *env);               /* empty again */

/* FAULT_DATA if the path cannot be one. "" is the null reverse-path. Copied. */
bool envelope_set_reverse_path(struct envelope *env, const char *path,
                               struct error *err);

/*
 * Add a recipient unless it is there already (domains alike in any case).
 * FAULT_DATA if path cannot be one, or if there are too many. original may be
 * NULL. Both are copied.
 */
bool envelope_add_recipient(struct envelope *env, const char *path,
                            const char *original, unsigned notify,
                            struct error *err);

/* Add one that path cannot be, so that its sender gets a report: text is what
 * was given for it, of any octets, and flaw the reason. */
bool envelope_add_flawed(struct envelope *env, const char *text, size_t length,
                         const char *flaw, struct error *err);

const char *envelope_reverse_path(const struct envelope *env);  /* never NULL */

/* Is SMTPUTF8 (RFC 6531) of use because an address is not ASCII? */
bool envelope_has_utf8_address(const struct envelope *env);

/* "failure,delay" -> bits; any case. FAULT_USAGE. "never" is alone. */
bool notify_parse(const char *text, unsigned *notify, struct error *err);

/* Bits -> "FAILURE,DELAY"; "" for none. Static text. */
const char *notify_text(unsigned notify);

/* "full" or "hdrs", in any case. FAULT_USAGE. */
bool dsn_return_parse(const char *text, enum dsn_return *value,
                      struct error *err);

/* Is it xtext (RFC 3461 section 4), of at most 100 octets? */
bool xtext_check(const char *text);

/* Encode text as xtext. Caller frees. */
char *xtext_encode(const char *text);

/* The text of xtext of any length; NULL if it is not xtext, or has a NUL in it.
 * Caller frees. */
char *xtext_decode(const char *text);

#endif
