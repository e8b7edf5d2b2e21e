/*
 * file.h - the parts of a path, as text: nothing is looked up
 */
#ifndef POSTRIDER_UTIL_FILE_H
#define POSTRIDER_UTIL_FILE_H

/* The folder that a file is in: "/a" of "/a/b", "/" of "/a", "." of "a". The
 * caller frees it. */
char *path_folder(const char *path);

/* The name in that folder. Borrowed from path. */
const char *path_name(const char *path);

/* Another name in that folder: "/a/c" for "/a/b" and "c", "c" for "b". The
 * caller frees it. */
char *path_beside(const char *path, const char *name);

#endif
