/*
 * destination.h - where mail to an address goes, as this machine knows it
 *
 * A local name goes through the aliases; one without an alias goes to
 * local_recipient, or is completed with the domain. All other addresses stay.
 * Recipients and the reports of the daemon alike go this way.
 */
#ifndef POSTRIDER_CONFIG_DESTINATION_H
#define POSTRIDER_CONFIG_DESTINATION_H

#include <stdbool.h>

#include "mail/aliases.h"
#include "util/error.h"

struct config;
struct recipients;
struct destinations;        /* fields: src/config/destination.c */

/* The names of this machine, for the aliases. */
struct local_names destination_local_names(const struct config *config);

/* The aliases are read when the first local name needs them, and not at all
 * with no_aliases. config is borrowed. */
struct destinations *destinations_new(const struct config *config,
                                      bool no_aliases);
void destinations_free(struct destinations *where);     /* NULL is allowed */

/* Read the aliases again at the next use if the file has changed. */
void destinations_renew(struct destinations *where);

/* Read the aliases and all files that they include now: afterwards no file is
 * opened. FAULT_CONFIG, FAULT_TEMPORARY: there are no aliases then. */
bool destinations_preload(struct destinations *where, struct error *err);

/* The same, but what is wrong with the aliases is found at each local name.
 * They are not read again from then on, whatever changes. */
void destinations_seal(struct destinations *where);

/* Are the aliases as they were when they were read, if they were? */
bool destinations_current(const struct destinations *where);

/*
 * Where mail to an address goes, perhaps without a domain: complete addresses,
 * and what an alias has that cannot be served. found is empty before. False
 * with FAULT_CONFIG or FAULT_TEMPORARY for aliases that cannot be read; nothing
 * is found then.
 */
bool destinations_find(struct destinations *where, const char *address,
                       struct recipients *found, struct error *err);

/* The same for a local name, but only if an alias or local_recipient is for it:
 * false with FAULT_NONE if its domain would be a guess. */
bool destinations_find_given(struct destinations *where, const char *name,
                             struct recipients *found, struct error *err);

/* name@localhost and name@web1 mean nothing elsewhere: like a bare name they
 * get the domain. name@web1.example.com stays. The caller frees it. */
char *destinations_complete(const struct destinations *where,
                            const char *address);

#endif
