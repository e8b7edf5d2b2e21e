/*
 * listen_address.h - the sockets that the daemon listens on
 *
 * Those of TCP stay for all its life. A low port takes root, which the daemon
 * is only when it is started. So they are bound before it becomes another user,
 * and handed on when a reload executes the program again, in the way of
 * sd_listen_fds(3): descriptors from 3 on, with LISTEN_FDS and LISTEN_PID. No
 * client is refused meanwhile.
 */
#ifndef POSTRIDER_RELAY_LISTEN_ADDRESS_H
#define POSTRIDER_RELAY_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/strings.h"

/* --- TCP sockets. --- */

struct sockets;             /* fields: src/relay/listen_address.c */

/* Those that have been handed to this process. The caller owns them. */
struct sockets *sockets_new(void);
void sockets_free(struct sockets *sockets);             /* NULL is allowed */

/*
 * Keep those at one of the addresses, "127.0.0.1:25" or "[::1]:25" (others are
 * left alone), and close the rest; root binds what is missing. A socket that
 * cannot be bound is missing still: sockets_take() gives the reason.
 */
void sockets_prepare(struct sockets *sockets, const struct strings *addresses);

/* The socket at this address, bound now if there is none: the caller's, and
 * this one's, too. It does not block. -1 with FAULT_CREATE if the port takes
 * root or is another program's, else with FAULT_CONFIG. */
int sockets_take(struct sockets *sockets, const char *address,
                 struct error *err);

/* The next program in this process shall have them. */
void sockets_leave(const struct sockets *sockets);

/* --- Unix sockets. --- */

/*
 * A non-blocking listening socket at path with that mode. Its directory is
 * made (0755) if it is missing and can be. A socket on which no process
 * listens any more is replaced; one in use, or anything else, is FAULT_CONFIG,
 * a directory that is missing or closed FAULT_CREATE. -1.
 */
int listen_local(const char *path, mode_t mode, struct error *err);

/* Does a process listen at path, on a socket that root or this process's user
 * made? So a service manager does, for a socket unit. */
bool listen_is_served(const char *path);

/* Remove the socket at path, unless another user has put one there. */
void listen_remove(const char *path);

#endif
