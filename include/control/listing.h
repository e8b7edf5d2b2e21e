/*
 * listing.h - the queue for people and for monitoring
 *
 * The daemon knows best what is in the queue and lists it over its control
 * socket; while it is down, root and its user can read the spool themselves.
 */
#ifndef POSTRIDER_CONTROL_LISTING_H
#define POSTRIDER_CONTROL_LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "control/protocol.h"
#include "util/error.h"

struct config;

/* A message. All text is borrowed for the call. unattended: no daemon runs to
 * deliver it. */
typedef void listing_visit(void *context, const struct queue_item *item,
                           bool unattended);
typedef void listing_unread(void *context, const struct queue_unread *unread);
typedef void listing_others(void *context, const struct queue_others *others);

struct listing_reader {
    listing_visit *visit;
    listing_unread *unread;     /* may be NULL */
    listing_others *others;     /* may be NULL */
    void *context;
};

/*
 * Call visit for each message the caller may see, then unread for root and the
 * daemon's user, or others for users, if there are such messages: first the
 * daemon at control is asked, then the spool is read.
 * FAULT_UNAVAILABLE: no daemon listens, and the caller may not read the spool.
 */
bool listing_each(const char *control, const char *spool,
                  const struct listing_reader *reader, struct error *err);

/* The same for what is in failed/, which only root and the daemon's user can
 * read: FAULT_UNAVAILABLE for others. */
bool listing_each_failed(const char *spool,
                         const struct listing_reader *reader,
                         struct error *err);

/*
 * As mailq of Postfix prints it, which monitoring parses: queue-ids in
 * capitals, and a last line that counts all messages, also those that the
 * caller may not see. Or as one JSON object a line. Returns like listing_each.
 *
 * program  the name that begins the lines on standard error: before the list,
 *          if messages wait and no daemon runs
 */
bool listing_print(const struct config *config, bool json, const char *program,
                   FILE *out, struct error *err);
/* The same of what is in failed/. */
bool listing_print_failed(const char *spool, FILE *out, struct error *err);

/* A queue-id as people see it. */
void listing_print_id(FILE *out, const char *id);

#endif
