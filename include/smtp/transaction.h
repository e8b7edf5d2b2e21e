/*
 * transaction.h - one message over a session (RFC 5321 section 3.3)
 *
 * Every recipient leaves with exactly one outcome.
 */
#ifndef POSTRIDER_SMTP_TRANSACTION_H
#define POSTRIDER_SMTP_TRANSACTION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/outcome.h"

struct envelope;
struct session;

/* Filled in by the caller; pointers are borrowed. */
struct transaction {
    const struct envelope *envelope;
    const char *sender;         /* for MAIL; NULL: the reverse-path */
    const char *other_sender;   /* for MAIL once more, if that is refused for
                                 * good; or NULL */
    const size_t *recipients;   /* indices into the envelope's recipients */
    size_t count;               /* of them, at least 1 */
    struct outcome *outcomes;   /* count of them, in the same order, NONE */
    const char *prefix;         /* octets sent before the content: the
                                 * Received field, CRLF lines */
    size_t prefix_length;
    int fd;                     /* content: [start, start + length) of it, */
    uint64_t start;             /* read with pread; CRLF lines, not stuffed; */
    uint64_t length;            /* ends with CRLF or is empty */
    bool is_8bit;               /* it has octets with the high bit set */
    bool wants_utf8;            /* an address in envelope or header section is
                                 * not ASCII: SMTPUTF8 is used where it is
                                 * offered; without it, local parts of the
                                 * envelope that are not ASCII are refused */
    const char *header;         /* where SMTPUTF8 is not used: what goes in
                                 * place of the header section, */
    size_t header_length;
    size_t header_replaced;     /* ... so many octets at the start of the
                                 * content; 0: nothing does */
    bool replaced_is_8bit;      /* what goes then has octets with the high bit
                                 * set */

    volatile sig_atomic_t *stoppable;   /* set to 0 before content goes that
                                 * may be accepted: a stop until then has
                                 * tried nothing; or NULL */
    struct transaction *next;   /* to be run after this one, or NULL: its
                                 * commands may travel with this one's end */

    /* Private to transaction.c and its helpers, { 0 } at first: */
    bool begun;                 /* its commands are on their way */
    bool content_sent;          /* so is its content */
    bool final_asked;           /* DATA or BDAT is queued */
    bool reset_first;           /* RSET goes before MAIL */
    bool ahead;                 /* while the one before was not answered */
    bool answered;              /* its MAIL was */
    bool in_step;               /* the replies to it so far are its own */
    bool ended;                 /* it has its outcomes */
    bool doubtful;              /* what accepted it looks like the reply to
                                 * another command */
    bool is_ascii;              /* it goes without SMTPUTF8 */
    size_t offered;             /* recipients of which RCPT is queued */
    unsigned carried;           /* extensions of the parameters of MAIL */
    unsigned suspect;           /* the one that may be why it was refused */
    unsigned without;           /* those that are left out for that */
};

/*
 * Run a transaction to its end: all its recipients have their outcome then.
 * Those that follow by next may have been begun; they must be run next, in this
 * order. False if the session cannot be used any more: then the transactions
 * that were begun have their outcomes, too.
 */
bool transaction_run(struct session *session, struct transaction *t);

/*
 * Make it ready to be run once more, for the recipients that are in it then:
 * those that were too many, or whose outcome is "again". It will leave out
 * what may have been why.
 */
void transaction_rewind(struct transaction *t);

#endif
