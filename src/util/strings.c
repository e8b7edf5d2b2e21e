#include "util/strings.h"

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"

void strings_take(struct strings *list, char *text)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        list->items = alloc_resize(list->items, list->capacity,
                                   sizeof *list->items);
    }
    list->items[list->count++] = text;
}

void strings_add(struct strings *list, const char *text)
{
    strings_take(list, alloc_string(text));
}

bool strings_has(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], text) == 0)
            return true;
    return false;
}

void strings_free(struct strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strings){ 0 };
}
