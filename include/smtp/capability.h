/*
 * capability.h - the extensions that a server lists in its reply to EHLO
 */
#ifndef POSTRIDER_SMTP_CAPABILITY_H
#define POSTRIDER_SMTP_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/strings.h"

struct buf;
struct reply;

enum capability {
    CAP_PIPELINING = 1 << 0,        /* RFC 2920 */
    CAP_SIZE = 1 << 1,              /* RFC 1870 */
    CAP_8BITMIME = 1 << 2,          /* RFC 6152 */
    CAP_SMTPUTF8 = 1 << 3,          /* RFC 6531 */
    CAP_DSN = 1 << 4,               /* RFC 3461 */
    CAP_CHUNKING = 1 << 5,          /* RFC 3030 */
    CAP_STATUS_CODES = 1 << 6,      /* RFC 2034 */
    CAP_STARTTLS = 1 << 7,          /* RFC 3207 */
    CAP_AUTH = 1 << 8               /* RFC 4954 */
};

struct capabilities {
    unsigned flags;                 /* enum capability, or-ed */
    uint64_t size_limit;            /* octets; 0: not given */
    uint32_t hello;                 /* a checksum of all that was listed */
    struct strings mechanisms;      /* of AUTH, upper case */
};

/* Read the lines of a reply to EHLO. Keywords in any case; "AUTH=LOGIN" of
 * old servers counts. { 0 } is a server without any. */
void capabilities_parse(struct capabilities *caps, const struct reply *reply);
void capabilities_free(struct capabilities *caps);      /* { 0 } again */

/* Do without these (enum capability, or-ed), as if they were not listed. */
void capabilities_remove(struct capabilities *caps, unsigned flags);

/* The keyword of the flag 1 << i; NULL after the last. */
const char *capability_word(size_t i);

/* The flag of a keyword in any case; 0: there is none. */
unsigned capability_flag(const char *word);

/* "CHUNKING, DSN": the keywords of these flags. */
void capabilities_describe(unsigned flags, struct buf *out);

/*
 * Extensions that a server lists but does not implement: a gateway may pass on
 * keywords of the server after it, and not know the commands. A finding counts
 * for that EHLO, and for a day. { 0 } trusts everything. It may be copied.
 */
struct distrust {
    unsigned extensions;    /* enum capability, or-ed */
    uint32_t hello;         /* struct capabilities: the EHLO that lists them */
    int64_t until;          /* milliseconds, monotonic */
    unsigned changes;       /* how often another EHLO took its place */
};

/* Which extensions of this EHLO are not to be used. If it is not the one that
 * is known, or time is over, what is known is forgotten. */
unsigned distrust_of(struct distrust *distrust, uint32_t hello, int64_t now);

/*
 * Do not use these any more. False if that was known. An EHLO that changes each
 * time would be found out again for ever: after some changes what is known
 * counts for any.
 */
bool distrust_add(struct distrust *distrust, unsigned extensions,
                  uint32_t hello, int64_t now);

#endif
