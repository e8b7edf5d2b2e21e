/*
 * probe_sender.h - would a smarthost take mail from this address?
 */
#ifndef POSTRIDER_POSTRIDER_PROBE_SENDER_H
#define POSTRIDER_POSTRIDER_PROBE_SENDER_H

#include <stdbool.h>

#include "util/error.h"

struct outcome;
struct session;

/*
 * Send MAIL with this reverse-path, and RSET if it is taken. The outcome, which
 * the caller frees, is that of MAIL. False if the session is lost.
 */
bool probe_sender(struct session *session, const char *path,
                  struct outcome *outcome, struct error *err);

/* Was it this address that was refused, by a reply that any mail from it would
 * get? Not by one that asks for a login, nor where there may have to be one. */
bool probe_sender_refused(const struct session *session,
                          const struct outcome *outcome);

#endif
