/*
 * window.h - commands sent before the replies to earlier ones are read
 *
 * For transaction.c, which reads the replies. With PIPELINING the commands of a
 * transaction go at once, and those of the next one with its end (RFC 2920);
 * with BDAT too, whole transactions, a small number (RFC 3030).
 */
#ifndef POSTRIDER_SMTP_WINDOW_H
#define POSTRIDER_SMTP_WINDOW_H

#include <stdbool.h>

#include "util/error.h"

struct session;
struct transaction;

#define WINDOW_RECIPIENTS 100   /* RCPT in one flight: their replies fit into
                                 * the peer's buffers, and no one is stuck */

/* Are commands pipelined, and does the content go as BDAT? */
bool window_is_pipelined(const struct session *session);
bool window_is_bdat(const struct session *session);

/* Send MAIL, the first recipients and, where allowed, all the rest. */
bool window_begin(struct session *session, struct transaction *t,
                  struct error *err);

/* Begin what follows t, as far as it goes without waiting. */
void window_fill(struct session *session, struct transaction *t);

#endif
