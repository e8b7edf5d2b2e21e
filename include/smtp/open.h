/*
 * open.h - from the greeting up to where MAIL can be sent
 *
 * In this order: greeting, EHLO, STARTTLS, EHLO, AUTH; or TLS before all that.
 */
#ifndef POSTRIDER_SMTP_OPEN_H
#define POSTRIDER_SMTP_OPEN_H

#include <stdint.h>

#include "smtp/session.h"
#include "util/error.h"

/*
 * Take over a connected socket and go up to where MAIL can be sent. NULL with
 * FAULT_TEMPORARY or FAULT_PROTOCOL (the connection or the peer), FAULT_TLS,
 * FAULT_PERMISSION (authentication refused for good, or not possible as
 * configured), FAULT_CONFIG; err->reach is REACH_CONNECTED or further. deadline
 * is for the session as a whole.
 */
struct session *session_open(int fd, const struct session_settings *settings,
                             int64_t deadline, struct error *err);

#endif
