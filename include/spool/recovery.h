/*
 * recovery.h - after a stop, the way back into the table of src/README.md
 *
 * The names in queue/ are known at once; the messages are found one by one, or
 * when they are asked for, so that a large queue holds nothing up.
 */
#ifndef POSTRIDER_SPOOL_RECOVERY_H
#define POSTRIDER_SPOOL_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/spool.h"
#include "util/error.h"
#include "util/random.h"

struct recovery;            /* fields: src/spool/recovery.c */

/*
 * All that is in queue/ now; spool is borrowed. Copies that only lack their
 * names are finished, what is left of others is removed; files of a newer
 * version stay. Before anything is taken from drop/. NULL: a folder cannot be
 * read.
 */
struct recovery *recovery_new(const struct spool *spool, struct error *err);
void recovery_free(struct recovery *recovery);          /* NULL is allowed */

/* One that has been put into queue/ since. */
void recovery_add(struct recovery *recovery, const char *id);

/* One that was found is to be found again, when all others have been. */
void recovery_put_back(struct recovery *recovery, const char *id);

/*
 * Go on. RECOVERY_FOUND: id, of RANDOM_ID_LENGTH + 1 octets, is that of a
 * message in queue/, unless it has gone since; its file in drop/ has been
 * removed. RECOVERY_AGAIN: the same, of one that was put back. RECOVERY_MORE:
 * of state/, something was looked at.
 */
enum recovery_step { RECOVERY_FOUND, RECOVERY_AGAIN, RECOVERY_MORE,
                     RECOVERY_DONE };
enum recovery_step recovery_go_on(struct recovery *recovery, char *id);

/* How many messages are yet to be found; those that recovery_find() has found
 * are among them. */
size_t recovery_left(const struct recovery *recovery);

/* Find one of them before its turn: true if it is in queue/, as far as that can
 * be known. False: there is
 * nothing of it, or of another of that name, but perhaps in drop/. It must not
 * be one that is known, or that is being taken from there. */
bool recovery_find(const struct recovery *recovery, const char *id);

#endif
