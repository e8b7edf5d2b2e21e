#include "relay/listen_address.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/file.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

#define FIRST 3                 /* descriptor of those that are handed on */
#define HANDED_MAX 64

struct sockets {
    int *fds;
    size_t count;
    struct strings taken;       /* addresses that another program has */
};

/* --- TCP sockets. --- */

static void add(struct sockets *sockets, int fd)
{
    sockets->fds = alloc_resize(sockets->fds, sockets->count + 1, sizeof fd);
    sockets->fds[sockets->count++] = fd;
}

static bool environment_number(const char *name, uint64_t max,
                               uint64_t *number)
{
    const char *text = getenv(name);

    return text != NULL && text_to_number(text, max, number);
}

struct sockets *sockets_new(void)
{
    struct sockets *sockets = alloc_zero(1, sizeof *sockets);
    uint64_t pid, count;

    if (environment_number("LISTEN_PID", INT32_MAX, &pid) &&
        environment_number("LISTEN_FDS", HANDED_MAX, &count) &&
        pid == (uint64_t)getpid())
        for (int fd = FIRST; fd < FIRST + (int)count; fd++)
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
                add(sockets, fd);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    return sockets;
}

void sockets_free(struct sockets *sockets)
{
    if (sockets == NULL)
        return;
    for (size_t i = 0; i < sockets->count; i++)
        io_close(&sockets->fds[i]);
    free(sockets->fds);
    strings_free(&sockets->taken);
    free(sockets);
}

/* The caller frees it; NULL if it is not an address with a port. */
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

static bool is_at(int fd, const struct addrinfo *address)
{
    struct sockaddr_storage own = { 0 };
    socklen_t length = sizeof own;
    int listens = 0;
    socklen_t size = sizeof listens;

    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
           listens != 0 && length == address->ai_addrlen &&
           memcmp(&own, address->ai_addr, length) == 0;
}

static int bind_at(const struct addrinfo *address)
{
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC |
                    SOCK_NONBLOCK, 0);

    if (fd == -1)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == -1 ||
        listen(fd, 64) == -1) {
        int number = errno;
        io_close(&fd);
        errno = number;
    }
    return fd;
}

/* Where it is among them; count if it is not. */
static size_t find(const struct sockets *sockets,
                   const struct addrinfo *address)
{
    size_t i = 0;

    while (i < sockets->count && !is_at(sockets->fds[i], address))
        i++;
    return i;
}

static bool find_or_bind(struct sockets *sockets,
                         const struct addrinfo *address, size_t *found)
{
    *found = find(sockets, address);
    if (*found < sockets->count)
        return true;
    int fd = bind_at(address);
    if (fd != -1)
        add(sockets, fd);
    return fd != -1;
}

void sockets_prepare(struct sockets *sockets, const struct strings *addresses)
{
    struct sockets before = *sockets;

    *sockets = (struct sockets){ 0 };
    for (size_t i = 0; i < addresses->count; i++) {
        struct addrinfo *address = parse_address(addresses->items[i]);
        if (address == NULL)
            continue;
        size_t found = find(&before, address);
        if (found < before.count) {
            add(sockets, before.fds[found]);
            before.fds[found] = before.fds[--before.count];
        } else if (geteuid() == 0 &&
                   !find_or_bind(sockets, address, &found) &&
                   errno == EADDRINUSE) {
            strings_add(&sockets->taken, addresses->items[i]);
        }
        freeaddrinfo(address);
    }
    for (size_t i = 0; i < before.count; i++)
        io_close(&before.fds[i]);
    free(before.fds);
}

/* By errno. */
static void explain_refusal(const char *text, struct error *err)
{
    int number = errno;

    error_sys(err, number == EADDRINUSE || number == EACCES ? FAULT_CREATE
                                                            : FAULT_CONFIG,
              "listen at %s", text);
    if (number == EADDRINUSE)
        error_remedy(err, "another program listens there: stop it and restart "
                     "the daemon, or take it out of listen");
    else if (number == EACCES)
        error_remedy(err, "start the daemon as root, or use "
                     "postrider-smtp.socket");
}

int sockets_take(struct sockets *sockets, const char *text, struct error *err)
{
    struct addrinfo *address = parse_address(text);
    size_t found;
    int fd = -1;

    if (address == NULL) {
        error_set(err, FAULT_CONFIG, "listen at %s: not an address", text);
        return -1;
    }
    if (find_or_bind(sockets, address, &found))
        fd = fcntl(sockets->fds[found], F_DUPFD_CLOEXEC, 0);
    freeaddrinfo(address);
    /* Root has had that error; others would get one about the low port. */
    if (fd == -1 && strings_has(&sockets->taken, text))
        errno = EADDRINUSE;
    /* The process that handed it over may block in accept(2); we never do. */
    if (fd != -1)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    else
        explain_refusal(text, err);
    return fd;
}

static void set_number(const char *name, long number)
{
    char *text = alloc_format("%ld", number);

    setenv(name, text, 1);
    free(text);
}

void sockets_leave(const struct sockets *sockets)
{
    int above = FIRST + (int)sockets->count;

    if (sockets->count == 0)
        return;
    /* Out of the way first: one may have another's number. */
    for (size_t i = 0; i < sockets->count; i++)
        sockets->fds[i] = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < sockets->count; i++)
        dup2(sockets->fds[i], FIRST + (int)i);
    set_number("LISTEN_FDS", (long)sockets->count);
    set_number("LISTEN_PID", (long)getpid());
}

/* --- Unix sockets. --- */

static void make_folder_of(const char *path)
{
    char *folder = path_folder(path);
    mode_t old = umask(022);

    mkdir(folder, 0755);        /* bind(2) fails if it is missing */
    umask(old);
    free(folder);
}

static bool is_socket(const char *path, struct stat *status)
{
    return lstat(path, status) == 0 && S_ISSOCK(status->st_mode);
}

static bool somebody_listens(const char *path)
{
    int fd = unix_socket_connect(path, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd == -1)
        return errno == EAGAIN;
    close(fd);
    return true;
}

bool listen_is_served(const char *path)
{
    struct stat status;

    return is_socket(path, &status) &&
           (status.st_uid == 0 || status.st_uid == geteuid()) &&
           somebody_listens(path);
}

static bool bind_socket(int fd, const struct sockaddr_un *address,
                        socklen_t length, mode_t mode)
{
    mode_t old = umask((mode_t)(0777 & ~mode));
    int result = bind(fd, (const struct sockaddr *)address, length);

    umask(old);
    return result == 0;
}

int listen_local(const char *path, mode_t mode, struct error *err)
{
    struct sockaddr_un address;
    struct stat status;
    socklen_t length;

    if (!unix_socket_address(path, &address, &length)) {
        error_set(err, FAULT_CONFIG, "%s: longer than %zu octets", path,
                  unix_socket_path_max());
        return -1;
    }
    make_folder_of(path);
    if (is_socket(path, &status) && !somebody_listens(path))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd != -1 && bind_socket(fd, &address, length, mode) &&
        listen(fd, 64) == 0)
        return fd;
    if (errno == ENOENT || errno == EACCES || errno == EROFS) {
        error_sys(err, FAULT_CREATE, "listen at %s", path);
        error_remedy(err, "make its directory for the daemon's user");
    } else if (errno == EADDRINUSE) {
        error_set(err, FAULT_CONFIG, "%s is in use", path);
        error_remedy(err, "is another daemon running?");
    } else {
        error_sys(err, FAULT_CONFIG, "listen at %s", path);
    }
    if (fd != -1)
        close(fd);
    return -1;
}

void listen_remove(const char *path)
{
    struct stat status;

    if (is_socket(path, &status) && status.st_uid == geteuid())
        unlink(path);
}
