#include "util/devlog.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/io.h"

#define PATIENCE 200            /* milliseconds for a log that is busy */

static bool connect_as(struct devlog *log, int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(log->path);

    if (length >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, log->path, length);
    log->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (log->fd == -1)
        return false;
    log->is_stream = type == SOCK_STREAM;
    if (connect(log->fd, (const struct sockaddr *)&address,
                sizeof address) == 0)
        return true;
    int number = errno;
    io_close(&log->fd);
    errno = number;
    return false;
}

bool devlog_connect(struct devlog *log)
{
    return log->fd != -1 || connect_as(log, SOCK_DGRAM) ||
           (errno == EPROTOTYPE && connect_as(log, SOCK_STREAM));
}

/* A stream's records end with NUL. One that was sent in part cannot be gone on
 * with: the connection is as good as lost. */
static bool send_record(const struct devlog *log, const char *line)
{
    size_t length = strlen(line) + log->is_stream;
    ssize_t sent = send(log->fd, line, length, MSG_NOSIGNAL);

    if (sent >= 0 && (size_t)sent < length)
        errno = EPIPE;
    return sent == (ssize_t)length;
}

static bool send_once(const struct devlog *log, const char *line)
{
    struct pollfd ready = { .fd = log->fd, .events = POLLOUT };

    return send_record(log, line) ||
           (errno == EAGAIN && !log->is_stuck &&
            poll(&ready, 1, PATIENCE) == 1 && send_record(log, line));
}

/* The daemon may have been started anew since the last line. */
static bool send_line(struct devlog *log, const char *line)
{
    bool was_connected = log->fd != -1;

    if (!devlog_connect(log))
        return false;
    if (send_once(log, line))
        return true;
    if (errno == EAGAIN)
        return false;
    io_close(&log->fd);
    return was_connected && devlog_connect(log) && send_once(log, line);
}

static char *compose(int priority, const char *name, const char *text)
{
    char date[32] = "";
    time_t now = time(NULL);
    struct tm tm;

    if (localtime_r(&now, &tm) != NULL)
        strftime(date, sizeof date, "%b %e %H:%M:%S", &tm);
    return alloc_format("<%d>%s %s[%ld]: %s", priority, date, name,
                        (long)getpid(), text);
}

static bool try_line(struct devlog *log, int priority, const char *name,
                     const char *text)
{
    char *line = compose(priority, name, text);
    bool sent = send_line(log, line);

    free(line);
    return sent;
}

void devlog_say(struct devlog *log, int priority, const char *name,
                const char *text)
{
    if (log->lost > 0) {
        char *confession = alloc_format("lines lost while nobody read the "
                                        "log: %u", log->lost);
        if (try_line(log, priority, name, confession))
            log->lost = 0;
        free(confession);
    }
    bool sent = log->lost == 0 && try_line(log, priority, name, text);
    log->is_stuck = !sent;
    log->lost += !sent;
}
