/*
 * route.h - from the recipients a caller names to those of the envelope
 *
 * They go to their destinations (config/destination.h); with redirect_all,
 * everything goes there.
 */
#ifndef POSTRIDER_SENDMAIL_ROUTE_H
#define POSTRIDER_SENDMAIL_ROUTE_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct envelope;
struct flaws;
struct mailbox_list;
struct strings;
struct route;               /* fields: src/sendmail/route.c */

/* The aliases are read when the first local name needs them, and not at all
 * with no_aliases. config is borrowed. */
struct route *route_new(const struct config *config, bool no_aliases);
void route_free(struct route *route);                   /* NULL is allowed */

/* Use it for another message: forget what has been replaced, and read the
 * aliases again if the file has changed. */
void route_renew(struct route *route);

/* Read the aliases now, and never again. */
void route_seal(struct route *route);

/* Are the aliases as they were when they were read? */
bool route_is_current(const struct route *route);

/* The recipients in an argument, appended to list; what is not an address goes
 * to flaws. */
void route_parse(const char *argument, struct mailbox_list *list,
                 struct flaws *flaws);

/* The notifications that the client asked for about a recipient (RFC 3461
 * section 4). */
struct route_dsn {
    unsigned notify;
    const char *original;       /* ORCPT; NULL: made up when the address
                                 * changes */
};

/*
 * Add to the envelope what a recipient becomes; nothing is added twice.
 *
 * address  as parsed from what the caller wrote; perhaps without a domain
 * dsn      for each recipient it becomes; NULL: nothing is asked for
 *
 * False if it becomes no recipient: FAULT_DATA if it cannot be one;
 * FAULT_CONFIG for an alias that can be served in no part; FAULT_TEMPORARY for
 * aliases that cannot be read. Of an alias, each part that cannot be served is
 * a recipient with a flaw.
 */
bool route_recipient(struct route *route, const char *address,
                     const struct route_dsn *dsn, struct envelope *env,
                     struct error *err);

/* Those whose mail is discarded, in part or as a whole, since the last
 * route_renew(). Borrowed. */
const struct strings *route_discarded(const struct route *route);

/* The recipients that redirect_all has replaced, as the body of a field; NULL
 * if there are none. The caller frees it. */
char *route_originals(const struct route *route);

#endif
