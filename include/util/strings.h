/*
 * strings.h - a list of strings, in the order they were added
 */
#ifndef POSTRIDER_UTIL_STRINGS_H
#define POSTRIDER_UTIL_STRINGS_H

#include <stdbool.h>
#include <stddef.h>

struct strings {
    char **items;           /* owned, as are the strings */
    size_t count;
    size_t capacity;
};

/* { 0 } is an empty list. */
void strings_add(struct strings *list, const char *text);   /* copied */
void strings_take(struct strings *list, char *text);        /* owned from now */
bool strings_has(const struct strings *list, const char *text);
void strings_free(struct strings *list);                    /* empty again */

#endif
