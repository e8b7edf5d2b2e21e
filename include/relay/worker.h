/*
 * worker.h - one process, one connection: messages in, outcomes out
 */
#ifndef POSTRIDER_RELAY_WORKER_H
#define POSTRIDER_RELAY_WORKER_H

struct config;
struct smarthost;

/*
 * Serve jobs from the socket until it is closed or nothing has come for a
 * while. The session is kept while work comes, up to messages_per_connection;
 * then the next one is opened. journal is the descriptor of spool/journal.h or
 * -1. SIGTERM: the transaction under way is finished, what was not begun is
 * left without outcome. Returns the exit status.
 */
int worker_run(const struct config *config, const struct smarthost *smarthost,
               int socket, int journal);

#endif
