/*
 * dsn_parts.h - the three parts of a report (RFC 3462 section 1)
 */
#ifndef POSTRIDER_RELAY_DSN_PARTS_H
#define POSTRIDER_RELAY_DSN_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/dsn.h"

struct buf;

/* All that a report is made of. Borrowed. */
struct dsn {
    enum dsn_kind kind;
    const struct config *config;
    const struct entry *entry;
    const struct state *state;
    const size_t *recipients;       /* indices; count of them */
    size_t count;
    const char *id;
    int64_t received;               /* seconds since 1970 */
    const char *const *to;          /* addresses it goes to */
    size_t to_count;
    const char *boundary;
    bool is_8bit;                   /* some of it is not ASCII */
};

/* What happened, for people. */
void dsn_add_explanation(struct buf *out, const struct dsn *dsn);

/* message/delivery-status (RFC 3464). */
void dsn_add_status(struct buf *out, const struct dsn *dsn);

/* The message or its header section, and the closing boundary. */
bool dsn_add_original(struct draft *draft, const struct dsn *dsn,
                      struct error *err);

#endif
