#include "util/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/io.h"

size_t unix_socket_path_max(void)
{
    return sizeof ((struct sockaddr_un *)NULL)->sun_path - 1;
}

bool unix_socket_address(const char *path, struct sockaddr_un *address,
                         socklen_t *length)
{
    size_t octets = strlen(path);

    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (octets > unix_socket_path_max()) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(address->sun_path, path, octets);
    if (*path == '@')
        address->sun_path[0] = '\0';
    /* Without the NUL that follows: of an abstract name it would be a part. */
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + octets);
    return true;
}

int unix_socket_connect(const char *path, int type, int seconds)
{
    struct timeval limit = { .tv_sec = seconds };
    struct sockaddr_un address;
    socklen_t length;

    if (!unix_socket_address(path, &address, &length))
        return -1;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if ((seconds == 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
                                    sizeof limit) == 0) &&
        connect(fd, (const struct sockaddr *)&address, length) == 0)
        return fd;
    int number = errno;
    io_close(&fd);
    errno = number;
    return -1;
}

bool unix_socket_peer(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t length = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == -1 ||
        peer.uid == (uid_t)-1)
        return false;
    *uid = peer.uid;
    return true;
}

union control {
    struct cmsghdr align;
    char octets[CMSG_SPACE(PASS_MAX * sizeof(int))];
};

/* May the call that failed be made again? What is lost because memory is short
 * for a moment would be waited for in vain. */
static bool is_over_soon(void)
{
    const int pause = 10;       /* milliseconds */

    if (errno == ENOBUFS || errno == ENOMEM) {
        poll(NULL, 0, pause);
        return true;
    }
    return errno == EINTR;
}

bool pass_send(int socket, const void *data, size_t length, const int *fds,
               size_t count)
{
    union control control = { 0 };
    struct iovec vector = { (void *)data, length };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
    ssize_t sent;

    if (count > 0) {
        message.msg_control = control.octets;
        message.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent == -1 && is_over_soon());
    return sent != -1;
}

static void take_descriptors(const struct cmsghdr *header,
                             struct passed *passed)
{
    size_t came = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < came; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
        if (passed != NULL && passed->count < passed->wanted)
            passed->fds[passed->count++] = fd;
        else
            close(fd);
    }
}

ssize_t pass_receive(int socket, void *data, size_t size,
                     struct passed *passed)
{
    union control control;
    struct iovec vector = { data, size };
    struct msghdr message = {
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control.octets,
        .msg_controllen = sizeof control.octets,
    };
    ssize_t length;

    if (passed != NULL)
        passed->count = 0;
    /* A peer that left something unread resets the connection; that is reported
     * once, and before what it has sent. */
    do
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (length == -1 && (errno == ECONNRESET || is_over_soon()));
    if (length == -1)
        return -1;
    /* The kernel puts all descriptors of a datagram under one header. */
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET &&
        header->cmsg_type == SCM_RIGHTS)
        take_descriptors(header, passed);
    return length;
}
