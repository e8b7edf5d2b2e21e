/*
 * session_limit.h - how many messages a smarthost takes in a session
 *
 * Some take fewer than messages_per_connection, and do not announce it.
 * It is known for a while from what sessions ended with. Pure bookkeeping; now
 * is in milliseconds on the monotonic clock.
 */
#ifndef POSTRIDER_RELAY_SESSION_LIMIT_H
#define POSTRIDER_RELAY_SESSION_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct session_limit {
    unsigned messages;          /* 0: not known */
    int64_t until;              /* that counts */
    unsigned last;              /* what the last session ended with */
};

/* A session was over after so many messages, at least 1. sure: the smarthost
 * has replied so; else two in a row must end with the same. True if it is known
 * now. */
bool session_limit_note(struct session_limit *limit, unsigned messages,
                        bool sure, int64_t now);

/* 0: none is known. */
unsigned session_limit_get(const struct session_limit *limit, int64_t now);

#endif
