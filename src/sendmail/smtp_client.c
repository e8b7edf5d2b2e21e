#include "sendmail/smtp_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/io.h"
#include "util/unix_socket.h"

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
