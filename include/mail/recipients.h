/*
 * recipients.h - the recipients of a list, of which some may be none
 */
#ifndef POSTRIDER_MAIL_RECIPIENTS_H
#define POSTRIDER_MAIL_RECIPIENTS_H

#include <stddef.h>

struct flaws;
struct mailbox_list;

/* Octets up to the comma that ends an item, outside quotes, comments and angle
 * brackets. */
size_t address_item_length(const char *list, size_t length);

/*
 * Append the recipients in text to list, as mailbox_list_parse_recipients()
 * does. A list that it refuses is taken apart at its commas, so that the others
 * are found: what cannot be read goes to flaws.
 */
void address_items_read(struct mailbox_list *list, struct flaws *flaws,
                        const char *text, size_t length);

#endif
