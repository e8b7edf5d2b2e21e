/*
 * devlog.h - lines to the system's log, without waiting for it
 *
 * syslog(3) waits for as long as a log daemon that is stuck does not read: a
 * caller of sendmail would hang, and so would all deliveries. Here a line is
 * lost after a moment, and the next one that gets through says how many were.
 */
#ifndef POSTRIDER_UTIL_DEVLOG_H
#define POSTRIDER_UTIL_DEVLOG_H

#include <stdbool.h>

struct devlog {
    const char *path;       /* of the socket, "/dev/log" */
    int fd;                 /* -1: not connected */
    bool is_stream;         /* some daemons listen on such a one */
    bool is_stuck;          /* the last line waited in vain: wait no more */
    unsigned lost;          /* lines since one got through */
};

#define DEVLOG_INIT(where) { .path = (where), .fd = -1 }

/* Before the first line, if the process may not later. False: none listens. */
bool devlog_connect(struct devlog *log);

/* priority as syslog(3) has it, with the facility; text is one line. */
void devlog_say(struct devlog *log, int priority, const char *name,
                const char *text);

#endif
