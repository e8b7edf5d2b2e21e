/*
 * smtp_direct.h - a message that came over SMTP (-bs), relayed at once
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_DIRECT_H
#define POSTRIDER_SENDMAIL_SMTP_DIRECT_H

#include <stdbool.h>

#include "util/error.h"

struct config;
struct options;
struct submission;

/*
 * Run `postrider direct` in a process of its own, and wait for it. Its log,
 * and the dialogue with -v, go to our standard error. FAULT_UNAVAILABLE if the
 * message was refused for good, else FAULT_TEMPORARY: in its words.
 */
bool smtp_direct_deliver(const struct options *opt,
                         const struct config *config,
                         const struct submission *said, struct error *err);

#endif
