/*
 * schedule.h - which message is tried next, and when
 *
 * Pure bookkeeping in memory: no files, no clock (now is passed in,
 * milliseconds on the monotonic clock).
 *
 * A message is in exactly one place: waiting for a time, ready, out with a
 * worker, or held. Ready messages wait for a smarthost that takes mail, and are
 * taken round robin over their owners.
 */
#ifndef POSTRIDER_RELAY_SCHEDULE_H
#define POSTRIDER_RELAY_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/message.h"
#include "relay/ready.h"

struct schedule;            /* fields: src/relay/schedule.c */

/* smarthosts: how many there are. */
struct schedule *schedule_new(size_t smarthosts);
void schedule_free(struct schedule *schedule);  /* not the messages */

/* One more message, TIMED and due at once. READY ones whose smarthost is
 * SMARTHOST_MISSING stay so. */
void schedule_add(struct schedule *schedule, struct message *message);
void schedule_remove(struct schedule *schedule, struct message *message);

/* It needs no smarthost any more: any one's turn serves. */
void schedule_unbind(struct schedule *schedule, struct message *message);

/* Put a message (in any place) where it shall be. */
void schedule_at(struct schedule *schedule, struct message *message,
                 int64_t due);
void schedule_hold(struct schedule *schedule, struct message *message);
/* HELD, until failed/ has room for it. */
void schedule_strand(struct schedule *schedule, struct message *message);

/* Make everything that is TIMED and due by now READY. */
void schedule_wake(struct schedule *schedule, int64_t now);

/* When the next TIMED message is due; INT64_MAX if none is. */
int64_t schedule_next_time(const struct schedule *schedule);

/*
 * The READY message that this smarthost may carry next, round robin by owner,
 * of those that fit (NULL: all). With any, those that any smarthost may carry
 * are this one's, too. NULL if there is none.
 */
struct message *schedule_next(const struct schedule *schedule, size_t smarthost,
                             bool any, ready_fits *fits, const void *context);

/* A READY message becomes OUT; its owner has had a turn. */
void schedule_take(struct schedule *schedule, struct message *message);

/* How many this smarthost may carry. */
size_t schedule_ready_for(const struct schedule *schedule, size_t smarthost,
                          bool any);

/* All TIMED messages that this smarthost may carry become READY: it answers. */
void schedule_release(struct schedule *schedule, size_t smarthost);

size_t schedule_count(const struct schedule *schedule);
size_t schedule_count_missing(const struct schedule *schedule);
size_t schedule_count_stranded(const struct schedule *schedule);
size_t schedule_count_in(const struct schedule *schedule,
                         enum message_place place);

#endif
