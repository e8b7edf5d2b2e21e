/*
 * auth.h - AUTH (RFC 4954) and the mechanisms of SASL
 *
 * Those of util/sasl.h; SCRAM with -PLUS when both sides have a channel
 * binding. "auto" takes the strongest that is offered and possible, and within
 * TLS the next one, each once, if that is refused in a way that may not be
 * about the password.
 */
#ifndef POSTRIDER_SMTP_AUTH_H
#define POSTRIDER_SMTP_AUTH_H

#include <stdbool.h>

#include "util/error.h"

struct session;
struct session_settings;

/*
 * Authenticate. FAULT_PERMISSION: refused for good (5yz), or no mechanism fits;
 * FAULT_TEMPORARY: 4yz, too many logins, or the connection; FAULT_PROTOCOL: a
 * malformed reply.
 * settings->auth is not "none".
 */
bool auth_run(struct session *session, const struct session_settings *settings,
              struct error *err);

#endif
