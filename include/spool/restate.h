/*
 * restate.h - a message that cannot be sent as it is, in a separate file
 *
 * It is sent to no recipient, but a report about it may quote it, and it may
 * stay in failed/ until an administrator deals with it.
 */
#ifndef POSTRIDER_SPOOL_RESTATE_H
#define POSTRIDER_SPOOL_RESTATE_H

#include <stdbool.h>

#include "spool/entry.h"
#include "util/error.h"

/*
 * The same message with the same flaws, each of its line ends made CRLF. If
 * not whole, then its header section only, of which a report is to quote no
 * more. It is in folder if it is not in memory: see scratch_open_in(). NULL
 * with a fault.
 */
struct entry *restate_entry(const struct entry *entry, bool whole, int folder,
                            struct error *err);

#endif
