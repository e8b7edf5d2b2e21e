/*
 * listing.h - the queue for people and for monitoring
 *
 * The daemon knows best what is in the queue and lists it over its control
 * socket; while it is down, root and its user can read the spool themselves.
 */
#ifndef POSTRIDER_CONTROL_LISTING_H
#define POSTRIDER_CONTROL_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/error.h"

/* One message. Text is borrowed for the call. */
struct listing_item {
    const char *id;
    char mark;                  /* '*' a worker has it, '!' held, '-' waits */
    uid_t uid;
    uint64_t size;              /* octets */
    int64_t received;           /* seconds since 1970 */
    unsigned attempts;
    const char *reason;         /* why it waits; "" if nothing is known */
    const char *sender;         /* "" is the null reverse-path */
    const char *const *recipients;
    size_t recipient_count;
    bool unattended;            /* no daemon runs to deliver it */
};

typedef void listing_visit(void *context, const struct listing_item *item);

/* Messages that cannot be read: how many of a kind, and about one of them why,
 * with the command that helps. */
typedef void listing_unread(void *context, size_t count, const char *text);

struct listing_reader {
    listing_visit *visit;
    listing_unread *unread;     /* may be NULL */
    void *context;
};

/*
 * Call visit for each message the caller may see, then unread for root and the
 * daemon's user: first the daemon at control is asked, then the spool is read.
 * FAULT_UNAVAILABLE: no daemon listens, and the caller may not read the spool.
 */
bool listing_each(const char *control, const char *spool,
                  const struct listing_reader *reader, struct error *err);

/*
 * As mailq of Postfix prints it, which monitoring parses; or as one JSON
 * object a line. Returns like listing_each.
 *
 * program  the name that begins the lines on standard error: before the list,
 *          if messages wait and no daemon runs
 */
bool listing_print(const char *control, const char *spool, bool json,
                   const char *program, FILE *out, struct error *err);

#endif
