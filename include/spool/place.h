/*
 * place.h - a file in the drop directory, as its caller makes it
 *
 * The directory is 3733: the caller can add to it, but not list it and not
 * open it to sync it.
 */
#ifndef POSTRIDER_SPOOL_PLACE_H
#define POSTRIDER_SPOOL_PLACE_H

#include <stdbool.h>

#include "util/error.h"

struct drop_place {
    int directory;          /* -1: no place */
    char *temporary;        /* the file's name until it is committed; NULL if
                             * it has none (O_TMPFILE). Owned. */
    char *path;             /* of the directory, for texts. Owned. */
};

#define DROP_PLACE_NONE ((struct drop_place){ .directory = -1 })

/* Open a new file of mode 0640 and the directory's group below spool/drop. -1
 * with FAULT_TEMPORARY or FAULT_CONFIG. */
int drop_place_open(struct drop_place *place, const char *spool,
                    struct error *err);

/* Has a new file there a name at once, because the file system has none
 * without? */
bool drop_place_needs_names(const char *spool);

/*
 * Sync, name, sync again: the second time because the directory cannot be
 * synced, and a file synced after it has its name is found after a power cut.
 * FAULT_TEMPORARY: the name is gone again.
 */
bool drop_place_commit(struct drop_place *place, int fd, const char *id,
                       struct error *err);

/* Removes the temporary name if there is one still. */
void drop_place_close(struct drop_place *place);

#endif
