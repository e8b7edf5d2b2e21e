/*
 * listener.h - connections to `listen`, each served by its own `sendmail -bs`
 *
 * For programs that send mail by SMTP only.
 */
#ifndef POSTRIDER_RELAY_LISTENER_H
#define POSTRIDER_RELAY_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/strings.h"

struct launch;
struct servers;
struct sockets;
struct listener;            /* fields: src/relay/listener.c */

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
