/*
 * status.h - what is kept of a login, as people read it
 */
#ifndef POSTRIDER_OAUTH_STATUS_H
#define POSTRIDER_OAUTH_STATUS_H

#include <stdbool.h>

#include "util/error.h"

struct client;

/* Print it: when the login was, until when it lasts, and no token. */
bool status_print(const struct client *client, struct error *err);

#endif
