/*
 * folder.h - the names in a folder: all of them, or an error
 *
 * readdir(3) returns NULL for the end and for a failure alike. A folder that
 * was read in part must not pass for a folder with fewer files.
 */
#ifndef POSTRIDER_UTIL_FOLDER_H
#define POSTRIDER_UTIL_FOLDER_H

#include <dirent.h>
#include <stdbool.h>

#include "util/strings.h"

/* Read from the start, whatever another reader of the descriptor does; it
 * stays the caller's. NULL with errno. closedir(3) it. */
DIR *folder_open(int folder);

/* The next name but "." and ".."; borrowed until the next call. NULL: with
 * errno 0 at the end, else it could not be read. */
const char *folder_next(DIR *directory);

/* Append all names. False with errno; some may have been added. */
bool folder_list(int folder, struct strings *names);

#endif
