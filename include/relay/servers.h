/*
 * servers.h - each `sendmail -bs` that runs, and whose client it serves
 *
 * They serve on while a reload executes the daemon anew, and still count for
 * the shares of users: so their list is handed on, as lines of "PID UID" in a
 * file in memory, whose descriptor $POSTRIDER_SERVERS names. A reader passes
 * over lines that it does not know.
 */
#ifndef POSTRIDER_RELAY_SERVERS_H
#define POSTRIDER_RELAY_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVERS_MAX 100         /* at a time */

struct servers {
    struct server {
        pid_t pid;
        uid_t uid;              /* of its client */
    } list[SERVERS_MAX];
    size_t count;
};

/* Those that this process has started before it became this program, and that
 * run still. */
void servers_inherit(struct servers *servers);

/* One more, if there is room. */
void servers_add(struct servers *servers, pid_t pid, uid_t uid);
/* It ended. False: it is none of these. */
bool servers_remove(struct servers *servers, pid_t pid);
size_t servers_of(const struct servers *servers, uid_t uid);

/* The next program in this process shall have them. */
void servers_leave(const struct servers *servers);

#endif
