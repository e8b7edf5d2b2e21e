/*
 * file.h - files and folders by their paths, opened and read with care
 */
#ifndef POSTRIDER_UTIL_FILE_H
#define POSTRIDER_UTIL_FILE_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "util/strings.h"

struct buf;
struct error;

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

/*
 * Open a file to read it. Only a regular file is one: a FIFO or a device in its
 * place, which could be waited for without end, is refused. Symbolic links are
 * followed: status is that of the file that was opened.
 *
 * -1 with FAULT_CONFIG and "PATH: why"; errno is open(2)'s, or 0 if it is not a
 * regular file.
 */
int file_open(const char *path, struct stat *status, struct error *err);

/* Append what is in an open file, up to the limit of out. FAULT_CONFIG if there
 * is more, FAULT_IO if it cannot be read. path is for the text of err. */
bool file_read_from(int fd, const char *path, struct buf *out,
                    struct error *err);

/* Both of them: append what is in the file at path. */
bool file_read(const char *path, struct buf *out, struct error *err);

/*
 * A new file that has no name in folder (O_TMPFILE), or, where the kernel or
 * the file system has no such files, a random one that begins with prefix. how
 * is O_RDWR or O_WRONLY. *name is that name, owned by the caller, or NULL. -1
 * with errno, and without a file.
 */
int file_create_nameless(int folder, const char *prefix, int how, mode_t mode,
                         char **name);
/* The same, with a name in any case. */
int file_create_named(int folder, const char *prefix, int how, mode_t mode,
                      char **name);

/* A file that is replaced as a whole: others see the old one or the new one. */
struct replacement {
    int folder;                 /* or AT_FDCWD: the names are paths */
    const char *name;
    const char *draft;          /* its name until then; gone afterwards */
    mode_t mode;
    bool is_durable;            /* synced, name included */
};

/* False with errno: then the old one is there as it was, unless only the sync
 * of the new name failed. */
bool file_replace(const struct replacement *file, const struct buf *text);

#endif
