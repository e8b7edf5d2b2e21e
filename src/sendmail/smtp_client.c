#include "sendmail/smtp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/io.h"
#include "util/log.h"
#include "util/unix_socket.h"

#define PLACES_MAX 100          /* MaxConnections= of postrider.socket */
#define USER_MAX (PLACES_MAX / 4)

uid_t smtp_client_uid(void)
{
    uid_t uid;

    return unix_socket_peer(STDIN_FILENO, &uid) ? uid : getuid();
}

/* RFC 1122 section 3.2.1.3 (g): all of 127/8. */
static bool is_loopback4(const void *address)
{
    return *(const unsigned char *)address == IN_LOOPBACKNET;
}

static bool is_loopback6(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) &&
            is_loopback4(address->s6_addr + 12));
}

void smtp_client_keep_apart(void)
{
    struct stat replies, errors;

    if (fstat(STDOUT_FILENO, &replies) == -1 ||
        fstat(STDERR_FILENO, &errors) == -1 ||
        replies.st_dev != errors.st_dev || replies.st_ino != errors.st_ino)
        return;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere != -1)
        dup2(nowhere, STDERR_FILENO);
    io_close(&nowhere);
}

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

bool smtp_client_is_remote(void)
{
    union address peer;
    socklen_t length = sizeof peer;

    if (getpeername(STDIN_FILENO, &peer.any, &length) == -1)
        return false;
    switch (peer.any.sa_family) {
    case AF_UNIX:
        return false;
    case AF_INET:
        return !is_loopback4(&peer.ipv4.sin_addr);
    case AF_INET6:
        return !is_loopback6(&peer.ipv6.sin6_addr);
    default:
        return true;
    }
}

bool smtp_client_has_come(void)
{
    union address own;
    socklen_t length = sizeof own;

    /* Neither end of a socketpair has a name (unix(7)). */
    return getsockname(STDIN_FILENO, &own.any, &length) == 0 &&
           length > sizeof own.any.sa_family;
}

/* The first octets of the file are all places, and so many for each
 * user after them. Nothing is written: it is only the locks that count. */
static off_t first_of(uid_t uid)
{
    return PLACES_MAX + (off_t)uid * USER_MAX;
}

/* Lock the first octet that is free. How many before it are not, count
 * if all are taken, or -1. */
static int lock_next(int fd, off_t start, int count)
{
    for (int i = 0; i < count; i++) {
        struct flock place = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
                               .l_start = start + i, .l_len = 1 };
        if (fcntl(fd, F_OFD_SETLK, &place) == 0)
            return i;
        if (errno != EAGAIN && errno != EACCES)
            return -1;
    }
    return count;
}

bool smtp_client_take_place(const char *path, uid_t uid)
{
    /* Stays open: the locks are those of the open file. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int all = fd == -1 ? -1 : lock_next(fd, 0, PLACES_MAX);
    int own = all == -1 ? -1 : lock_next(fd, first_of(uid), USER_MAX);

    if (own == -1) {
        log_line(LOG_LEVEL_WARNING, "%s: connections are not counted: %s",
                 path, strerror(errno));
        return true;
    }
    return own < USER_MAX && own < PLACES_MAX - all;
}
