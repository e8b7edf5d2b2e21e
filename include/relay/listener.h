/*
 * listener.h - connections to `listen`, each served by its own `sendmail -bs`
 *
 * For programs that send mail by SMTP only.
 */
#ifndef POSTRIDER_RELAY_LISTENER_H
#define POSTRIDER_RELAY_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/strings.h"

struct launch;
struct listener;            /* fields: src/relay/listener.c */
struct sockets;

#define SERVERS_MAX 100         /* at a time */

/*
 * Each `sendmail -bs` that runs, and whose client it serves. They serve on
 * while a reload executes the daemon again, and still count for the shares of
 * users: so their list is handed on, as lines of "PID UID" in a file in memory,
 * whose descriptor $POSTRIDER_SERVERS names. A reader passes over lines that it
 * does not know.
 */
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

/*
 * Listen at each of the addresses: paths of Unix sockets (mode 0666), or
 * "127.0.0.1:25" and "[::1]:25", which the configuration has verified to be
 * loopback. All are borrowed; servers, which run already, is copied. A socket
 * that only root or another user could make is logged, and left out; else NULL
 * with FAULT_CONFIG.
 */
struct listener *listener_new(const struct strings *addresses,
                              struct sockets *sockets,
                              const struct servers *servers,
                              struct launch *launch, struct error *err);
void listener_free(struct listener *listener);          /* NULL is allowed */

/* For the poll loop: descriptors to watch for input, none for a
 * moment after descriptors ran out. */
typedef void listener_watch(void *context, int fd, short events);
void listener_each(struct listener *listener, listener_watch *add,
                   void *context);
void listener_handle(struct listener *listener, int fd);

/* A process that was launched ended, with this status of wait(2): was it one of
 * these? */
bool listener_reap(struct listener *listener, pid_t pid, int status);

#endif
