/*
 * handover.h - become postrider direct or postrider daemon
 */
#ifndef POSTRIDER_SENDMAIL_HANDOVER_H
#define POSTRIDER_SENDMAIL_HANDOVER_H

#include <stdbool.h>

#include "util/error.h"

struct draft;

/*
 * Become `postrider direct` with the draft as standard input; its exit status
 * is the answer to the caller. It is the postrider beside the running
 * executable, else the installed one. Returns only on failure: FAULT_SYSTEM.
 */
bool handover_direct(struct draft *draft, bool verbose, bool quiet,
                     struct error *err);

/* How `postrider direct` begins the first of its lines if some recipients got
 * the message and others did not. */
#define DIRECT_SENT_TO "sent to "

/* Become `postrider daemon`; with background, in a process of its own, and
 * return true. Otherwise it returns only on failure. */
bool handover_daemon(bool background, struct error *err);

#endif
