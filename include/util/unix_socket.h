/*
 * unix_socket.h - Unix sockets: their addresses, peers, and what they pass
 */
#ifndef POSTRIDER_UTIL_UNIX_SOCKET_H
#define POSTRIDER_UTIL_UNIX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

struct sockaddr_un;

/* The address of the socket at path; an abstract name begins with @. False with
 * ENAMETOOLONG. */
bool unix_socket_address(const char *path, struct sockaddr_un *address,
                         socklen_t *length);

/* The most octets of a path. */
size_t unix_socket_path_max(void);

/*
 * Connect to the socket at path. type is SOCK_STREAM or SOCK_DGRAM, perhaps
 * with SOCK_NONBLOCK; seconds is how long connect(2), and each send(2) after
 * it, may wait, 0 for any time. -1 with errno; close-on-exec.
 */
int unix_socket_connect(const char *path, int type, int seconds);

/* The user that the kernel vouches for. False: it is not a Unix socket. */
bool unix_socket_peer(int fd, uid_t *uid);

/*
 * Datagrams with descriptors, between processes of this program: over
 * SOCK_SEQPACKET pairs, so that one arrives whole, with what came along.
 */
#define PASS_MAX 4          /* descriptors in a datagram */

/* False with errno. The descriptors stay the caller's, too. */
bool pass_send(int socket, const void *data, size_t length, const int *fds,
               size_t count);

/* The descriptors that came along, close-on-exec and the caller's. */
struct passed {
    size_t wanted;          /* others are closed */
    size_t count;
    int fds[PASS_MAX];
};

/* Length of what was received; 0: the peer is gone; -1 with errno. wanted is
 * set; passed may be NULL where no descriptor is. */
ssize_t pass_receive(int socket, void *data, size_t size,
                     struct passed *passed);

#endif
