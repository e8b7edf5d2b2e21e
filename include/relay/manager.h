/*
 * manager.h - the daemon: its start, its poll loop, its end
 */
#ifndef POSTRIDER_RELAY_MANAGER_H
#define POSTRIDER_RELAY_MANAGER_H

#include "util/error.h"

struct config;
struct servers;
struct sockets;

/* How a manager ended: STOPPED and RELOAD after all workers have left, FAILED
 * at its start. */
enum manager_end { MANAGER_STOPPED, MANAGER_RELOAD, MANAGER_FAILED };

/*
 * Run the daemon in this process, which already is the user that owns the
 * spool. launcher is a socket to the process that starts others (launcher.h);
 * owned. servers: see listener_new(). Returns after SIGTERM or SIGINT, or after
 * SIGUSR1 to be started again with a new configuration; MANAGER_FAILED with err
 * when it cannot start.
 */
enum manager_end manager_run(const struct config *config,
                             struct sockets *sockets,
                             const struct servers *servers, int launcher,
                             struct error *err);

#endif
