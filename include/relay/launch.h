/*
 * launch.h - the manager's requests to the launcher, which starts processes
 *
 * The manager reads what hostile users write: it may start nothing and reach
 * no network (relay/confine.h). Its parent does that for it (launcher.h), on
 * packets of relay/wire.h, and reports the ends of processes.
 */
#ifndef POSTRIDER_RELAY_LAUNCH_H
#define POSTRIDER_RELAY_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/wire.h"
#include "util/error.h"

struct launch;                  /* fields: src/relay/launch.c */

/* socket is owned, and non-blocking from here on. */
struct launch *launch_new(int socket);
void launch_free(struct launch *launch);                /* NULL is allowed */

/* A worker of that smarthost with its socket and its journal, a fork of the
 * parent; and `sendmail -bs` on a connection. Descriptors stay the caller's.
 * -1 with FAULT_TEMPORARY. */
pid_t launch_worker(struct launch *launch, size_t smarthost, int socket,
                    int journal, struct error *err);
pid_t launch_server(struct launch *launch, int connection, uid_t uid,
                    bool impatient, struct error *err);

/* To a process that was started here, unless it has ended meanwhile. */
void launch_signal(struct launch *launch, pid_t pid, int signal);

/* To the service manager, which takes notices of the parent only. */
void launch_notice(struct launch *launch, enum notice notice, uint64_t queued,
                   uint64_t delivered, const char *remark);

/* How often its watchdog needs one, in milliseconds (half of $WATCHDOG_USEC);
 * 0: never. */
int64_t launch_notice_interval(void);

/* As if the launcher had got a SIGHUP. */
void launch_reload(struct launch *launch);

/* For the poll loop: input means that launch_ended() has something. */
int launch_descriptor(const struct launch *launch);

/* The next process that ended. False: none for now. */
bool launch_ended(struct launch *launch, pid_t *pid, int *status);

#endif
