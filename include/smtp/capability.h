/*
 * capability.h - the extensions that a server lists in its reply to EHLO
 */
#ifndef POSTRIDER_SMTP_CAPABILITY_H
#define POSTRIDER_SMTP_CAPABILITY_H

#include <stddef.h>
#include <stdint.h>

#include "util/strings.h"

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

#endif
