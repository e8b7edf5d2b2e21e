/*
 * aliases_table.h - an aliases file in memory; private to src/mail/aliases*
 */
#ifndef POSTRIDER_MAIL_ALIASES_TABLE_H
#define POSTRIDER_MAIL_ALIASES_TABLE_H

#include <sys/stat.h>

#include "mail/aliases.h"
#include "util/buf.h"
#include "util/strings.h"

struct alias {
    char *name;             /* without quotes, lower case */
    char *list;             /* what follows the colon, on one line */
    unsigned line;
};

/* The files of addresses that were read. */
struct alias_files {
    struct alias_file {
        char *path;
        struct buf text;
    } **items;
    size_t count;
    bool kept;              /* beyond one expansion */
};

struct aliases {
    char *path;
    struct stat status;     /* of the file when it was read; all 0 if none */
    struct alias *entries;  /* sorted by name */
    size_t count, capacity;
    struct alias_junk {     /* lines that are not an alias */
        unsigned line;
        const char *why;
        const char *remedy;         /* NULL: unknown */
    } *junk;
    size_t junk_count;
    struct alias_files *files;
};

/* The text of a file that is included, of up to 1 MB, which is read if it is
 * not there; borrowed until it is forgotten. NULL with FAULT_TEMPORARY if it
 * cannot be read, FAULT_CONFIG if it never will. */
const struct buf *alias_files_get(struct alias_files *files, const char *path,
                                  struct error *err);

/* Unless they are kept. */
void alias_files_forget(struct alias_files *files);

/* Octets of a line without its comment: from a # at the start of the line, or
 * after white space, to its end. Quotes protect. */
size_t aliases_line_length(const char *line, size_t length);

const struct alias *aliases_find(const struct aliases *aliases,
                                 const char *name);

#endif
