/*
 * scratch.h - octets that need a descriptor and no name
 *
 * In memory (memfd) up to 1 MB, then in an unlinked file in $TMPDIR, /var/tmp
 * or /tmp; in memory still where none of them can be written, and in a file
 * from the beginning where the kernel has no memfd.
 */
#ifndef POSTRIDER_UTIL_SCRATCH_H
#define POSTRIDER_UTIL_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

struct scratch {
    int fd;                     /* -1: none */
    int folder;                 /* borrowed; see scratch_open_in() */
    bool in_memory;             /* may still have to move to a file */
    uint64_t length;            /* octets written */
};

#define SCRATCH_PLACES (-1)
#define SCRATCH_NONE ((struct scratch){ .fd = -1, .folder = SCRATCH_PLACES })

/* The folders in which it may be, from 0 on; NULL: there are no more. */
const char *scratch_place(size_t i);

/* Where a file is needed, it is made in folder, which the caller keeps open
 * until scratch_close(); with SCRATCH_PLACES, and by scratch_open(), in one of
 * the places above. FAULT_TEMPORARY. */
bool scratch_open_in(struct scratch *scratch, int folder, struct error *err);
bool scratch_open(struct scratch *scratch, struct error *err);
void scratch_close(struct scratch *scratch);

/* Append; false with errno. */
bool scratch_write(struct scratch *scratch, const void *data, size_t length);

/* Append length octets of another file, from start on; false with errno. */
bool scratch_copy(struct scratch *scratch, int from, uint64_t start,
                  uint64_t length);

/* Octets in a descriptor that takes the place of *fd (-1: none), which is
 * closed. The caller closes it. FAULT_TEMPORARY. */
bool scratch_keep(int *fd, mode_t mode, const void *data, size_t length,
                  struct error *err);

#endif
