/*
 * smtp_direct.h - a message that came over SMTP (-bs), relayed at once
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_DIRECT_H
#define POSTRIDER_SENDMAIL_SMTP_DIRECT_H

#include <stdbool.h>

#include "util/error.h"
#include "util/strings.h"

struct config;
struct options;
struct submission;

/* { 0 } at first; the caller frees what is in it. */
struct smtp_direct_result {
    char *id;                   /* in the log; NULL: there was no attempt */
    struct strings failures;    /* lines for the client, which name each
                                 * recipient that did not get the message;
                                 * perhaps none */
};

/*
 * The smarthost gets the recipients when the whole message is here: the
 * reverse-path, and which smarthost it is, may depend on the header section. So
 * the replies to RCPT are ours, and the final one is for all recipients.
 *
 * Run `postrider direct` as a child process, and wait for it. Its log,
 * and the dialogue with -v, go to our standard error.
 *
 * FAULT_TEMPORARY only if no recipient got it, else the fault of a refusal. The
 * text is for when there is no answer.
 */
bool smtp_direct_deliver(const struct options *opt,
                         const struct config *config,
                         const struct submission *given,
                         struct smtp_direct_result *result, struct error *err);

#endif
