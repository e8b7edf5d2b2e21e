/*
 * file.h - files and folders: the parts of a path, and what is in a folder
 */
#ifndef POSTRIDER_UTIL_FILE_H
#define POSTRIDER_UTIL_FILE_H

#include <dirent.h>
#include <stdbool.h>

#include "util/strings.h"

/* The parts of a path, as text: nothing is looked up. */

/* The folder that a file is in: "/a" of "/a/b", "/" of "/a", "." of "a". The
 * caller frees it. */
char *path_folder(const char *path);

/* The name in that folder. Borrowed from path. */
const char *path_name(const char *path);

/* Another name in that folder: "/a/c" for "/a/b" and "c", "c" for "b". The
 * caller frees it. */
char *path_beside(const char *path, const char *name);

/*
 * The names in a folder: all of them, or an error. readdir(3) returns NULL for
 * the end and for a failure alike; a folder that was read in part must not pass
 * for a folder with fewer files.
 */

/* Read from the start, whatever another reader of the descriptor does; it
 * stays the caller's. NULL with errno. closedir(3) it. */
DIR *folder_open(int folder);

/* The next name but "." and ".."; borrowed until the next call. NULL: with
 * errno 0 at the end, else it could not be read. */
const char *folder_next(DIR *directory);

/* Append all names. False with errno; some may have been added. */
bool folder_list(int folder, struct strings *names);

#endif
