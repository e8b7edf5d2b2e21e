/*
 * probe.h - one session with a smarthost, step by step, for people
 *
 * `postrider test` and the end of `postrider setup`. Nothing is queued.
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_H
#define POSTRIDER_POSTRIDER_PROBE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "util/error.h"

struct config;
struct smarthost;

/*
 * Connect as a worker would and print each step with its time: address,
 * greeting, TLS version, certificate, extensions, AUTH (never the secrets). If
 * recipient is not NULL, send it a test message from the sender that the
 * rules give to user uid: the caller, before root became the daemon's user.
 * False: the step that failed, with a remedy.
 */
bool probe_smarthost(const struct config *config,
                     const struct smarthost *smarthost, const char *recipient,
                     uid_t uid, FILE *out, struct error *err);

#endif
