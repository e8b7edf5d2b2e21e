/*
 * unix_socket.h - datagrams with descriptors, between processes of this program
 *
 * Over SOCK_SEQPACKET pairs: a datagram arrives whole, with what came along.
 */
#ifndef POSTRIDER_UTIL_UNIX_SOCKET_H
#define POSTRIDER_UTIL_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PASS_MAX 4          /* descriptors in a datagram */

/* False with errno. The descriptors stay the caller's, too. */
bool pass_send(int socket, const void *data, size_t length, const int *fds,
               size_t count);

/*
 * Length of what was received; 0: the peer is gone; -1 with errno. The first
 * *count descriptors are in fds, close-on-exec and the caller's; room is
 * how many are wanted, and others are closed.
 */
ssize_t pass_receive(int socket, void *data, size_t size, int *fds,
                     size_t room, size_t *count);

#endif
