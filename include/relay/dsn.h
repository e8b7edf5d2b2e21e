/*
 * dsn.h - the messages that report on messages (RFC 3464, RFC 3462)
 */
#ifndef POSTRIDER_RELAY_DSN_H
#define POSTRIDER_RELAY_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct config;
struct draft;
struct entry;
struct state;
struct strings;

enum dsn_kind {
    DSN_FAILURE,            /* recipients that failed */
    DSN_DELAY,              /* still trying */
    DSN_SUCCESS,            /* taken by a smarthost without DSN: "relayed" */
    DSN_DOUBLE              /* a report that could not be delivered itself: to
                             * the postmaster's alias */
};

/*
 * Which recipients a report of this kind is about: not yet notified, with the
 * matching result, and NOTIFY allows it (RFC 3461 section 4.1; unspecified
 * means failure and delay). Indices into the envelope; the caller frees. None
 * for DSN_FAILURE, DSN_DELAY and DSN_SUCCESS about a null reverse-path.
 */
size_t *dsn_recipients(enum dsn_kind kind, const struct entry *entry,
                       const struct state *state, size_t *count);

/* All that a report is made of. Borrowed. */
struct dsn {
    enum dsn_kind kind;
    const struct config *config;
    const struct entry *entry;      /* the message that it is about */
    const struct state *state;
    const size_t *recipients;       /* of it: indices; count of them */
    size_t count;
    const char *id;                 /* queue-id of the report */
    int64_t received;               /* the message, in seconds since 1970 */
    const struct strings *to;       /* addresses that the report goes to */
    int folder;                     /* see draft_new_report() */
    const char *boundary;           /* this and the next by dsn_compose() */
    bool is_8bit;                   /* some of it is not ASCII */
};

/* Has the sender asked for a report of success, and did no server on the way
 * promise to report it? */
bool dsn_owes_success(const struct entry *entry, size_t index,
                      bool dsn_passed_on);

/*
 * Compose a report as an ended unnamed draft with the given queue-id, null
 * reverse-path, to the addresses in to: where mail for the reverse-path of
 * entry goes (DSN_DOUBLE: mail for the postmaster). Its envelope names the user
 * of entry, for whom it counts.
 *
 * It is a multipart/report: text for people; a message/delivery-status with
 * Reporting-MTA, Original-Envelope-Id and Arrival-Date, and for each recipient
 * Original-Recipient, Final-Recipient, Action, Status, Remote-MTA,
 * Diagnostic-Code, Last-Attempt-Date and Will-Retry-Until; and the message or
 * its header section, as RET has it (unspecified: whole up to 50 KB). The first
 * 100 recipients are listed, and the number of the others is given.
 * Auto-Submitted is auto-replied (RFC 3834), From a complete address (of the
 * sender section that matches the reverse-path or *; else
 * MAILER-DAEMON@domain). 8-bit content is declared.
 *
 * NULL with FAULT_IO if the message cannot be read, with FAULT_TEMPORARY if the
 * report cannot be written.
 */
struct draft *dsn_compose(const struct dsn *about, struct error *err);

#endif
