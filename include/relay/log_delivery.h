/*
 * log_delivery.h - an attempt in words: for the log, and for the caller
 */
#ifndef POSTRIDER_RELAY_LOG_DELIVERY_H
#define POSTRIDER_RELAY_LOG_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/delays.h"
#include "smtp/outcome.h"
#include "util/error.h"

struct entry;

/* `ID: uid=1000 from=<a@b>, size=1234, nrcpt=1` */
void log_message(const struct entry *entry);

/* Counts of what was logged since the start, for status and metrics. */
struct totals {
    uint64_t accepted;          /* messages picked up */
    uint64_t delivered;         /* recipients, as the next two */
    uint64_t deferred;
    uint64_t failed;
    uint64_t reports;           /* DSNs made */
    int64_t last_delivery;      /* seconds since 1970; 0: none */
    struct delays delays;       /* of those delivered */
};

/* One recipient of an entry after an attempt. */
struct attempted {
    const struct entry *entry;
    size_t index;
    const char *redirect;       /* redirect_all; "" */
    const struct outcome *outcome;
    const char *relay;
    int64_t delay;              /* milliseconds */
};

/*
 * `ID: to=<a@b>, relay=host[address]:port, delay=0.31, dsn=2.0.0, status=sent
 * (250 2.0.0 Ok)`; where it was redirected, `to=<dev@b>, orig_to=<a@b>`. It is
 * counted in totals, unless that is NULL.
 */
void log_recipient(struct totals *totals, const struct attempted *one);

/* A smarthost that lists extensions and does not do them (enum capability,
 * or-ed): a warning. remembered: for more than this attempt. */
void log_distrust(const char *smarthost, unsigned extensions, bool remembered);

#endif
