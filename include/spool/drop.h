/*
 * drop.h - the drop directory as the daemon sees it
 *
 * Everything in it is hostile: names, kinds of files, owners that go on
 * writing. A file is opened once, examined by its descriptor, copied once, and
 * only the copy is trusted. A message ends here only for a wrong frame
 * (spool/entry.h), or if its owner keeps the daemon from reading it; any errno
 * means "later".
 */
#ifndef POSTRIDER_SPOOL_DROP_H
#define POSTRIDER_SPOOL_DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "spool/entry.h"
#include "spool/spool.h"
#include "util/error.h"

/* In octets. */
struct drop_limits {
    uint64_t size;          /* of a message: message_size_limit */
    uint64_t memory;        /* of a copy that is made in memory */
};

enum drop_result {
    DROP_TAKEN,             /* *entry is the caller's; not of drop_begin */
    DROP_GONE,              /* ENOENT, or junk that has been removed */
    DROP_MORE,              /* of drop_begin and drop_go_on only */
    DROP_LATER              /* cannot be read or removed now; stays; err is
                             * set: FAULT_PERMISSION with the command that
                             * helps, FAULT_NEWER, or another fault */
};

/*
 * Copy drop/ID and verify the copy. Small copies are made in memory (memfd) if
 * the system has that, others in queue/.ID; neither is synced. Without the
 * frame of a message file it is unlinked, logged with uid, size and reason.
 * With it, it becomes an entry, which may have flaws: one is that its message
 * is larger than the limit; of that the entry has the header section only.
 *
 * Callers choose their ids, and see those of others: a file with the id of a
 * message in queue/ is removed if it is what that was copied from, and else
 * stays until that message is gone (DROP_LATER).
 *
 * DROP_LATER besides trouble of our own: FAULT_NEWER; FAULT_SIZE, too large and
 * without a sender.
 */
enum drop_result drop_take(const struct spool *spool, const char *id,
                           const struct drop_limits *limits,
                           struct entry **entry, struct error *err);

/*
 * The same in steps: drop_begin verifies the frame, as far as that takes no
 * look at the content; drop_go_on copies or verifies about so many octets.
 * DROP_MORE: *taking is the caller's, to go on with, which ends it unless it is
 * DROP_MORE again, or to be freed, which leaves the message in drop/. Holes
 * cost nothing: they are neither copied nor summed up, and remain holes.
 */
struct drop_taking;         /* fields: src/spool/drop.c */

enum drop_result drop_begin(const struct spool *spool, const char *id,
                            const struct drop_limits *limits,
                            struct drop_taking **taking, struct error *err);
enum drop_result drop_go_on(struct drop_taking *taking, uint64_t octets,
                            struct entry **entry, struct error *err);
const char *drop_taking_id(const struct drop_taking *taking);
void drop_taking_free(struct drop_taking *taking);      /* NULL is allowed */

/* For which user drop/ID is, whose status this is: its owner; of a file that
 * the daemon wrote for a client of its sockets, that client. */
uid_t drop_user(const struct spool *spool, const char *id,
                const struct stat *status);

/* Unlink drop/ID; it may be gone already. False: it is there still. */
bool drop_remove(const struct spool *spool, const char *id);

/* The same, but a file stays that is not what queue/ID was copied from. False:
 * it is there still, and ought not to be, or that cannot be known. */
bool drop_remove_original(const struct spool *spool, const char *id);

#endif
