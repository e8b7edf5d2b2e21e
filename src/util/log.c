#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

#define PATIENCE 200            /* milliseconds for a log that is busy */
#define ABSENT_TIME 1000        /* milliseconds between looks for a daemon that
                                 * was not there twice */

static bool connect_as(struct devlog *log, int type)
{
    log->fd = unix_socket_connect(log->path, type | SOCK_NONBLOCK, 0);
    log->is_stream = type == SOCK_STREAM;
    return log->fd != -1;
}

static bool may_connect(const struct devlog *log)
{
    return log->refusals < 2 || clock_now() >= log->next;
}

/* False: no daemon listens. */
static bool connect_log(struct devlog *log)
{
    if (log->fd != -1)
        return true;
    if (!may_connect(log))
        return false;
    if (connect_as(log, SOCK_DGRAM) ||
        (errno == EPROTOTYPE && connect_as(log, SOCK_STREAM))) {
        log->refusals = 0;
        return true;
    }
    log->refusals++;
    log->next = clock_now() + ABSENT_TIME;
    return false;
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

/* The daemon may have been started again since the last line. */
static bool send_line(struct devlog *log, const char *line)
{
    bool was_connected = log->fd != -1;

    if (!connect_log(log))
        return false;
    if (send_once(log, line))
        return true;
    if (errno == EAGAIN)
        return false;
    io_close(&log->fd);
    return was_connected && connect_log(log) && send_once(log, line);
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
    if (log->fd == -1 && !may_connect(log))
        return false;
    char *line = compose(priority, name, text);
    bool sent = send_line(log, line);

    free(line);
    return sent;
}

void devlog_send(struct devlog *log, int priority, const char *name,
                 const char *text)
{
    if (log->lost > 0) {
        char *confession = alloc_format("lines lost while the log was not "
                                        "read: %u", log->lost);
        if (try_line(log, priority, name, confession))
            log->lost = 0;
        free(confession);
    }
    bool sent = log->lost == 0 && try_line(log, priority, name, text);
    log->is_stuck = !sent;
    log->lost += !sent;
}

/*
 * The log is the process's, as syslog(3) itself has it: the one exception to
 * the rule that no state is at file scope, besides flags of signal handlers.
 */
static enum log_target target = LOG_OFF;
static char *name;
static struct devlog devlog = DEVLOG_INIT("/dev/log");

void log_open(enum log_target where, const char *called)
{
    char *old = name;

    io_close(&devlog.fd);
    target = where;
    name = alloc_string(called);
    free(old);
}

void log_connect(void)
{
    if (target == LOG_TO_SYSLOG)
        (void)connect_log(&devlog);
}

static int priority_of(enum log_level level)
{
    static const int priorities[] = {
        [LOG_LEVEL_ALERT] = LOG_ALERT,
        [LOG_LEVEL_ERROR] = LOG_ERR,
        [LOG_LEVEL_WARNING] = LOG_WARNING,
        [LOG_LEVEL_INFO] = LOG_INFO,
    };

    return priorities[level] | LOG_MAIL;
}

void log_line(enum log_level level, const char *format, ...)
{
    va_list args;
    struct buf line;

    if (target == LOG_OFF)
        return;
    buf_init(&line, 8192);
    va_start(args, format);
    text_escape_vformat(&line, format, args);
    va_end(args);
    if (target == LOG_TO_SYSLOG) {
        devlog_send(&devlog, priority_of(level), name, line.data);
    } else {
        char *shown = alloc_format("%s: %s\n", name, line.data);
        (void)io_write_all(STDERR_FILENO, shown, strlen(shown));
        free(shown);
    }
    buf_free(&line);
}
