/*
 * launcher.h - the parent of the manager: it starts processes, and no more
 *
 * It reads no mail, no answers and no names: only signals, and packets (wire.h)
 * whose parser checks all of them, since the manager is not trusted.
 */
#ifndef POSTRIDER_RELAY_LAUNCHER_H
#define POSTRIDER_RELAY_LAUNCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/error.h"

struct config;
struct servers;

struct launcher_settings {
    const struct config *config;
    const char *sendmail;       /* path, for -bs */
    struct servers *servers;    /* those that run already; kept true */
    int socket;                 /* to the manager; blocking */
    pid_t manager;
    bool (*may_reload)(void);   /* asked at SIGHUP: is what will be read in
                                 * order? It logs what is not. */
};

/* Block the signals that launcher_run() waits for: before the configuration is
 * read, so that none about a later one is lost, and before the fork. */
bool launcher_prepare(int *signals, struct error *err);

/* After launcher_run(): was it asked to stop, be it while its manager ended
 * for a reload? */
bool launcher_is_stopped(void);

/* Before this process executes a program that will call launcher_prepare(),
 * too: a SIGHUP that comes in between asks for nothing more, and must not end
 * it. */
void launcher_leave(void);

/*
 * Serve the manager until it has ended; its wait(2) status. SIGTERM and SIGINT
 * are passed to it as SIGTERM, SIGHUP as SIGUSR1 if it may be.
 */
int launcher_run(const struct launcher_settings *settings, int signals);

#endif
