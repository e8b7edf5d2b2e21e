#include "mail/recipients.h"

#include <stdint.h>
#include <string.h>

#include "mail/address.h"
#include "util/buf.h"
#include "util/text.h"

void flaws_add(struct flaws *flaws, const char *text, size_t length,
               const struct error *why)
{
    struct buf shown;

    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length);
    if (flaws->texts.count == 0)
        flaws->first = *why;
    strings_take(&flaws->texts, buf_take(&shown));
    strings_add(&flaws->reasons, why->text);
}

void flaws_free(struct flaws *flaws)
{
    strings_free(&flaws->texts);
    strings_free(&flaws->reasons);
}

bool recipients_any(const struct recipients *found)
{
    return found->addresses.count > 0 || found->flaws.texts.count > 0 ||
           found->discards;
}

void recipients_free(struct recipients *found)
{
    strings_free(&found->addresses);
    flaws_free(&found->flaws);
    *found = (struct recipients){ 0 };
}

size_t recipients_item_length(const char *list, size_t length)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = list[i];
        if (c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '(' || c == '<'))
            depth++;
        else if (!quoted && depth > 0 && (c == ')' || c == '>'))
            depth--;
        else if (c == ',' && !quoted && depth == 0)
            return i;
    }
    return length;
}

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && text_is_space(*text))
        text++;
    return text;
}

/* The rest without blanks around it, the name of a group before it and the
 * semicolon that ends one. */
static void strip(const char **text, size_t *length)
{
    const char *start = skip_blanks(*text, *text + *length);
    const char *end = *text + *length;
    const char *name = start;

    while (name < end && strchr("@<\"(:\\", *name) == NULL)
        name++;
    if (name > start && name < end && *name == ':')
        start = skip_blanks(name + 1, end);
    while (end > start && (text_is_space(end[-1]) || end[-1] == ';'))
        end--;
    *text = start;
    *length = (size_t)(end - start);
}

static void read_item(struct mailbox_list *list, struct flaws *flaws,
                      const char *text, size_t length)
{
    struct error why = { 0 };

    strip(&text, &length);
    if (length > 0 && !mailbox_list_parse(list, text, length, &why))
        flaws_add(flaws, text, length, &why);
}

void recipients_read(struct mailbox_list *list, struct flaws *flaws,
                     const char *text, size_t length)
{
    struct error ignored;

    if (mailbox_list_parse_recipients(list, text, length, &ignored))
        return;
    while (length > 0) {
        size_t item = recipients_item_length(text, length);
        read_item(list, flaws, text, item);
        item += item < length;
        text += item;
        length -= item;
    }
}
