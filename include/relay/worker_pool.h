/*
 * worker_pool.h - what is known of the workers of one smarthost
 *
 * Private to workers.c, which keeps it, and to placement.c, which decides by
 * it.
 */
#ifndef POSTRIDER_RELAY_WORKER_POOL_H
#define POSTRIDER_RELAY_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/capacity.h"
#include "relay/wire.h"
#include "relay/worker_slot.h"
#include "spool/spool.h"

struct launch;

struct workers {
    struct launch *launch;
    const char *name;
    size_t smarthost;
    struct concurrency concurrency;
    struct session_limit session_limit;
    const struct spool *spool;
    struct distrust distrust;   /* of the smarthost: what workers found out */
    struct worker_slot **slots;
    size_t count;
    int *orphans;               /* journals of workers that have outlived the */
    size_t orphan_count;        /* daemon before: their connections count */
    int64_t opened;             /* when a session was opened last; 0: never */
    char *winner;               /* the peer that gave one, to be tried first */
    int64_t winner_until;       /* ... until then; NULL: none */
    char *refused;              /* digest_name() of the token that the smarthost
                                 * refused last; NULL: none */
    bool renews;                /* ... and no session was opened since */
    int64_t left;               /* when an open session ended last; 0: none has,
                                 * or it has excused a refusal already */
    int64_t hold;               /* until then no other one is opened */
    int64_t started;            /* when the last worker was */
    unsigned renewals;          /* since a session was opened */
    struct durations durations;
    struct packet packet;       /* what the last event was made of: */
    struct finding finding;     /* it is valid until the next one */
};

#endif
