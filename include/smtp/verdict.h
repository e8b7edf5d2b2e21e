/*
 * verdict.h - what replies, and their absence, decide in a transaction
 *
 * For transaction.c, which sends the commands and reads the replies.
 */
#ifndef POSTRIDER_SMTP_VERDICT_H
#define POSTRIDER_SMTP_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "smtp/outcome.h"
#include "util/error.h"

struct reply;
struct session;
struct transaction;

/* The verdict of a refusal for recipient i of the transaction. */
void verdict_recipient(const struct session *session, struct transaction *t,
                       size_t i, const struct reply *reply);

/* The verdict of a reply for all recipients that have no outcome yet. */
void verdict_all(const struct session *session, struct transaction *t,
                 enum outcome_stage stage, const struct reply *reply);

/* A recipient was accepted: it had been refused for what was left out this
 * time, which the server lists but does not implement. */
void verdict_accepted(struct session *session, struct transaction *t);

/*
 * Refuse by ourselves what the server has declared it cannot take, recipients
 * or the message. True if all recipients have their outcome.
 */
bool verdict_unfit(const struct session *session, struct transaction *t);

/* Why the replies to a flight ended before they were complete. */
enum cut {
    CUT_LOST,               /* the connection is, or they are malformed */
    CUT_GOODBYE,            /* 421: nothing that was not answered is taken */
    CUT_CHUNKING,           /* the server does not know BDAT, and has taken
                             * chunks for commands, if it has read them */
    CUT_PIPELINING          /* it does not take several commands at a time:
                             * what sent no content is begun again */
};

/* For all recipients without an outcome, from t on, as far as was begun. */
void verdict_cut(struct transaction *t, enum cut cut, const struct error *err);

/*
 * The replies to the transactions from first up to end (not included) may be
 * another's, because of err: refusals are not final, nor is an acceptance that
 * is doubtful.
 */
void verdict_withdraw(struct transaction *first,
                      const struct transaction *end, enum cut cut,
                      const struct error *err);

/* Where one recipient was accepted, the others were refused for reasons of
 * their own, and not for want of a login. */
void verdict_forget_login(struct transaction *t);

/* How many recipients have no outcome yet. */
size_t verdict_open(const struct transaction *t);

/* Was a recipient refused for good? */
bool verdict_is_refusal(const struct transaction *t);

/* Were all refused for good, because of the sender? */
bool verdict_is_of_sender(const struct transaction *t);

/* 500 to 504, 555, or what means the same: about a command or its parameters,
 * not about the message. */
bool verdict_is_about_syntax(const struct reply *reply);

#endif
