/*
 * storage.h - when messages that are only in drop/ and in memory go to queue/
 *
 * A message that is delivered at its first attempt never does. The others go
 * when no smarthost takes mail, or when the memory they take is needed.
 */
#ifndef POSTRIDER_RELAY_STORAGE_H
#define POSTRIDER_RELAY_STORAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct control;
struct hops;
struct message;
struct messages;
struct storage;             /* fields: src/relay/storage.c */

/* All are borrowed. control: for callers who wait for an attempt. */
struct storage *storage_new(struct messages *messages,
                            const struct hops *hops, struct control *control);
void storage_free(struct storage *storage);             /* NULL is allowed */

/* Store one. False: it stays as it is, and that is logged. */
bool storage_put(struct message *message);

/* The same for one that will not be tried now: callers need not wait. */
bool storage_keep(struct storage *storage, struct message *message);

/* Store all, in the next rounds: a smarthost is down. */
void storage_keep_all(struct storage *storage);

/* Store as many, in the next round, as it takes for this user to have room. */
void storage_make_room(struct storage *storage, uid_t uid);

/* A round of that, which ends at about end; now and end are in milliseconds on
 * the monotonic clock. True if there is more to do. */
bool storage_run(struct storage *storage, int64_t now, int64_t end);

#endif
