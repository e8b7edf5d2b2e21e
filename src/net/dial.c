#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"

#define KEEPALIVE_TIME 60       /* seconds of silence */
#define KEEPALIVE_LOST 20       /* without an answer, until it is lost */

/* The host without the brackets of an address literal; the caller frees. */
static char *bare_host(const char *host, bool *bracketed)
{
    size_t length = strlen(host);

    *bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    return *bracketed ? alloc_bytes(host + 1, length - 2) : alloc_string(host);
}

static void set_port(struct sockaddr_storage *address, uint16_t port)
{
    if (address->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons(port);
}

static uint16_t port_of(const struct dial_address *address)
{
    const struct sockaddr_storage *any = &address->address;

    if (any->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)any)->sin6_port);
    return ntohs(((const struct sockaddr_in *)any)->sin_port);
}

static void add_address(struct dial_list *list, const struct addrinfo *info,
                        uint16_t port)
{
    if ((info->ai_family != AF_INET && info->ai_family != AF_INET6) ||
        info->ai_addrlen > sizeof(struct sockaddr_storage))
        return;
    list->items = alloc_resize(list->items, list->count + 1,
                               sizeof *list->items);
    struct dial_address *item = &list->items[list->count++];
    memset(item, 0, sizeof *item);
    memcpy(&item->address, info->ai_addr, info->ai_addrlen);
    item->length = info->ai_addrlen;
    set_port(&item->address, port);
    if (getnameinfo(info->ai_addr, info->ai_addrlen, item->text,
                    sizeof item->text, NULL, 0, NI_NUMERICHOST) != 0)
        memcpy(item->text, "?", 2);
}

static bool resolve_failed(struct error *err, const char *host, int code,
                           enum dial_family family)
{
    const char *kind = family == DIAL_IPV4   ? "IPv4 "
                       : family == DIAL_IPV6 ? "IPv6 "
                                             : "";

    switch (code) {
    case EAI_SYSTEM:
        return error_sys(err, FAULT_TEMPORARY, "look up host %s", host);
    case EAI_AGAIN:
        return error_set(err, FAULT_TEMPORARY,
                         "look up host %s: the name server does not answer",
                         host) ||
               error_remedy(err, "is the network up, and /etc/resolv.conf "
                            "right?");
    case EAI_NONAME:
#if defined(EAI_NODATA) && EAI_NODATA != EAI_NONAME
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return error_set(err, FAULT_TEMPORARY,
                         "look up host %s: no such host, or it has no "
                         "%saddress", host, kind) ||
               error_remedy(err, "check host in the configuration");
    default:
        return error_set(err, FAULT_TEMPORARY, "look up host %s: %s", host,
                         gai_strerror(code));
    }
}

static enum reach reach_of(int number)
{
    switch (number) {
    case ETIMEDOUT:
        return REACH_TIMED_OUT;
    case EACCES:                        /* as routes and firewalls have it */
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINVAL:
    case ENETDOWN:
    case ENETUNREACH:
    case EPERM:
        return REACH_UNREACHABLE;
    default:
        return REACH_REFUSED;
    }
}

/* No packet is sent: the kernel looks for a route and a source address. */
static bool has_route(const struct dial_address *address)
{
    int fd = socket(address->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool has = fd != -1 &&
               (connect(fd, (const struct sockaddr *)&address->address,
                        address->length) == 0 ||
                reach_of(errno) != REACH_UNREACHABLE);

    io_close(&fd);
    return has;
}

static void leave_out_unreachable(struct dial_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++)
        if (has_route(&list->items[i]))
            list->items[kept++] = list->items[i];
    if (kept > 0)
        list->count = kept;
}

/* Let the families take turns, each in its order: where one of them does not
 * get through, the other one is not far. */
static void take_turns(struct dial_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        size_t other = i;
        while (other < list->count &&
               list->items[other].address.ss_family ==
                   list->items[i - 1].address.ss_family)
            other++;
        if (other == list->count)
            return;
        struct dial_address next = list->items[other];
        memmove(&list->items[i + 1], &list->items[i],
                (other - i) * sizeof next);
        list->items[i] = next;
    }
}

bool dial_resolve(struct dial_list *list, const char *host, uint16_t port,
                  enum dial_family family, struct error *err)
{
    static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
    struct addrinfo hints = {
        .ai_family = families[family],
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST
    };
    struct addrinfo *found = NULL;
    bool bracketed;
    char *bare = bare_host(host, &bracketed);

    *list = (struct dial_list){ 0 };
    int code = getaddrinfo(bare, NULL, &hints, &found);
    if (code != 0 && !bracketed) {
        hints.ai_flags = 0;
        code = getaddrinfo(bare, NULL, &hints, &found);
    }
    free(bare);
    if (code != 0)
        return resolve_failed(err, host, code, family);

    for (const struct addrinfo *i = found; i != NULL; i = i->ai_next)
        add_address(list, i, port);
    freeaddrinfo(found);
    if (list->count == 0)
        return resolve_failed(err, host, EAI_NONAME, family);
    leave_out_unreachable(list);
    take_turns(list);
    return true;
}

void dial_list_free(struct dial_list *list)
{
    free(list->items);
    *list = (struct dial_list){ 0 };
}

/* Leave from source, if one is set. */
static bool bind_source(int fd, const struct dial_address *to,
                        const char *source, struct error *err)
{
    struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST
    };
    struct addrinfo *found = NULL;
    bool bracketed;

    if (*source == '\0')
        return true;
    char *bare = bare_host(source, &bracketed);
    int code = getaddrinfo(bare, NULL, &hints, &found);
    free(bare);
    if (code != 0)
        return error_set(err, FAULT_CONFIG,
                         "source_address %s is not an IPv4 or IPv6 address",
                         source);

    bool same = found->ai_family == to->address.ss_family;
    int bound = same ? bind(fd, found->ai_addr, found->ai_addrlen) : 0;
    freeaddrinfo(found);
    if (!same)
        return error_set(err, FAULT_TEMPORARY,
                         "connect to %s: source_address %s has another "
                         "address family", to->text, source);
    if (bound == 0)
        return true;
    /* It may come yet: at boot, with a VPN, from another machine. */
    error_sys(err, FAULT_TEMPORARY, "source_address %s", source);
    error_remedy(err, "is the network up, and is this an address of this "
                 "machine?");
    err->reach = REACH_UNREACHABLE;
    return false;
}

static bool connect_failed(const struct dial_address *to, int number,
                           struct error *err)
{
    errno = number;
    error_sys(err, FAULT_TEMPORARY, "connect to %s port %u", to->text,
              (unsigned)port_of(to));
    err->reach = reach_of(number);
    return false;
}

static bool begin_connect(int fd, const struct dial_address *to,
                          struct error *err)
{
    /* Interrupted, it goes on in the background all the same. */
    return connect(fd, (const struct sockaddr *)&to->address,
                   to->length) == 0 ||
           errno == EINPROGRESS || errno == EINTR ||
           connect_failed(to, errno, err);
}

/*
 * Small writes must not wait for acknowledgements. Routers and firewalls forget
 * a connection on which nothing comes for some minutes, and the reply to a
 * message may take ten: if it is lost, the message is sent again. The peer is
 * not given up before that time. Failure of any would cost time only.
 */
static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_TIME },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_TIME },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_LOST },
    };

    for (size_t i = 0; i < COUNT(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].name,
                         &options[i].value, sizeof options[i].value);
}

int dial_begin(const struct dial_address *address, const char *source_address,
               struct error *err)
{
    int fd = socket(address->address.ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        error_sys(err, FAULT_TEMPORARY, "make a socket for %s",
                  address->text);
        return -1;
    }
    set_options(fd);
    if (!bind_source(fd, address, source_address, err) ||
        !begin_connect(fd, address, err))
        io_close(&fd);
    return fd;
}

bool dial_end(int fd, const struct dial_address *address, bool late,
              struct error *err)
{
    int number = 0;
    socklen_t size = sizeof number;

    if (late)
        number = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) == -1)
        number = errno;
    return number == 0 || connect_failed(address, number, err);
}

int dial_connect(const struct dial_address *address,
                 const char *source_address, int64_t deadline,
                 struct error *err)
{
    int fd = dial_begin(address, source_address, err);
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    int count;

    if (fd == -1)
        return -1;
    do {
        count = poll(&ready, 1, clock_remaining(deadline));
    } while (count == -1 && (errno == EINTR || errno == EAGAIN));
    if (!dial_end(fd, address, count == 0, err))
        io_close(&fd);
    return fd;
}

char *dial_own_literal(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } own = { .any.sa_family = AF_UNSPEC };
    socklen_t length = sizeof own;
    char text[INET6_ADDRSTRLEN];

    (void)getsockname(fd, &own.any, &length);
    if (own.any.sa_family == AF_INET6 &&
        inet_ntop(AF_INET6, &own.ipv6.sin6_addr, text, sizeof text) != NULL)
        return alloc_format("[IPv6:%s]", text);
    if (own.any.sa_family == AF_INET &&
        inet_ntop(AF_INET, &own.ipv4.sin_addr, text, sizeof text) != NULL)
        return alloc_format("[%s]", text);
    return alloc_string("[127.0.0.1]");
}

bool dial_lost(struct error *err, int number)
{
    switch (number) {
    case ECONNRESET:
        return error_set(err, FAULT_TEMPORARY,
                         "connection reset by the server");
    case EPIPE:
        return error_set(err, FAULT_TEMPORARY,
                         "connection closed by the server");
    default:
        errno = number;
        return error_sys(err, FAULT_TEMPORARY, "connection lost");
    }
}
