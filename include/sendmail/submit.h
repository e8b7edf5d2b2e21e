/*
 * submit.h - a message that is submitted, made a finished draft
 *
 * header section > recipients > origin > route > complete > envelope > body
 *
 * The message comes from a descriptor: standard input, or the file in
 * which -bs has collected it.
 */
#ifndef POSTRIDER_SENDMAIL_SUBMIT_H
#define POSTRIDER_SENDMAIL_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "mail/envelope.h"
#include "util/error.h"

struct config;
struct account;
struct draft;
struct route;

#define SUBMIT_HEADER_MAX (4u << 20)    /* octets of a header section */
#define SUBMIT_HOPS_MAX 50              /* more is a loop */

/* A recipient of SMTP, which gives more about it than an argument can. */
struct submit_recipient {
    char *address;
    unsigned notify;            /* enum notify, or-ed */
    char *original;             /* ORCPT, or NULL */
    char *flaw;                 /* why it is not one; NULL if it may be */
};

/* The caller's options for the message. Strings are borrowed. */
struct submission {
    uid_t uid;                  /* the caller's */
    const struct account *account;  /* the caller's; NULL: looked up */
    struct route *route;        /* for the recipients; NULL: a new one */
    int source;                 /* descriptor of the message; read to its end */
    bool dots;                  /* a line with a single dot ends it (no -i) */
    bool extract;               /* recipients from the header, too (-t) */
    bool no_aliases;            /* -n */
    bool gateway;               /* -G: complete nothing */
    bool utf8;                  /* -U */
    const char *reverse_path;   /* -f as written; NULL if not given */
    const char *full_name;      /* -F; NULL if not given */
    const char *own_name;       /* how the user is called, before what the
                                 * passwd entry has: $NAME, or NULL */
    char *const *recipients;    /* address lists, ended by NULL */
    const struct submit_recipient *named;   /* more recipients: count of */
    size_t named_count;                     /* them */
    unsigned notify;            /* enum notify, or-ed */
    enum dsn_return dsn_return;
    const char *envelope_id;    /* xtext, or NULL */
    unsigned hops;              /* -h */
};

/*
 * Read the message, decide everything that is to be decided about it, and
 * write envelope and message to the draft, which is ended then and not yet
 * committed. A recipient that cannot be served, be it an invalid address or a
 * part of an alias, has a flaw in the envelope, and others get the message; it
 * is a fault if there are no others, FAULT_DATA or FAULT_CONFIG.
 *
 * False with FAULT_NONE: all of it is to be discarded, by the aliases. It was
 * read and logged, and the draft is of no use.
 *
 * Other faults: FAULT_USAGE without recipients, FAULT_DATA for too many,
 * FAULT_SIZE for a draft that is larger than message_size_limit,
 * FAULT_UNAVAILABLE for a loop, and those of reader and draft. The source may
 * then not have been read to its end.
 */
bool submit_message(const struct submission *submission,
                    const struct config *config, struct draft *draft,
                    struct error *err);

#endif
