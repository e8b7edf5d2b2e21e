/*
 * durations.h - how long messages take at a smarthost, as was measured
 *
 * Some users' mail is slower than that of others: it is larger, or a scanner
 * there thinks longer about it. So each user's is measured on its own.
 */
#ifndef POSTRIDER_RELAY_DURATIONS_H
#define POSTRIDER_RELAY_DURATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DURATIONS_USERS 256     /* those that were measured last are known */
#define DURATIONS_UNKNOWN (-1)

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
