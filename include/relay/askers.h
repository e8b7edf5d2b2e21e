/*
 * askers.h - users whose mail was tried by request in the last minute
 *
 * The daemon tries mail by itself; a user who asks for it all the time must not
 * keep smarthosts busy. Pure bookkeeping; now is in milliseconds on the
 * monotonic clock.
 */
#ifndef POSTRIDER_RELAY_ASKERS_H
#define POSTRIDER_RELAY_ASKERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ASKERS_TIME 60000       /* milliseconds between requests of a user */
#define ASKERS_MAX 256          /* users in that time; more have to wait */

/* { 0 } is empty. */
struct askers {
    struct asker {
        uid_t uid;
        int64_t when;
    } items[ASKERS_MAX];        /* a ring in the order of time */
    size_t first, count;
};

/* May this user ask now? Then 0, and it is noted; else the milliseconds until
 * it may. */
int64_t askers_note(struct askers *askers, uid_t uid, int64_t now);

#endif
