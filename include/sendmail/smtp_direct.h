/*
 * smtp_direct.h - a message that came over SMTP (-bs), relayed at once
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_DIRECT_H
#define POSTRIDER_SENDMAIL_SMTP_DIRECT_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct options;
struct strings;
struct submission;

/*
 * Run `postrider direct` in a process of its own, and wait for it. Its log,
 * and the dialogue with -v, go to our standard error.
 *
 * answer   must be { 0 }; on failure the lines it has for the caller, which
 *          name each recipient that did not get it; perhaps none
 *
 * FAULT_TEMPORARY only if nobody got it, else the fault of a refusal. The text
 * is for when there is no answer.
 */
bool smtp_direct_deliver(const struct options *opt,
                         const struct config *config,
                         const struct submission *said,
                         struct strings *answer, struct error *err);

#endif
