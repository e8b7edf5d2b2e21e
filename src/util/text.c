#include "util/text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"

char text_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char text_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
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

size_t text_character(const char *text, size_t length, uint32_t *character)
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
    /* The first octet of n has n + 1 bits before its own; one has one. */
    *character = octets[0] & (0xffu >> (forms[form].length == 1
                                        ? 1 : forms[form].length + 1));
    for (size_t i = 1; i < forms[form].length; i++) {
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
        *character = *character << 6 | (octets[i] & 0x3fu);
    }
    return forms[form].length;
}

bool text_is_utf8(const char *text, size_t length)
{
    uint32_t character;

    while (length > 0) {
        size_t step = text_character(text, length, &character);
        if (step == 0)
            return false;
        text += step;
        length -= step;
    }
    return true;
}

/* Is it invisible, or does it change how others are shown? Controls with those
 * that only some terminals obey (U+0080 to U+009F), line separators, and
 * Unicode's class of format characters (Cf). */
static bool is_unseen(uint32_t character)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        { 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x600, 0x605 },
        { 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
        { 0x890, 0x891 }, { 0x8e2, 0x8e2 }, { 0x180e, 0x180e },
        { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
        { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0x110bd, 0x110bd },
        { 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
        { 0x1d173, 0x1d17a }, { 0xe0000, 0xe007f },
    };

    for (size_t i = 0; i < COUNT(ranges); i++)
        if (character >= ranges[i].from && character <= ranges[i].to)
            return true;
    return false;
}

int text_hex_value(char digit)
{
    if (text_is_digit(digit))
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

void text_add_hex(struct buf *out, const void *octets, size_t length)
{
    const unsigned char *octet = octets;

    for (size_t i = 0; i < length; i++) {
        buf_add_char(out, TEXT_HEX_DIGITS[octet[i] >> 4]);
        buf_add_char(out, TEXT_HEX_DIGITS[octet[i] & 15]);
    }
}

static size_t printable_length(const char *text, size_t length)
{
    size_t count = 0;

    while (count < length && text[count] >= ' ' && text[count] <= '~')
        count++;
    return count;
}

void text_escape(struct buf *out, const char *text, size_t length)
{
    uint32_t character;

    while (length > 0) {
        /* Most texts are that from end to end, and each message has some. */
        size_t room = out->limit - out->length;
        size_t step = printable_length(text, length < room ? length : room);
        bool may_be_seen = step > 0;
        if (!may_be_seen) {
            step = text_character(text, length, &character);
            may_be_seen = step > 0 && !is_unseen(character);
        }
        if (may_be_seen) {
            buf_add(out, text, step);
        } else {
            buf_add_text(out, "\\x");
            text_add_hex(out, text, 1);
            step = 1;
        }
        text += step;
        length -= step;
    }
}

void text_escape_vformat(struct buf *out, const char *format, va_list args)
{
    size_t length = strlen(format);
    bool is_line = length > 0 && format[length - 1] == '\n';
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_vformat(&text, format, args);
    text_escape(out, text.data, text.length - is_line);
    if (is_line)
        buf_add_char(out, '\n');
    buf_free(&text);
}

void text_print(FILE *out, const char *format, ...)
{
    struct buf shown;
    va_list args;

    buf_init(&shown, SIZE_MAX);
    va_start(args, format);
    text_escape_vformat(&shown, format, args);
    va_end(args);
    fputs(shown.data, out);
    buf_free(&shown);
}

/* As UTF-16 has it: RFC 8259 section 7. */
static void print_number(FILE *out, uint32_t character)
{
    if (character < 0x10000)
        fprintf(out, "\\u%04x", (unsigned)character);
    else
        fprintf(out, "\\u%04x\\u%04x",
                (unsigned)(0xd800 + ((character - 0x10000) >> 10)),
                (unsigned)(0xdc00 + (character & 0x3ff)));
}

/* JSON may be on its way to a terminal. */
static void print_string(FILE *out, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t character = 0;     /* analysers do not see that it is UTF-8 */

    putc('"', out);
    for (size_t step; text < end; text += step) {
        step = text_character(text, (size_t)(end - text), &character);
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if (is_unseen(character))
            print_number(out, character);
        else
            fwrite(text, 1, step, out);
    }
    putc('"', out);
}

void text_print_json(FILE *out, const char *text)
{
    size_t length = strlen(text);
    struct buf shown;

    if (text_is_utf8(text, length)) {
        print_string(out, text);
        return;
    }
    buf_init(&shown, SIZE_MAX);
    text_escape(&shown, text, length);
    print_string(out, shown.data);
    buf_free(&shown);
}

/* Read digits at *text; false if there are none, or more than max. */
static bool take_number(const char **text, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;
    const char *p = *text;

    if (!text_is_digit(*p))
        return false;
    for (; text_is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *text = p;
    *number = value;
    return true;
}

bool text_to_number(const char *text, uint64_t max, uint64_t *number)
{
    uint64_t value;

    if (!take_number(&text, max, &value) || *text != '\0')
        return false;
    *number = value;
    return true;
}

struct unit {
    char letter;            /* lower case */
    uint64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t count,
                                    char letter)
{
    for (size_t i = 0; i < count; i++)
        if (units[i].letter == text_lower(letter))
            return &units[i];
    return NULL;
}

bool text_to_size(const char *text, uint64_t *octets)
{
    static const struct unit units[] = {
        { 'k', 1u << 10 }, { 'm', 1u << 20 }, { 'g', 1u << 30 },
    };
    uint64_t value;

    if (!take_number(&text, UINT64_MAX >> 31, &value))
        return false;
    if (*text != '\0') {
        const struct unit *unit = find_unit(units, COUNT(units), *text++);
        if (unit == NULL)
            return false;
        value *= unit->factor;
        if (text_lower(*text) == 'b')
            text++;
    }
    *octets = value;
    return *text == '\0';
}

bool text_to_duration(const char *text, uint64_t *seconds)
{
    static const struct unit units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
        { 'w', 604800 },
    };
    uint64_t total = 0, value;

    if (text_to_number(text, UINT32_MAX, seconds))
        return true;
    do {
        if (!take_number(&text, UINT32_MAX, &value) || *text == '\0')
            return false;
        const struct unit *unit = find_unit(units, COUNT(units), *text++);
        if (unit == NULL)
            return false;
        total += value * unit->factor;
    } while (*text != '\0');
    *seconds = total;
    return total <= UINT32_MAX;
}

#define NAME_MAX_COMPARED 40

/* Levenshtein's. */
size_t text_distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_COMPARED + 1];
    size_t width = strlen(b);

    if (width > NAME_MAX_COMPARED)
        return SIZE_MAX;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t changed = diagonal + (text_lower(a[i]) != text_lower(b[j]));
            size_t single = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);
            diagonal = row[j + 1];
            row[j + 1] = changed < single ? changed : single;
        }
    }
    return row[width];
}
