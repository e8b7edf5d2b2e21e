/*
 * commands.h - the commands of a transaction: queued, not sent
 */
#ifndef POSTRIDER_SMTP_COMMANDS_H
#define POSTRIDER_SMTP_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct recipient;
struct session;
struct transaction;

/* Octets of the message as it is sent: prefix and content. Once MAIL is queued:
 * the header section may go in another form without SMTPUTF8. */
uint64_t transaction_size(const struct transaction *t);

/* The reverse-path that MAIL names; recipient i of a transaction. Borrowed. */
const char *transaction_sender(const struct transaction *t);
const struct recipient *transaction_recipient(const struct transaction *t,
                                              size_t i);

/* RSET if the session needs one, then MAIL with the parameters that the server
 * offers and the message needs: those of t->carried. */
bool commands_mail(struct session *session, struct transaction *t,
                   struct error *err);

/* Does RCPT for recipient i of the transaction have parameters of DSN? */
bool commands_asks_dsn(const struct session *session,
                       const struct transaction *t, size_t i);

/* Is RCPT sent for recipient i? Not if we have refused it ourselves. */
bool commands_is_sent(const struct transaction *t, size_t i);

/* RCPT for the next recipients, at most max of them, and not many more than
 * 32 KB. */
bool commands_recipients(struct session *session, struct transaction *t,
                         size_t max, struct error *err);

/* The message, dot-stuffed, and the final dot (RFC 5321 section 4.5.2). */
bool commands_content(struct session *session, struct transaction *t,
                      struct error *err);

/* BDAT with the whole message (RFC 3030). Both set content_sent when it may
 * arrive from then on. */
bool commands_chunk(struct session *session, struct transaction *t,
                    struct error *err);

#endif
