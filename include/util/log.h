/*
 * log.h - one line an event, to syslog (facility mail) or standard error
 *
 * Vocabulary: Postfix's. `ID: to=<bob@a.example>, relay=..., dsn=2.0.0,
 * status=sent (250 2.0.0 Ok)`. Arguments may be hostile: control characters
 * are shown as \xNN. Secrets are never arguments. A log that cannot be
 * written is not a failure.
 */
#ifndef POSTRIDER_UTIL_LOG_H
#define POSTRIDER_UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_OFF };
enum log_level { LOG_LEVEL_ALERT, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
                 LOG_LEVEL_INFO };

/*
 * Choose target and name for this process; the name is copied. Before it,
 * lines are dropped. No descriptor is open before the first line: one from
 * before a fork is closed.
 */
void log_open(enum log_target target, const char *name);

/* Connect to the log now: later, this process may not. */
void log_connect(void);

void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Lines to the system's log, without waiting for it: syslog(3) waits as long as
 * the log daemon does not read, and with a daemon that is stuck callers of
 * sendmail and all deliveries would hang. Here a line is lost after a moment,
 * and the next one that gets through gives the number of lines that were lost.
 * For log.c, and for its test.
 */
struct devlog {
    const char *path;       /* of the socket, "/dev/log" */
    int fd;                 /* -1: not connected */
    bool is_stream;         /* the socket is one, as with some daemons */
    bool is_stuck;          /* the last line was not taken: do not wait */
    unsigned lost;          /* lines since one got through */
    unsigned refusals;      /* of connections, in a row: after two, */
    int64_t next;           /* the next one is tried then (clock_now) */
};

#define DEVLOG_INIT(where) { .path = (where), .fd = -1 }

/* priority as syslog(3) has it, with the facility; text is one line. */
void devlog_send(struct devlog *log, int priority, const char *name,
                 const char *text);

#endif
