/*
 * secrets.h - the folders in which passwords are
 *
 * Those of the machine's configuration have a separate folder,
 * /etc/postrider/secrets: root's, mode 0710, which the daemon's group can
 * enter and no other user can list. The units of the submission sockets cannot
 * enter it, so a server that a client took over reads no password. A
 * configuration elsewhere is a user's own: its passwords are beside it.
 */
#ifndef POSTRIDER_POSTRIDER_SECRETS_H
#define POSTRIDER_POSTRIDER_SECRETS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

/* The folder for the passwords of a configuration at path: absolute. The
 * caller frees it. */
char *secrets_folder(const char *path);

/* Make the folder for a configuration at path, if it needs one.
 * group may enter it, also a folder that is there already; (gid_t)-1 for the
 * caller alone. FAULT_CREATE. */
bool secrets_make_folder(const char *path, gid_t group, struct error *err);

/* Could the servers of socket units, which run as the daemon's user, read a
 * file that the configuration at path names? They read the machine's
 * configuration only, and there are none without systemd. Symbolic links are
 * followed. */
bool secrets_open_to_servers(const char *path, const char *file);

#endif
