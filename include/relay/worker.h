/*
 * worker.h - one process, one connection: messages in, outcomes out
 */
#ifndef POSTRIDER_RELAY_WORKER_H
#define POSTRIDER_RELAY_WORKER_H

struct config;
struct smarthost;

/*
 * Serve jobs from the socket until it is closed or nothing has come for a
 * while, or the session has carried messages_per_connection or is lost. journal
 * is the descriptor of spool/journal.h or -1. SIGTERM: the transaction under
 * way is finished, what was not begun is left without outcome. Returns the exit
 * status. The process is a child of the launcher's, with its signals blocked.
 */
int worker_run(const struct config *config, const struct smarthost *smarthost,
               int socket, int journal);

#endif
