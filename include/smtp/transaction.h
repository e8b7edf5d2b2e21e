/*
 * transaction.h - one message over a session (RFC 5321 section 3.3)
 *
 * Every recipient leaves with exactly one outcome.
 */
#ifndef POSTRIDER_SMTP_TRANSACTION_H
#define POSTRIDER_SMTP_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/outcome.h"

struct envelope;
struct session;

/* Filled in by the caller; pointers are borrowed. */
struct transaction {
    const struct envelope *envelope;
    const size_t *recipients;   /* indices into the envelope's recipients */
    size_t count;               /* of them, at least 1 */
    struct outcome *outcomes;   /* count of them, in the same order, NONE */
    const char *prefix;         /* octets sent before the content: the
                                 * Received field, CRLF lines */
    size_t prefix_length;
    int fd;                     /* content: [start, start + length) of it, */
    uint64_t start;             /* read with pread; CRLF lines, not stuffed; */
    uint64_t length;            /* ends with CRLF or is empty */
    bool is_8bit;               /* the body has octets with the high bit set */
    bool needs_utf8;            /* an address or the header section needs it */

    /* Private to transaction.c, { 0 } at first: */
    bool begun;                 /* MAIL, RCPT, DATA are on their way */
};

/*
 * Run a transaction to its end. next may be NULL; otherwise its MAIL, RCPT and
 * DATA may travel with the end of this one, and it must be the next that is
 * run. Returns when all recipients of t have their outcome; false if the
 * session cannot be used any more (next, if begun, then has its outcomes, too).
 */
bool transaction_run(struct session *session, struct transaction *t,
                     struct transaction *next);

#endif
