/*
 * spool.h - the folders of the spool, opened and verified
 *
 *     .        root 0755                no other user can replace a folder
 *     drop/    DAEMON:DAEMON 3733       what callers committed: ID
 *     queue/   DAEMON 0700              the daemon's own copies: ID, .ID
 *     state/   DAEMON 0700              outcomes so far: ID; journals
 *     failed/  DAEMON 0700              neither deliverable nor to be bounced
 *
 * DAEMON is the user the daemon runs as. The table on the first page of
 * src/README.md is what the files of one message mean together.
 */
#ifndef POSTRIDER_SPOOL_SPOOL_H
#define POSTRIDER_SPOOL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"

struct spool {
    const char *path;       /* borrowed */
    int drop, queue, state, failed;     /* directories; -1 if not open */
    struct junk *junk;      /* the junk that was logged, by its owner; owned */
};

/*
 * Make the folders that are missing, as above for that user, whose group may be
 * one without a name. Those that are there stay as they are. FAULT_CONFIG.
 */
bool spool_make(const char *path, uid_t user, gid_t group, struct error *err);

/*
 * Open all folders for the daemon, or for root to look at a spool whose
 * daemon is down. With strict, owner, group and mode of each must be as above
 * for the effective user, and no other daemon may have it: FAULT_CONFIG with
 * what is wrong and the command that mends it.
 */
bool spool_open(struct spool *spool, const char *path, bool strict,
                struct error *err);
void spool_close(struct spool *spool);

/* Are the folders that are open those that their paths lead to? After a move
 * or a restore callers use others. True if that cannot be known. */
bool spool_is_in_place(const struct spool *spool);

#define SPOOL_FOLDERS 5         /* as above */

/* Where its file system lacks what a spool needs. */
#define SPOOL_DISK_REMEDY "give the spool a local disk"

/* Is folder number index, counted from 0, as strict has it? Nothing is locked,
 * so that a daemon may have it. */
bool spool_verify(const char *path, size_t index, struct error *err);

#endif
