/*
 * found.h - where mail to a name goes, and what of it cannot be served
 */
#ifndef POSTRIDER_MAIL_FOUND_H
#define POSTRIDER_MAIL_FOUND_H

#include <stdbool.h>
#include <stddef.h>

#include "util/strings.h"

/* Given as recipients, but invalid: item i of texts, escaped,
 * because of item i of reasons. */
struct flaws {
    struct strings texts;
    struct strings reasons;
};

struct found {
    struct strings addresses;
    struct flaws flaws;
    bool discards;              /* /dev/null is among the destinations */
};

/* { 0 } is empty. Texts are copied. */
void flaws_add(struct flaws *flaws, const char *text, size_t length,
               const char *reason);
void flaws_free(struct flaws *flaws);                   /* empty again */

/* Has it an outcome for anything? */
bool found_any(const struct found *found);
void found_free(struct found *found);                   /* empty again */

#endif
