/*
 * refusals.h - how many of the last messages a smarthost refused for good
 */
#ifndef POSTRIDER_RELAY_REFUSALS_H
#define POSTRIDER_RELAY_REFUSALS_H

#include <stdint.h>

#define REFUSALS_KEPT 20        /* messages */

/* { 0 } knows of none. */
struct refusals {
    int64_t when[REFUSALS_KEPT];    /* in milliseconds, as now */
    unsigned char refused[REFUSALS_KEPT];
    unsigned next;                  /* in the ring of these */
    unsigned kept;
    char *reason;                   /* of the last refusal; owned */
};

void refusals_free(struct refusals *refusals);

/* A message was refused for this reason; NULL: it was taken. */
void refusals_note(struct refusals *refusals, const char *reason, int64_t now);

/* How many there were within a day, and how many of them were refused. */
unsigned refusals_count(const struct refusals *refusals, int64_t now,
                        unsigned *refused);

#endif
