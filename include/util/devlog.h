/*
 * devlog.h - lines to the system's log, without waiting for it
 *
 * syslog(3) waits as long as the log daemon does not read: with a daemon that
 * is stuck, callers of sendmail and all deliveries would hang. Here a line is
 * lost after a moment, and the next one that gets through gives the number of
 * lines that were lost.
 */
#ifndef POSTRIDER_UTIL_DEVLOG_H
#define POSTRIDER_UTIL_DEVLOG_H

#include <stdbool.h>

struct devlog {
    const char *path;       /* of the socket, "/dev/log" */
    int fd;                 /* -1: not connected */
    bool is_stream;         /* the socket is one, as with some daemons */
    bool is_stuck;          /* the last line was not taken: do not wait */
    unsigned lost;          /* lines since one got through */
};

#define DEVLOG_INIT(where) { .path = (where), .fd = -1 }

/* Before the first line, if the process may not later. False: no daemon
 * listens. */
bool devlog_connect(struct devlog *log);

/* priority as syslog(3) has it, with the facility; text is one line. */
void devlog_say(struct devlog *log, int priority, const char *name,
                const char *text);

#endif
