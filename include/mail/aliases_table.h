/*
 * aliases_table.h - an aliases file in memory; private to src/mail/aliases*
 */
#ifndef POSTRIDER_MAIL_ALIASES_TABLE_H
#define POSTRIDER_MAIL_ALIASES_TABLE_H

#include "mail/aliases.h"
#include "util/buf.h"

struct alias {
    char *name;             /* without quotes, lower case */
    char *list;             /* what is behind the colon, on one line */
    unsigned line;
};

struct aliases {
    char *path;
    struct alias *entries;  /* sorted by name */
    size_t count, capacity;
};

/* Read a regular file into text, which is initialised with that limit. errno
 * tells why it could not be opened (FAULT_TEMPORARY). */
bool aliases_read_file(const char *path, size_t limit, struct buf *text,
                       struct error *err);

const struct alias *aliases_find(const struct aliases *aliases,
                                 const char *name);

#endif
