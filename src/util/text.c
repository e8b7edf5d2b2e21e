#include "util/text.h"

#include <string.h>

#include "util/buf.h"

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

void text_lower_all(char *text)
{
    for (; *text != '\0'; text++)
        *text = text_lower(*text);
}

bool text_is_alpha(char c)
{
    return text_lower(c) >= 'a' && text_lower(c) <= 'z';
}

bool text_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool text_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool text_is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

bool text_equal_case_n(const char *a, const char *b, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text_lower(a[i]) != text_lower(b[i]))
            return false;
    return true;
}

bool text_equal_case(const char *a, const char *b)
{
    size_t length = strlen(a);

    return length == strlen(b) && text_equal_case_n(a, b, length);
}

bool text_starts_case(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);

    return strlen(text) >= length && text_equal_case_n(text, prefix, length);
}

bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text_is_control(text[i]))
            return true;
    return false;
}

bool text_is_ascii(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 128)
            return false;
    return true;
}

/* Octets of the UTF-8 character at text (RFC 3629), 0 if there is none. */
static size_t utf8_length(const char *text, size_t length)
{
    static const struct {
        unsigned char from, to;         /* first octet */
        unsigned char low, high;        /* second octet */
        size_t length;
    } forms[] = {
        { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
        { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
        { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    const unsigned char *octets = (const unsigned char *)text;
    size_t form = 0;

    while (form < COUNT(forms) &&
           (octets[0] < forms[form].from || octets[0] > forms[form].to))
        form++;
    if (form == COUNT(forms) || forms[form].length > length)
        return 0;
    if (forms[form].length > 1 &&
        (octets[1] < forms[form].low || octets[1] > forms[form].high))
        return 0;
    for (size_t i = 2; i < forms[form].length; i++)
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
    return forms[form].length;
}

bool text_is_utf8(const char *text, size_t length)
{
    while (length > 0) {
        size_t step = utf8_length(text, length);
        if (step == 0)
            return false;
        text += step;
        length -= step;
    }
    return true;
}

/* U+0080 to U+009F are controls, too: some terminals obey them. */
static bool is_c1_control(const char *text, size_t step)
{
    return step == 2 && text[0] == '\xc2' && (unsigned char)text[1] < 0xa0;
}

/* What shows its surroundings in another order, or as several lines: U+061C,
 * U+200E and F, U+2028 to U+202E, U+2066 to U+2069. */
static bool is_disguise(const char *text, size_t length)
{
    unsigned char last = (unsigned char)text[length - 1];

    if (length == 2)
        return memcmp(text, "\xd8\x9c", 2) == 0;
    if (length == 3 && memcmp(text, "\xe2\x80", 2) == 0)
        return last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae);
    return length == 3 && memcmp(text, "\xe2\x81", 2) == 0 && last >= 0xa6 &&
           last <= 0xa9;
}

void text_escape(struct buf *out, const char *text, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    while (length > 0) {
        size_t step = utf8_length(text, length);
        if (step == 0 || text_is_control(*text) ||
            is_c1_control(text, step) || is_disguise(text, step)) {
            unsigned char octet = (unsigned char)*text;
            char shown[] = { '\\', 'x', digits[octet >> 4],
                             digits[octet & 15] };
            buf_add(out, shown, sizeof shown);
            step = 1;
        } else {
            buf_add(out, text, step);
        }
        text += step;
        length -= step;
    }
}

void text_escape_vformat(struct buf *out, const char *format, va_list args)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_vformat(&text, format, args);
    text_escape(out, text.data, text.length);
    buf_free(&text);
}
