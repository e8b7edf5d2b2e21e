/*
 * capacity.h - how much mail a smarthost takes at a time, as was measured
 *
 * Connections, messages in each of them, and how long those take. Pure
 * bookkeeping; now is in milliseconds on the monotonic clock.
 */
#ifndef POSTRIDER_RELAY_CAPACITY_H
#define POSTRIDER_RELAY_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * How many connections are worth having follows the work. It begins with one,
 * and doubles as sessions are opened; where one more is refused, it stays as it
 * is for some minutes, and then one more is tried. Another one is opened only
 * if there would still be work for it when it is open, and while messages do
 * not take longer the more connections there are.
 */
struct concurrency {
    size_t most;                /* as configured */
    size_t borne;               /* as many as the smarthost takes, since it
                                 * refused one more; 0: it refused none */
    int64_t again;              /* until then no more than those are tried */
    unsigned refusals;          /* in a row */
    int64_t opening;            /* microseconds it takes to open a session, and
                                 * that a message takes then; means; 0: not
                                 * known */
    int64_t message;
    unsigned samples;           /* of that, up to as many as make a mean */
    int64_t quickest;           /* the least it was lately, */
    int64_t quickest_before;    /* and in the time before that; 0: not known */
    int64_t lately;             /* which began then */
};

void concurrency_init(struct concurrency *concurrency, size_t most);

/* A session was opened; that took duration milliseconds. standing: how many
 * sessions are open now, this one included. */
void concurrency_opened(struct concurrency *concurrency, size_t standing,
                        int64_t duration, int64_t now);

/* The smarthost refused a session while others were open: standing of them. */
void concurrency_refused(struct concurrency *concurrency, size_t standing,
                         int64_t now);

/* A message, or 64 KB of a larger one, took so many microseconds after the one
 * before it. */
void concurrency_note(struct concurrency *concurrency, int64_t duration,
                      int64_t now);

/* How many connections there may be now, open ones and those that are being
 * opened. standing: how many are open. */
size_t concurrency_limit(const struct concurrency *concurrency,
                         size_t standing, int64_t now);

/* How many there can be later without further news. */
size_t concurrency_ceiling(const struct concurrency *concurrency);

/* How many messages each connection must have before it, for another one to
 * save more time than it takes to open. */
size_t concurrency_price(const struct concurrency *concurrency);

/* Do messages take longer than with fewer connections, so that one more would
 * bring less than it should? */
bool concurrency_is_saturated(const struct concurrency *concurrency);

/* Do messages wait for the smarthost's replies, and not for this machine? */
bool concurrency_is_far(const struct concurrency *concurrency);

/* When concurrency_limit() may grow by itself; INT64_MAX: never. */
int64_t concurrency_next_time(const struct concurrency *concurrency,
                              int64_t now);

/*
 * Some smarthosts take fewer messages in a session than
 * messages_per_connection, and do not announce it. It is known for a while
 * from what sessions ended with.
 */
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

#define DURATIONS_USERS 256     /* those that were measured last are known */
#define DURATIONS_UNKNOWN (-1)

/*
 * How long messages take. Some users' mail is slower than that of others: it is
 * larger, or a scanner there takes longer for it. So each user's is measured
 * on its own.
 */
struct durations {
    int64_t any;                /* microseconds a piece of any user's message
                                 * takes; or DURATIONS_UNKNOWN */
    struct duration {
        bool known;
        uid_t uid;
        int64_t piece;          /* the same, of this user's */
    } users[DURATIONS_USERS];
    size_t next;                /* whose place is taken next */
};

void durations_init(struct durations *durations);

/* A message of so many octets took so many milliseconds. Returns how many
 * microseconds a piece took. */
int64_t durations_note(struct durations *durations, uid_t uid, uint64_t octets,
                       int64_t duration);

/* Microseconds that a message of so many octets will take; or
 * DURATIONS_UNKNOWN. */
int64_t durations_expect(const struct durations *durations, uid_t uid,
                         uint64_t octets);

#endif
