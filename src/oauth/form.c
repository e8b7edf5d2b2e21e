#include "oauth/form.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

void form_encode(struct buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (text_is_alpha(*p) || text_is_digit(*p) ||
            strchr("-._~", *p) != NULL)
            buf_add_char(out, *p);
        else
            buf_add_format(out, "%%%02X", (unsigned char)*p);
    }
}

void form_add(struct buf *out, const char *name, const char *value)
{
    if (out->length > 0 && out->data[out->length - 1] != '?')
        buf_add_char(out, '&');
    form_encode(out, name);
    buf_add_char(out, '=');
    form_encode(out, value);
}

/* Two hexadecimal digits, in any case; less than 0 if they are not. */
static int octet_of(const char *digits)
{
    int high = text_hex_value(text_lower(digits[0]));
    int low = text_hex_value(text_lower(digits[1]));

    return high == -1 || low == -1 ? -1 : high * 16 + low;
}

static bool decode(struct buf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        int value = (unsigned char)text[i];

        if (text[i] == '+') {
            value = ' ';
        } else if (text[i] == '%') {
            value = length - i > 2 ? octet_of(text + i + 1) : 0;
            if (value <= 0)
                return false;
            i += 2;
        }
        buf_add_char(out, (char)value);
    }
    return true;
}

/* Decoded; NULL if it is not rightly encoded. */
static char *decode_value(const char *text, size_t length)
{
    struct buf value;

    buf_init(&value, SIZE_MAX);
    if (decode(&value, text, length))
        return buf_take(&value);
    buf_wipe(&value);
    return NULL;
}

char *form_value(const char *query, const char *name)
{
    size_t name_length = strlen(name);
    size_t end = strcspn(query, "#");
    char *found = NULL;
    unsigned count = 0;

    for (size_t at = 0; at < end;) {
        const char *pair = query + at;
        size_t length = strcspn(pair, "&#");
        if (length > name_length && pair[name_length] == '=' &&
            strncmp(pair, name, name_length) == 0 && count++ == 0)
            found = decode_value(pair + name_length + 1,
                                 length - name_length - 1);
        at += length + 1;
    }
    if (count < 2)
        return found;
    free(found);
    return NULL;
}

size_t form_host(const char *url, const char **host)
{
    if (!text_starts_case(url, "https://"))
        return 0;
    *host = url + strlen("https://");
    /* A name of a user is there to hide the host. */
    if ((*host)[strcspn(*host, "/?#@")] == '@')
        return 0;
    return strcspn(*host, ":/?#");
}
