/*
 * shutdown.h - how the daemon comes to its end, or to a new start
 *
 * A stop sends what is ready first, for as long as drain in the configuration
 * allows, and then lets the workers go; a second one lets them go at once. For
 * a reload they go, too. A worker may wait for a reply for minutes, which must
 * not hold up all mail: a reload lets the others go on until it has left, and
 * tries again with more patience, or it would never meet workers that are all
 * quick enough.
 */
#ifndef POSTRIDER_RELAY_SHUTDOWN_H
#define POSTRIDER_RELAY_SHUTDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/manager.h"

struct config;
struct hops;

enum shutdown_stage {
    SHUTDOWN_NONE,              /* all is served */
    SHUTDOWN_DRAINING,          /* no new connections */
    SHUTDOWN_LEAVING            /* nothing goes to workers any more */
};

struct shutdown {
    const struct config *config;    /* borrowed, as the next */
    struct hops *hops;
    enum shutdown_stage stage;
    enum manager_end end;           /* as was asked for; FAILED before that */
    int64_t until;                  /* end of the stage, in milliseconds */
    int64_t patience;               /* of a reload, for the workers */
};

struct shutdown shutdown_none(const struct config *config, struct hops *hops);

/* It was asked for, at now. False: that changes nothing. */
bool shutdown_ask(struct shutdown *shutdown, enum manager_end end,
                  int64_t now);

/* The next stage, if it is time. idle: nothing is ready, nor with a worker;
 * left: messages in the queue. */
void shutdown_go_on(struct shutdown *shutdown, bool idle, size_t left,
                    int64_t now);

/* When that may have something to do, on the monotonic clock; INT64_MAX: only
 * after an event. */
int64_t shutdown_next_time(const struct shutdown *shutdown);

/* All workers have gone, as asked. */
bool shutdown_is_over(const struct shutdown *shutdown);

#endif
