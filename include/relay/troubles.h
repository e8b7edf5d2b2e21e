/*
 * troubles.h - the messages that an administrator must act on
 *
 * Those in the spool that cannot be read, those that were given up, and those
 * that cannot leave: counted by kind, and logged once an hour.
 */
#ifndef POSTRIDER_RELAY_TROUBLES_H
#define POSTRIDER_RELAY_TROUBLES_H

#include <stddef.h>
#include <stdint.h>

#include "control/protocol.h"
#include "spool/unread.h"
#include "util/log.h"

struct messages;
struct pickup;
struct troubles;            /* fields: src/relay/troubles.c */

/* Those of a kind: how many are where, and, for one of them, why, with the
 * command that helps. */
struct trouble {
    const char *place;          /* folder of the spool */
    enum trouble_kind kind;
    enum log_level level;
    size_t count;               /* 0: none */
    char *text;                 /* owned; NULL if there is none */
    char *remedy;               /* what helps, alone; the same */
};

/* Their order: those that cannot be read in drop/, then in queue/; then: */
enum { TROUBLES_UNREAD = 2 * UNREAD_KINDS, TROUBLE_GIVEN_UP = TROUBLES_UNREAD,
       TROUBLE_BOUND, TROUBLE_STRANDED, TROUBLES };

/* Both are borrowed. */
struct troubles *troubles_new(struct messages *messages,
                              const struct pickup *pickup);
void troubles_free(struct troubles *troubles);          /* NULL is allowed */

void troubles_collect(const struct troubles *troubles,
                      struct trouble list[TROUBLES]);
void troubles_free_list(struct trouble list[TROUBLES]);

/* Log what there is, each kind once an hour. now is in milliseconds on the
 * monotonic clock. */
void troubles_log(struct troubles *troubles, int64_t now);

#endif
