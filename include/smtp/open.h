/*
 * open.h - from the greeting up to where MAIL can be sent
 *
 * Straight down: greeting, EHLO, STARTTLS, EHLO, AUTH, or TLS before all that.
 */
#ifndef POSTRIDER_SMTP_OPEN_H
#define POSTRIDER_SMTP_OPEN_H

#include <stdbool.h>

#include "util/error.h"

struct session;
struct session_settings;

/* Faults: those of session_open(), which is the only caller. */
bool opening_run(struct session *session,
                 const struct session_settings *settings, struct error *err);

#endif
