/*
 * dsn_text.h - the three parts of a report (RFC 3462 section 1)
 */
#ifndef POSTRIDER_RELAY_DSN_TEXT_H
#define POSTRIDER_RELAY_DSN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/dsn.h"

struct buf;

/* The text for people. */
void dsn_add_explanation(struct buf *out, const struct dsn *dsn);

/* message/delivery-status (RFC 3464). */
void dsn_add_status(struct buf *out, const struct dsn *dsn);

/* The message or its header section, and the closing boundary. */
bool dsn_add_original(struct draft *draft, const struct dsn *dsn,
                      struct error *err);

#endif
