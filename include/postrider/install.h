/*
 * install.h - files that take their places together
 *
 * Each is written and synced under a temporary name first. Then the last one,
 * which names the others, takes its place, and they after it: a stop in between
 * leaves some missing, but never new ones to an old one that names them.
 */
#ifndef POSTRIDER_POSTRIDER_INSTALL_H
#define POSTRIDER_POSTRIDER_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/strings.h"

struct install {
    struct strings paths;           /* where the files belong */
    struct strings drafts;          /* where they are; "" once renamed */
};

/* The absolute path of the folder of a file; the caller frees it. */
char *install_folder(const char *path);

/* Make a folder that only the caller can enter, unless it is there, and those
 * that it is in, for all to enter if root makes them. False with errno. */
bool install_private_folder(const char *folder);

struct install_file {
    const char *path;
    const void *data;
    size_t length;
    mode_t mode;
    uid_t owner;                /* (uid_t)-1: the caller; */
    gid_t group;                /* likewise */
};

/* Write a file beside its place, making the folder if there is none: for all
 * to enter if root makes it, else for the caller alone. FAULT_CREATE. */
bool install_stage(struct install *install, const struct install_file *file,
                   struct error *err);

/*
 * Rename all. A file that is there already is kept as FILE.old if replace, and
 * comes back if none of the new ones could take its place; else nothing is
 * renamed, and it is FAULT_CREATE with what to do.
 */
bool install_commit(struct install *install, bool replace, struct error *err);

/* Files that were not committed are removed. { 0 } is an empty one. */
void install_free(struct install *install);

#endif
