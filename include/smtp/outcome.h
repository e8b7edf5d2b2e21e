/*
 * outcome.h - the outcome of an attempt for one recipient
 */
#ifndef POSTRIDER_SMTP_OUTCOME_H
#define POSTRIDER_SMTP_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

enum outcome_kind {
    OUTCOME_NONE,           /* not yet */
    OUTCOME_DELIVERED,
    OUTCOME_DEFERRED,
    OUTCOME_FAILED
};

/* Where in the dialogue it was decided. */
enum outcome_stage {
    STAGE_CONNECT,          /* up to and including AUTH */
    STAGE_MAIL,
    STAGE_RCPT,
    STAGE_DATA,             /* DATA or BDAT, and the final reply */
    STAGE_LOCAL             /* by ourselves */
};

struct outcome {
    enum outcome_kind kind;
    enum outcome_stage stage;
    enum fault fault;       /* decides the exit status; FAULT_NONE delivered */
    char status[16];        /* enhanced status code, never "": from the reply,
                             * else made up from code and stage */
    char *text;             /* the reply or our own words, one line, escaped;
                             * owned; NULL with OUTCOME_NONE */
    char *remedy;           /* what can be done about that; owned; NULL if it
                             * is not known */
    enum reach reach;       /* how far it came: decides which of several tries
                             * is reported */
    int code;               /* of the reply of the smarthost that text is; 0:
                             * it is our own words */
    bool uncertain;         /* lost between final dot and reply: may have
                             * arrived */
    bool again;             /* deferred, but to be offered once more within this
                             * attempt: in another way, or in a new session */
    bool wants_login;       /* failed, perhaps only because there was no login:
                             * the server offers AUTH, and nothing shows that
                             * it needs none */
};

struct reply;

/* Set from a reply to the command of that stage. The one place where 2yz is
 * delivered, 5yz failed, and everything else deferred. */
void outcome_from_reply(struct outcome *outcome, enum outcome_stage stage,
                        const struct reply *reply);

/* The remedy for it, as of smtp/advice.h; NULL: not known. */
void outcome_advise(struct outcome *outcome, const char *remedy);

/* "550 5.1.1 no such user; check the address": text and remedy, for people. The
 * caller frees it. */
char *outcome_shown(const struct outcome *outcome);

/* Set as deferred by trouble of ours or of the connection. status is made up
 * from stage and fault: 4.4.1 (connect), 4.4.2 (lost), 4.7.5 (TLS), 4.7.8
 * (credentials), 4.3.5 (configuration) … */
void outcome_from_error(struct outcome *outcome, enum outcome_stage stage,
                        const struct error *err);

/* Did the session end, or was the server silent, before any content went? */
bool outcome_is_unanswered(const struct outcome *outcome);

/* Not for good after all: what has failed is deferred, without advice. */
void outcome_defer(struct outcome *outcome);

/* The refusal is the fault of the smarthost's section, which lacks a login, and
 * does not concern the message: deferred, as by AUTH that was refused. */
void outcome_blame_login(struct outcome *outcome, const char *host);

/* Set as failed by ourselves, as for SMTPUTF8 that is not offered: STAGE_LOCAL
 * and FAULT_DATA. */
void outcome_refuse(struct outcome *outcome, const char *status,
                    const char *text);

void outcome_copy(struct outcome *to, const struct outcome *from);
void outcome_free(struct outcome *outcome);             /* OUTCOME_NONE again */

/* "sent", "deferred" or "bounced": Postfix's words for the log. */
const char *outcome_word(const struct outcome *outcome);

/*
 * The fault that sums up all outcomes: FAULT_NONE if all are delivered;
 * else that of the first failed; else, if nothing failed but something was
 * deferred, that of the first deferred.
 */
enum fault outcome_fault(const struct outcome *outcomes, size_t count);

#endif
