/*
 * queue.h - the files of a message that the daemon answers for
 *
 * All changes of drop/ID, queue/ID and state/ID together, in the order that
 * the table on the first page of src/README.md asks for. After a stop,
 * spool/recovery.h is the way back into one of its states.
 */
#ifndef POSTRIDER_SPOOL_QUEUE_H
#define POSTRIDER_SPOOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "spool/entry.h"
#include "spool/spool.h"
#include "util/error.h"

struct state;

/* Which files of a message there may be: what is known to be missing is not
 * looked for. */
struct queue_files {
    bool original;              /* drop/ID, as that message */
    bool copy;                  /* queue/.ID */
    bool message;               /* queue/ID */
    bool state;                 /* state/ID */
};
#define QUEUE_ALL_FILES ((struct queue_files){ true, true, true, true })

/*
 * Make a taken entry durable: its copy as queue/.ID, synced; then state/ID if
 * state is not NULL; then the name queue/ID and the directory; then drop/ID is
 * unlinked (if it cannot be, entry->dropped is true still). At every point in
 * between a restart finds the message, and finds it once. FAULT_IO: nothing is
 * lost, drop/ID or queue/.ID with state/ID is there.
 */
bool queue_store(const struct spool *spool, struct entry *entry,
                 int64_t received, const struct state *state,
                 struct error *err);

/*
 * Commit a message that the daemon wrote itself (a bounce): draft is an ended
 * unnamed draft with a random id that is recorded. One that exists already is
 * success: it was made before a stop. Durable on return.
 */
struct draft;
bool queue_add(const struct spool *spool, struct draft *draft,
               int64_t received, struct error *err);

/* The message is done: unlink drop/ID, queue/ID and queue/.ID, then state/ID,
 * those that there may be. With sync, durable on return (before a bounce made
 * from it may be sent). False: something of it is there still, and must not be
 * taken for new. */
bool queue_remove(const struct spool *spool, const char *id,
                  const struct queue_files *files, bool sync);

/* Move queue/ID to failed/ID; state/ID goes along as failed/ID.state, which is
 * there before. False: nothing has changed, or a failed/ID is there already. */
bool queue_fail(const struct spool *spool, const char *id, struct error *err);

/* Move failed/ID back to queue/ID, its recipients that failed open again, and
 * what is known of its attempts as if there had been none. FAULT_INPUT: there
 * is no such message; nothing has changed. */
bool queue_restore(const struct spool *spool, const char *id,
                   struct error *err);

#endif
