/*
 * aliases_table.h - an aliases file in memory; private to src/mail/aliases*
 */
#ifndef POSTRIDER_MAIL_ALIASES_TABLE_H
#define POSTRIDER_MAIL_ALIASES_TABLE_H

#include <sys/stat.h>

#include "mail/aliases.h"
#include "util/buf.h"

struct alias {
    char *name;             /* without quotes, lower case */
    char *list;             /* what is behind the colon, on one line */
    unsigned line;
};

struct aliases {
    char *path;
    struct stat status;     /* of the file when it was read; all 0 if none */
    struct alias *entries;  /* sorted by name */
    size_t count, capacity;
};

/* Read a regular file of up to limit octets into text, which is initialised.
 * FAULT_TEMPORARY if it cannot be read, FAULT_CONFIG if it never will. */
bool aliases_read_file(const char *path, size_t limit, struct buf *text,
                       struct error *err);

/* Octets of a line without its comment: from a # at the start of the line, or
 * after white space, to its end. Quotes protect. */
size_t aliases_line_length(const char *line, size_t length);

const struct alias *aliases_find(const struct aliases *aliases,
                                 const char *name);

#endif
