/*
 * recipients.h - the recipients of a list or a name, and what cannot be one
 */
#ifndef POSTRIDER_MAIL_RECIPIENTS_H
#define POSTRIDER_MAIL_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/strings.h"

struct mailbox_list;

/* Given as recipients, but invalid: item i of texts, escaped, because of item i
 * of reasons, each the whole text of an error. */
struct flaws {
    struct strings texts;
    struct strings reasons;
    struct error first;         /* that of item 0 */
};

/* Where mail to a name goes. */
struct recipients {
    struct strings addresses;
    struct flaws flaws;
    bool discards;              /* /dev/null is among the destinations */
};

/* { 0 } is empty. Texts are copied. */
void flaws_add(struct flaws *flaws, const char *text, size_t length,
               const struct error *why);
void flaws_free(struct flaws *flaws);                   /* empty again */

/* Is there anything in it: an address, a flaw, a discard? */
bool recipients_any(const struct recipients *found);
void recipients_free(struct recipients *found);         /* empty again */

/*
 * Append the recipients in text to list, as mailbox_list_parse_recipients()
 * does. A list that it refuses is taken apart at its commas, so that the others
 * are found: what cannot be read goes to flaws.
 */
void recipients_read(struct mailbox_list *list, struct flaws *flaws,
                     const char *text, size_t length);

/* Octets up to the comma that ends an item, outside quotes, comments and angle
 * brackets. */
size_t recipients_item_length(const char *list, size_t length);

#endif
