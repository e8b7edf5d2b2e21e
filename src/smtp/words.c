#include "smtp/words.h"

#include <stdint.h>
#include <string.h>

#include "smtp/reply.h"
#include "util/buf.h"
#include "util/text.h"

static bool is_word(char c)
{
    return text_is_alpha(c) || text_is_digit(c) ||
           ((unsigned char)c & 0x80) != 0;
}

/* Octets from text up to the next blank. */
static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0' && !text_is_space(text[length]))
        length++;
    return length;
}

/* After the string in quotes that begins here; NULL if it does not end. */
static const char *after_quotes(const char *text)
{
    for (text++; *text != '\0' && *text != '"'; text++)
        if (*text == '\\' && text[1] != '\0')
            text++;
    return *text == '"' ? text + 1 : NULL;
}

/* The > that belongs to this <, as quotes may hold one, too; NULL if there is
 * none. */
static const char *closing_bracket(const char *open)
{
    const char *at = open + 1;

    for (; *at != '\0' && *at != '>'; at++) {
        const char *after = *at == '"' ? after_quotes(at) : NULL;
        if (after != NULL && *after == '@')
            at = after;
    }
    return *at == '>' ? at : NULL;
}

/* Of a string in quotes that an @ follows; NULL if there is none. */
static const char *end_of_quoted(const char *text, size_t length)
{
    const char *quotes = memchr(text, '"', length);
    bool begins = quotes != NULL && (quotes == text || !is_word(quotes[-1]));
    const char *end = begins ? after_quotes(quotes) : NULL;

    return end != NULL && *end == '@' ? end : NULL;
}

/* "<bob smith@b.example>:" is one name, too, and so is "bob smith"@b.example:
 * users choose what is in it. */
static size_t quoted_length(const char *text)
{
    size_t length = length_of(text);
    const char *start = memchr(text, '<', length);
    const char *end = start != NULL ? closing_bracket(start)
                                    : end_of_quoted(text, length);

    return end == NULL || end < text + length
               ? length : (size_t)(end - text) + length_of(end);
}

static bool is_name(const char *text, size_t length)
{
    if (memchr(text, '@', length) != NULL || memchr(text, '<', length) != NULL)
        return true;
    for (size_t i = 1; i + 1 < length; i++)
        if (text[i] == '.' && is_word(text[i - 1]) && is_word(text[i + 1]))
            return true;
    return false;
}

void words_of(const struct reply *reply, struct buf *out)
{
    const char *at = reply->text.data;
    size_t start = out->length;

    while (*(at += strspn(at, " \t\r\n")) != '\0') {
        size_t length = quoted_length(at);
        if (out->length > start)
            buf_add_char(out, ' ');
        if (is_name(at, length))
            buf_add_char(out, '*');
        else
            buf_add(out, at, length);
        at += length;
    }
    text_lower_all(out->data + start);
}

/* Is text, which is part of words, a phrase of this length from a word's start
 * on, and not the beginning of a name? */
static bool is_phrase(const char *words, const char *text, size_t length)
{
    const char *end = text + length;

    if (text > words && (is_word(text[-1]) || strchr("-_", text[-1]) != NULL))
        return false;
    while (is_word(*end))
        end++;
    return *end == '\0' || strchr("-_", *end) == NULL;
}

static bool hold(const char *words, const char *phrase, size_t length)
{
    const char *at = words;
    size_t left = strlen(words);

    while ((at = memmem(at, left, phrase, length)) != NULL) {
        if (is_phrase(words, at, length))
            return true;
        at++;
        left = strlen(at);
    }
    return false;
}

/* Phrases that are joined by "&", up to end. */
static bool hold_all(const char *words, const char *phrases, const char *end)
{
    while (phrases < end) {
        const char *next = memchr(phrases, '&', (size_t)(end - phrases));
        if (next == NULL)
            next = end;
        if (!hold(words, phrases, (size_t)(next - phrases)))
            return false;
        phrases = next + 1;
    }
    return true;
}

bool words_hold(const char *words, const char *phrases)
{
    for (;;) {
        const char *end = strchrnul(phrases, '|');
        if (hold_all(words, phrases, end))
            return true;
        if (*end == '\0')
            return false;
        phrases = end + 1;
    }
}

bool words_in(const struct reply *reply, const char *phrases)
{
    struct buf words;

    buf_init(&words, SIZE_MAX);
    words_of(reply, &words);
    bool held = words_hold(words.data, phrases);
    buf_free(&words);
    return held;
}
