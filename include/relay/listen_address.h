/*
 * listen_address.h - the TCP sockets that the daemon listens on
 *
 * They stay for all its life. A low port takes root, which the daemon is only
 * when it is started. So they are bound before it becomes another user, and
 * handed on when a reload
 * executes the program anew, in the way of sd_listen_fds(3): descriptors from
 * 3 on, with LISTEN_FDS and LISTEN_PID. No client is refused meanwhile.
 */
#ifndef POSTRIDER_RELAY_LISTEN_ADDRESS_H
#define POSTRIDER_RELAY_LISTEN_ADDRESS_H

#include "util/error.h"
#include "util/strings.h"

struct sockets;             /* fields: src/relay/listen_address.c */

/* Those that have been handed to this process. The caller owns them. */
struct sockets *sockets_new(void);
void sockets_free(struct sockets *sockets);             /* NULL is allowed */

/*
 * Keep those at one of the addresses, "127.0.0.1:25" or "[::1]:25" (others are
 * left alone), and close the rest; root binds what is missing. What cannot be
 * bound is missing still: sockets_take() gives the reason.
 */
void sockets_prepare(struct sockets *sockets, const struct strings *addresses);

/* The socket at this address, bound now if there is none: the caller's, and
 * this one's, too. It does not block. -1 with FAULT_CREATE if the port takes
 * root or is another program's, else with FAULT_CONFIG. */
int sockets_take(struct sockets *sockets, const char *address,
                 struct error *err);

/* The next program in this process shall have them. */
void sockets_leave(const struct sockets *sockets);

#endif
