#include "relay/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/launch.h"
#include "relay/local.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"

struct listener {
    struct launch *launch;
    const struct strings *addresses;
    int *sockets;               /* one an address */
    size_t count;
    pid_t servers[LAUNCH_SERVERS_MAX];
    size_t running;
};

/* "127.0.0.1:25" or "[::1]:25" as a socket address; the caller frees it. */
static struct addrinfo *parse_address(const char *text)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    struct addrinfo *found = NULL;
    char *host = alloc_string(text);
    char *port = strrchr(host, ':');
    char *start = host + (*host == '[');

    if (port != NULL) {
        *port++ = '\0';
        start[strcspn(start, "]")] = '\0';
        if (getaddrinfo(start, port, &hints, &found) != 0)
            found = NULL;
    }
    free(host);
    return found;
}

static int listen_tcp(const char *text, struct error *err)
{
    struct addrinfo *address = parse_address(text);
    int on = 1, fd = -1;

    if (address != NULL)
        fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
                    SOCK_NONBLOCK, 0);
    if (fd != -1)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool done = fd != -1 &&
                bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
                listen(fd, 64) == 0;
    if (!done && errno == EACCES)
        error_sys(err, FAULT_CONFIG, "listen at %s: use postrider-smtp.socket "
                  "or CAP_NET_BIND_SERVICE", text);
    else if (!done)
        error_sys(err, FAULT_CONFIG, "listen at %s", text);
    if (!done && fd != -1)
        close(fd);
    if (address != NULL)
        freeaddrinfo(address);
    return done ? fd : -1;
}

/* -1 without a fault: a socket unit serves it, whether we run or not. */
static int listen_local(const char *path, struct error *err)
{
    *err = (struct error){ 0 };
    if (!local_is_served(path))
        return local_listen(path, 0666, err);
    log_line(LOG_LEVEL_INFO, "%s: left to another process, which serves it",
             path);
    return -1;
}

struct listener *listener_new(const struct strings *addresses,
                              struct launch *launch, struct error *err)
{
    struct listener *listener = alloc_zero(1, sizeof *listener);

    listener->launch = launch;
    listener->addresses = addresses;
    listener->sockets = alloc_zero(addresses->count, sizeof(int));
    for (size_t i = 0; i < addresses->count; i++) {
        const char *text = addresses->items[i];
        int fd = *text == '/' ? listen_local(text, err)
                              : listen_tcp(text, err);
        /* A missing folder of the default socket must not stop the mail. */
        if (fd == -1 && err->fault == FAULT_CREATE) {
            log_line(LOG_LEVEL_WARNING, "%s", err->text);
        } else if (fd == -1 && err->fault != FAULT_NONE) {
            listener_free(listener);
            return NULL;
        }
        listener->sockets[listener->count++] = fd;
    }
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    for (size_t i = 0; i < listener->count; i++) {
        if (listener->sockets[i] != -1 &&
            listener->addresses->items[i][0] == '/')
            local_remove(listener->addresses->items[i]);
        io_close(&listener->sockets[i]);
    }
    free(listener->sockets);
    free(listener);
}

void listener_each(struct listener *listener, listener_watch *add,
                   void *context)
{
    for (size_t i = 0; listener->running < LAUNCH_SERVERS_MAX &&
                       i < listener->count; i++)
        if (listener->sockets[i] != -1)
            add(context, listener->sockets[i], POLLIN);
}

static bool serve(struct listener *listener, int connection)
{
    struct error err = { 0 };
    pid_t pid = launch_server(listener->launch, connection, &err);

    if (pid != -1)
        listener->servers[listener->running++] = pid;
    else
        log_line(LOG_LEVEL_ERROR, "%s", err.text);
    return pid != -1;
}

void listener_handle(struct listener *listener, int fd)
{
    static const char busy[] = "421 4.3.2 Try again later\r\n";
    int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (connection == -1)
        return;
    if (!serve(listener, connection))
        (void)send(connection, busy, sizeof busy - 1,
                   MSG_NOSIGNAL | MSG_DONTWAIT);
    close(connection);
}

bool listener_reap(struct listener *listener, pid_t pid)
{
    for (size_t i = 0; i < listener->running; i++)
        if (listener->servers[i] == pid) {
            listener->servers[i] = listener->servers[--listener->running];
            return true;
        }
    return false;
}
