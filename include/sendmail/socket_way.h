/*
 * socket_way.h - a message to the daemon's socket, when its drop directory
 * cannot be written
 */
#ifndef POSTRIDER_SENDMAIL_SOCKET_WAY_H
#define POSTRIDER_SENDMAIL_SOCKET_WAY_H

#include <stdbool.h>

#include "util/error.h"

struct draft;

/*
 * Submit an ended draft to the `sendmail -bs` that serves the Unix socket at
 * path. hello is our name. True: it is stored durably. FAULT_TEMPORARY, or
 * FAULT_DATA when it is refused for good.
 */
bool socket_way_send(const char *path, const char *hello, struct draft *draft,
                     struct error *err);

#endif
