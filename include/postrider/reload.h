/*
 * reload.h - have a running daemon read its configuration anew
 */
#ifndef POSTRIDER_POSTRIDER_RELOAD_H
#define POSTRIDER_POSTRIDER_RELOAD_H

#include <stdbool.h>

#include "util/error.h"

/*
 * Ask the daemon at that control socket, and wait until it answers with what it
 * has read. FAULT_UNAVAILABLE: no daemon listens; FAULT_PERMISSION: it refuses,
 * as one of an older version does; FAULT_TEMPORARY: it goes on with what it
 * had, and its log has the reason.
 */
bool reload_daemon(const char *control, struct error *err);

#endif
