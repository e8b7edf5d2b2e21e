/*
 * local.h - Unix sockets to listen on, and whether a process listens
 */
#ifndef POSTRIDER_RELAY_LOCAL_H
#define POSTRIDER_RELAY_LOCAL_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/*
 * A non-blocking listening socket at path with that mode. Its directory is
 * made (0755) if it is missing and can be. A socket on which no process
 * listens any more is replaced; one in use, or anything else, is FAULT_CONFIG,
 * a directory that is missing or closed FAULT_CREATE. -1.
 */
int local_listen(const char *path, mode_t mode, struct error *err);

/* Does a process listen at path, on a socket that root or this process's user
 * made? So a service manager does, for a socket unit. */
bool local_is_served(const char *path);

/* Remove the socket at path, unless another user has put one there. */
void local_remove(const char *path);

#endif
