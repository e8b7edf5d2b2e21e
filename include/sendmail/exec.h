/*
 * exec.h - become postrider direct or postrider daemon
 */
#ifndef POSTRIDER_SENDMAIL_EXEC_H
#define POSTRIDER_SENDMAIL_EXEC_H

#include <stdbool.h>

#include "util/error.h"

struct draft;

/*
 * Become `postrider direct` with the draft as standard input; its exit status
 * is the answer to the caller. It is the postrider beside the running
 * executable, else the installed one. Returns only on failure: FAULT_SYSTEM.
 *
 * outcomes   -1: failures are reported on standard error. Else a descriptor
 *            that gets a record for each recipient who does not get the
 *            message, or one for all of them if there was no attempt: the word
 *            "deferred" or "bounced", a tab, a text for people, a line feed. If
 *            others get it, a record for the message comes first, with the word
 *            "partial". A reader takes a word that it does not know as
 *            "deferred".
 */
bool exec_direct(struct draft *draft, bool verbose, bool quiet,
                 int outcomes, struct error *err);

/*
 * Become `postrider daemon`: it returns only on failure. With background, run
 * it in a separate process, and return true once it has started; if it ends
 * before that, print its output, and exit as it did.
 */
bool exec_daemon(bool background, struct error *err);

#endif
