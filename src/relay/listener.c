#include "relay/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/launch.h"
#include "relay/listen_address.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/io.h"
#include "util/log.h"
#include "util/scratch.h"
#include "util/text.h"
#include "util/unix_socket.h"

#define VARIABLE "POSTRIDER_SERVERS"
#define TEXT_MAX 65536
#define ABOVE_SOCKETS 128       /* descriptors below may be replaced:
                                 * listen_address.c */

/* --- The processes that serve. --- */

void servers_add(struct servers *servers, pid_t pid, uid_t uid)
{
    if (servers->count < SERVERS_MAX)
        servers->list[servers->count++] = (struct server){ pid, uid };
}

bool servers_remove(struct servers *servers, pid_t pid)
{
    for (size_t i = 0; i < servers->count; i++)
        if (servers->list[i].pid == pid) {
            servers->list[i] = servers->list[--servers->count];
            return true;
        }
    return false;
}

size_t servers_of(const struct servers *servers, uid_t uid)
{
    size_t count = 0;

    for (size_t i = 0; i < servers->count; i++)
        count += servers->list[i].uid == uid;
    return count;
}

/* A line, with its end cut off, is changed. A number may be another process's
 * by now: only a child of ours that runs is meant. */
static void take_line(struct servers *servers, char *line)
{
    char *end = line + strcspn(line, " ");
    uint64_t pid, uid;

    if (*end == '\0')
        return;
    *end = '\0';
    if (text_to_number(line, INT32_MAX, &pid) &&
        text_to_number(end + 1, UINT32_MAX, &uid) &&
        waitpid((pid_t)pid, NULL, WNOHANG) == 0)
        servers_add(servers, (pid_t)pid, (uid_t)uid);
}

void servers_inherit(struct servers *servers)
{
    const char *name = getenv(VARIABLE);
    struct buf text;
    struct error ignored;
    uint64_t number;

    *servers = (struct servers){ 0 };
    if (name == NULL || !text_to_number(name, INT32_MAX, &number))
        return;
    unsetenv(VARIABLE);
    int fd = (int)number;
    buf_init(&text, TEXT_MAX);
    if (lseek(fd, 0, SEEK_SET) == 0 && io_read_all(fd, &text, &ignored) &&
        text.length > 0) {
        char *rest = text.data;
        for (char *line; (line = strsep(&rest, "\n")) != NULL;)
            take_line(servers, line);
    }
    buf_free(&text);
    close(fd);
}

void servers_leave(const struct servers *servers)
{
    struct buf text;
    struct error ignored;
    int file = -1, fd = -1;

    buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < servers->count; i++)
        buf_add_format(&text, "%ld %lu\n", (long)servers->list[i].pid,
                       (unsigned long)servers->list[i].uid);
    if (scratch_keep(&file, 0600, text.data, text.length, &ignored))
        fd = fcntl(file, F_DUPFD, ABOVE_SOCKETS);
    if (fd != -1) {
        char *number = alloc_format("%d", fd);
        setenv(VARIABLE, number, 1);
        free(number);
    }
    io_close(&file);
    buf_free(&text);
}

/* --- The connections. --- */

#define USER_MAX (SERVERS_MAX / 4)  /* connections of one user */
#define TCP_MAX (SERVERS_MAX / 2)   /* of all that come over TCP */
#define PAUSE_TIME 1000         /* milliseconds, rather than try all the time */
#define UID_UNKNOWN ((uid_t)-1) /* over TCP the kernel does not know */

struct listener {
    struct launch *launch;
    const struct strings *addresses;
    int *sockets;               /* one an address */
    size_t count;
    struct servers servers;
    int64_t paused_until;       /* no descriptors, or no memory, are left */
};

/* -1 without a fault: a socket unit serves it, whether we run or not. */
static int open_local(const char *path, struct error *err)
{
    *err = (struct error){ 0 };
    if (!listen_is_served(path))
        return listen_local(path, 0666, err);
    log_line(LOG_LEVEL_INFO, "%s: left to another process, which serves it",
             path);
    return -1;
}

struct listener *listener_new(const struct strings *addresses,
                              struct sockets *sockets,
                              const struct servers *servers,
                              struct launch *launch, struct error *err)
{
    struct listener *listener = alloc_zero(1, sizeof *listener);

    listener->launch = launch;
    listener->servers = *servers;
    listener->addresses = addresses;
    listener->sockets = alloc_zero(addresses->count, sizeof(int));
    for (size_t i = 0; i < addresses->count; i++) {
        const char *text = addresses->items[i];
        int fd = *text == '/' ? open_local(text, err)
                              : sockets_take(sockets, text, err);
        /* Mail goes on without a socket that only another user can make. */
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
            listen_remove(listener->addresses->items[i]);
        io_close(&listener->sockets[i]);
    }
    free(listener->sockets);
    free(listener);
}

void listener_each(struct listener *listener, listener_watch *add,
                   void *context)
{
    bool accepts = clock_now() >= listener->paused_until;

    for (size_t i = 0; accepts && i < listener->count; i++)
        if (listener->sockets[i] != -1)
            add(context, listener->sockets[i], POLLIN);
}

static uid_t peer_of(int connection)
{
    uid_t uid;

    return unix_socket_peer(connection, &uid) ? uid : UID_UNKNOWN;
}

/*
 * A client that keeps connections must not keep others out: a user may have a
 * share of them, as may all of TCP, where clients have no names; and as the
 * pool runs low, no more than are left for the others.
 */
static bool has_enough(const struct listener *listener, uid_t uid)
{
    size_t free = SERVERS_MAX - listener->servers.count;
    size_t share = uid == UID_UNKNOWN ? TCP_MAX : USER_MAX;
    size_t count = servers_of(&listener->servers, uid);

    return count >= share || count >= free;
}

static bool serve(struct listener *listener, int connection)
{
    uid_t uid = peer_of(connection);
    struct error err = { 0 };

    if (has_enough(listener, uid))
        return false;
    bool impatient = 2 * listener->servers.count >= SERVERS_MAX;
    pid_t pid = launch_server(listener->launch, connection, uid, impatient,
                              &err);
    if (pid != -1)
        servers_add(&listener->servers, pid, uid);
    else
        log_line(LOG_LEVEL_ERROR, "%s", err.text);
    return pid != -1;
}

void listener_handle(struct listener *listener, int fd)
{
    static const char busy[] = "421 4.3.2 Too many connections: close some, "
                               "or try again later\r\n";
    int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (connection == -1) {
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            listener->paused_until = clock_now() + PAUSE_TIME;
        return;
    }
    if (!serve(listener, connection))
        (void)send(connection, busy, sizeof busy - 1,
                   MSG_NOSIGNAL | MSG_DONTWAIT);
    close(connection);
}

bool listener_reap(struct listener *listener, pid_t pid, int status)
{
    if (!servers_remove(&listener->servers, pid))
        return false;
    /* Its client had no last reply, and only we know why. */
    if (WIFSIGNALED(status))
        log_line(LOG_LEVEL_ERROR, "sendmail -bs %ld ended by signal %d",
                 (long)pid, WTERMSIG(status));
    return true;
}
