#include "mail/phrase.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/text.h"

#define WORD_OCTETS 42          /* of text in an encoded-word: 56 of base64,
                                 * and the whole below 75 (RFC 2047 2) */
#define WORD_FRAME 12           /* "=?UTF-8?B?" and "?=" */
#define WORD_LENGTH 68          /* frame and text */
#define WORD_LEAST 28           /* a shorter one goes to the next line */
#define LINE_LENGTH 76          /* of a line with encoded-words */
#define LINE_OCTETS 300         /* of a name that is not folded: twice that,
                                 * if all needs quoting, still fits a line */

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ENCODED LETTERS DIGITS "!*+-/=_"        /* octets in a phrase's words */

static bool is_atom_or_space(char c)
{
    return text_is_alpha(c) || text_is_digit(c) || c == ' ' ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++)
        if (!is_atom_or_space(*name))
            return false;
    return true;
}

/* Is it one quoted string as a whole, unlike `"A" and "B"`? */
static bool is_quoted(const char *name, size_t length)
{
    if (length < 2 || name[0] != '"' || name[length - 1] != '"')
        return false;
    for (size_t i = 1; i < length - 1; i++) {
        if (name[i] == '"')
            return false;
        if (name[i] == '\\' && ++i == length - 1)
            return false;
    }
    return true;
}

/* One line of UTF-8, without quotes around it that the caller brought. */
static void clean(struct buf *out, const char *name)
{
    size_t length = strlen(name);
    bool is_utf8 = text_is_utf8(name, length);
    bool quoted = is_quoted(name, length);

    if (quoted) {
        name++;
        length -= 2;
    }
    for (size_t i = 0; i < length; i++) {
        if (quoted && name[i] == '\\' && i + 1 < length &&
            (name[i + 1] == '"' || name[i + 1] == '\\'))
            i++;
        unsigned char c = (unsigned char)name[i];
        if (text_is_control(name[i])) {
            buf_add_char(out, ' ');
        } else if (c >= 128 && !is_utf8) {
            buf_add_char(out, (char)(0xc0 | c >> 6));   /* ISO 8859-1 */
            buf_add_char(out, (char)(0x80 | (c & 0x3f)));
        } else {
            buf_add_char(out, name[i]);
        }
    }
}

/* The beginning of an encoded-word at text, up to what is encoded: its length,
 * or 0. */
static size_t encoded_head(const char *text, const char *encodings)
{
    if (strncmp(text, "=?", 2) != 0)
        return 0;
    size_t at = 2 + strspn(text + 2, LETTERS DIGITS "-_.:*");
    if (at == 2 || text[at] != '?' || text[at + 1] == '\0' ||
        strchr(encodings, text[at + 1]) == NULL || text[at + 2] != '?')
        return 0;
    return at + 3;
}

/* The encoded-word at text, as a phrase may have it (RFC 2047 section 5 (3)):
 * its length, or 0. */
static size_t encoded_word(const char *text)
{
    size_t head = encoded_head(text, "BbQq");
    size_t length = head > 0 ? strspn(text + head, ENCODED) : 0;
    size_t at = head + length;

    return length > 0 && strncmp(text + at, "?=", 2) == 0 ? at + 2 : 0;
}

/* The same, or one with octets that a Subject may have, but no phrase. */
static size_t loose_word(const char *text)
{
    size_t head = encoded_head(text, "Qq");
    size_t length = head > 0 ? strcspn(text + head, "?") : 0;
    size_t at = head + length;

    if (length > 0 && strncmp(text + at, "?=", 2) == 0)
        return at + 2;
    return encoded_word(text);
}

/* Has the caller encoded it already? */
static bool is_encoded(const char *name)
{
    size_t words = 0;

    name += strspn(name, " ");
    for (size_t length; *name != '\0'; words++) {
        length = encoded_word(name);
        name += length;
        if (length == 0 || (*name != '\0' && *name != ' '))
            return false;
        name += strspn(name, " ");
    }
    return words > 0;
}

size_t phrase_encoded_word(const char *text, size_t length)
{
    size_t marks[4] = { 0 }, count = 0, i;

    /* Nothing else is searched: lists may have millions of words. */
    if (length < 2 || text[0] != '=' || text[1] != '?')
        return 0;
    for (i = 1; i < length && count < COUNT(marks); i++) {
        if (text[i] == '?')
            marks[count++] = i;
        else if (text_is_space(text[i]) || text_is_control(text[i]) ||
                 strchr("<>@\"\\", text[i]) != NULL)
            return 0;
    }
    /* "=?", the charset, "?Q?", at least an octet, "?=" */
    if (count < COUNT(marks) || marks[1] == 2 || marks[2] != marks[1] + 2 ||
        text_lower(text[marks[1] + 1]) != 'q' || marks[3] == marks[2] + 1 ||
        i == length || text[i++] != '=')
        return 0;
    return i == length || text_is_space(text[i]) ||
           strchr("<(,;", text[i]) != NULL ? i : 0;
}

bool phrase_is_loose(const char *text, size_t length)
{
    for (size_t i = 0, word; i < length; i += word) {
        word = phrase_encoded_word(text + i, length - i);
        const char *what = word == 0 ? NULL
                           : memchr(text + i + 2, '?', word - 2);
        for (size_t k = 3; what != NULL && what + k < text + i + word - 2; k++)
            if (strchr(ENCODED, what[k]) == NULL)
                return true;
        word += word == 0;
    }
    return false;
}

/* Each on a separate line, as they may be long. */
static void add_words(struct buf *out, const char *name)
{
    for (name += strspn(name, " "); *name != '\0';
         name += strspn(name, " ")) {
        size_t length = strcspn(name, " ");
        buf_add(out, name, length);
        name += length;
        if (name[strspn(name, " ")] != '\0')
            buf_add_text(out, "\r\n ");
    }
}

static void add_quoted(struct buf *out, const char *name)
{
    buf_add_char(out, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *name);
    }
    buf_add_char(out, '"');
}

/* Encoded-words hold whole characters, and each is on a separate line.
 * The first holds at most so many octets. */
static void add_encoded(struct buf *out, const char *name, size_t length,
                        size_t first)
{
    for (size_t most = first; length > 0; most = WORD_OCTETS) {
        size_t step = length < most ? length : most;
        while (step < length && step > 1 &&
               ((unsigned char)name[step] & 0xc0) == 0x80)
            step--;
        buf_add_text(out, "=?UTF-8?B?");
        base64_encode(out, name, step);
        buf_add_text(out, "?=");
        name += step;
        length -= step;
        if (length > 0)
            buf_add_text(out, "\r\n ");
    }
}

/* An encoded-word, without what a phrase cannot have in it. */
static void add_loose(struct buf *out, const char *word, size_t length)
{
    size_t head = encoded_head(word, "BbQq"), end = length - 2;

    buf_add(out, word, head);
    for (size_t i = head; i < end; i++) {
        unsigned char octet = (unsigned char)word[i];
        if (octet == ' ')
            buf_add_char(out, '_');
        else if (strchr(ENCODED, octet) != NULL)
            buf_add_char(out, word[i]);
        else
            buf_add_format(out, "=%02X", octet);
    }
    buf_add_text(out, "?=");
}

/* Words that are not encoded, and a blank after them. */
static void add_run(struct buf *out, struct buf *words)
{
    if (words->length == 0)
        return;
    if (is_plain(words->data) || is_quoted(words->data, words->length))
        buf_add(out, words->data, words->length);
    else
        add_quoted(out, words->data);
    buf_add_char(out, ' ');
    buf_clear(words);
}

static void add_mixed(struct buf *out, const char *text)
{
    struct buf run;

    buf_init(&run, SIZE_MAX);
    while (*(text += strspn(text, " ")) != '\0') {
        size_t encoded = loose_word(text);
        size_t length = encoded > 0 ? encoded : strcspn(text, " ");
        if (encoded > 0) {
            add_run(out, &run);
            add_loose(out, text, length);
            buf_add_char(out, ' ');
        } else {
            buf_add_text(&run, run.length > 0 ? " " : "");
            buf_add(&run, text, length);
        }
        text += length;
    }
    add_run(out, &run);
    buf_free(&run);
}

void phrase_add_words(struct buf *out, const char *text, size_t length)
{
    char *line = alloc_bytes(text, length);
    size_t start = out->length;

    for (char *c = line; *c != '\0'; c++)
        if (text_is_space(*c))
            *c = ' ';
    add_mixed(out, line);
    if (out->length > start)
        buf_remove(out, out->length - 1, 1);
    free(line);
}

void phrase_add_encoded(struct buf *out, const char *text, size_t length,
                        size_t column)
{
    size_t most = WORD_OCTETS;

    if (column + WORD_LEAST > LINE_LENGTH)
        buf_add_text(out, "\r\n ");
    else if (column + WORD_LENGTH > LINE_LENGTH)
        most = (LINE_LENGTH - column - WORD_FRAME) / 4 * 3;
    add_encoded(out, text, length, most);
}

void phrase_add(struct buf *out, const char *name)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    clean(&text, name);
    /* Text that only looks like an encoded-word would be read as one. */
    bool is_safe = strstr(text.data, "=?") == NULL &&
                   text.length <= LINE_OCTETS;
    if (is_encoded(text.data))
        add_words(out, text.data);
    else if (!text_is_ascii(text.data, text.length) || !is_safe)
        add_encoded(out, text.data, text.length, WORD_OCTETS);
    else if (is_plain(text.data))
        buf_add(out, text.data, text.length);
    else
        add_quoted(out, text.data);
    buf_free(&text);
}
