/*
 * probe.h - one session with a smarthost, step by step, for people
 *
 * `postrider test` and the end of `postrider setup`. Nothing is queued.
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_H
#define POSTRIDER_POSTRIDER_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "mail/address.h"
#include "util/error.h"

struct config;
struct smarthost;

/* The smarthost to try, and how that is shown. */
struct probe_task {
    FILE *out;
    bool is_brief;              /* no dialogue: a line for each step of note,
                                 * which fits a terminal */
    bool tries_senders;         /* MAIL and RSET as all mail will have them:
                                 * from this user, and from the null path */
    uid_t sender;
    const char *recipient;      /* of a test message; or NULL */
    uid_t uid;                  /* ... and whom it is from: the caller, before
                                 * root became the daemon's user */
};

/* The abilities of the smarthost, as far as the session went. Plain data, which
 * a process can pass to another one. */
struct probe_findings {
    bool refuses_sender;        /* for who they are, not for want of a login: */
    char sender[ADDRESS_LENGTH_MAX + 1];    /* the one that was tried */
    bool refuses_null;          /* the null reverse-path, which the sender
                                 * sections leave as it is */
    uint64_t size_limit;        /* smaller than message_size_limit; else 0 */
    char mechanisms[200];       /* of AUTH, while there is no user, nor is it
                                 * known that there need be none; else "" */
};

/*
 * Connect as a worker would and print each step with its time: address,
 * greeting, TLS version, certificate, extensions, AUTH (never the secrets), and
 * what the task asks for. A sender that is refused is a failure, too; the null
 * reverse-path is not. False: the step that failed, with a remedy.
 */
bool probe_smarthost(const struct config *config,
                     const struct smarthost *smarthost,
                     const struct probe_task *task,
                     struct probe_findings *findings, struct error *err);

#endif
