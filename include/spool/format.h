/*
 * format.h - what the files of the spool promise to programs of other versions
 *
 * An older program may find a file that a newer one wrote: while an upgrade is
 * under way, after a return to the version before, or where two containers
 * share a spool. So for message, queue and state files alike:
 *
 *  - The first line begins with "WORD VERSION ID" in all versions to come.
 *  - A reader reads all versions that ever were. A writer writes the oldest
 *    that can express the file.
 *  - A file of a newer version, or with a keyword that the reader does not
 *    know, is FAULT_NEWER: it stays where it is, as it is, and is reported.
 *  - A line whose keyword begins with "opt-" and is unknown is passed over:
 *    what it holds can be done without.
 */
#ifndef POSTRIDER_SPOOL_FORMAT_H
#define POSTRIDER_SPOOL_FORMAT_H

#include <stdbool.h>

#include "util/error.h"

struct format {
    const char *word;
    unsigned version;           /* the highest that this program knows */
};

/*
 * Is text the start of such a file, for the id wanted (NULL: for any)? id, of
 * RANDOM_ID_LENGTH + 1 octets or NULL, is set. FAULT_NEWER if its version is
 * higher; FAULT_DATA if it is not such a file.
 */
bool format_check_start(const struct format *format, const char *text,
                        const char *wanted, char *id, struct error *err);

/* A line whose keyword is unknown: may it be passed over? FAULT_NEWER if not;
 * FAULT_DATA if it does not begin with a keyword ([a-z][a-z0-9-]*). */
bool format_check_unknown(const char *line, struct error *err);

#endif
