/*
 * lines.h - the lines of a text file
 *
 * LF ends a line, with any CRs directly before it. A byte order mark of UTF-8
 * at the beginning, as some editors write it, belongs to no line.
 */
#ifndef POSTRIDER_UTIL_LINES_H
#define POSTRIDER_UTIL_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
    const char *text;           /* of the line, without its end; it points */
    size_t length;              /* into what lines_start() was given */
    unsigned number;            /* counted from 1 */
    const char *rest, *end;     /* private */
};

/* The text is borrowed, and may hold NULs. */
void lines_start(struct lines *lines, const char *text, size_t length);

/* The next line; false after the last one. */
bool lines_next(struct lines *lines);

/* Octets of the byte order mark that the text begins with: 3 or 0. */
size_t lines_mark_length(const char *text, size_t length);

#endif
