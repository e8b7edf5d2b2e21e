#include "mail/ascii.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/idna.h"
#include "mail/phrase.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

char *ascii_address(const char *address)
{
    const char *at = address_at(address);
    size_t local = at != NULL ? (size_t)(at - address) : strlen(address);

    if (!text_is_ascii(address, local))
        return NULL;
    char *domain = at != NULL ? idna_domain(at + 1) : NULL;
    if (at != NULL && domain == NULL)
        return NULL;
    char *result = alloc_format("%.*s%s%s", (int)local, address,
                                at != NULL ? "@" : "",
                                domain != NULL ? domain : "");
    free(domain);
    return result;
}

/* How the body of a field is written. */
enum form { FORM_TEXT, FORM_ADDRESSES, FORM_OTHER };

static enum form form_of(const struct field *field)
{
    static const char *const addresses[] = {
        "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From",
        "Resent-Sender", "Resent-Reply-To", "Resent-To", "Resent-Cc",
        "Resent-Bcc", "Errors-To", "Return-Receipt-To",
        "Disposition-Notification-To", "Apparently-To",
    };
    static const char *const others[] = {
        "Content-", "List-", "ARC-", "DKIM-", "Authentication-Results",
        "Received", "Return-Path", "Message-ID", "Resent-Message-ID",
        "In-Reply-To", "References", "Date", "Resent-Date", "MIME-Version",
        "Keywords", "Autocrypt",
    };

    for (size_t i = 0; i < COUNT(addresses); i++)
        if (field_is(field, addresses[i]))
            return FORM_ADDRESSES;
    for (size_t i = 0; i < COUNT(others); i++)
        if (text_starts_case(field->text, others[i]))
            return FORM_OTHER;
    return FORM_TEXT;
}

static size_t word_end(const char *text, size_t length, size_t at)
{
    while (at < length && !text_is_space(text[at]))
        at++;
    return at;
}

static size_t space_end(const char *text, size_t length, size_t at)
{
    while (at < length && text_is_space(text[at]))
        at++;
    return at;
}

/* Append as encoded-words text that may be folded. */
static void add_unfolded(struct buf *out, const char *text, size_t length)
{
    struct buf line;
    size_t start = out->length;

    while (start > 0 && out->data[start - 1] != '\n')
        start--;
    buf_init(&line, SIZE_MAX);
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r' && text[i] != '\n')
            buf_add_char(&line, text[i] == '\t' ? ' ' : text[i]);
    phrase_add_encoded(out, line.data, line.length, out->length - start);
    buf_free(&line);
}

/* Words from the first to the last that is not ASCII become encoded-words
 * together, as blanks between encoded-words do not count. A word that is one
 * already stays, and ends such a run. */
static void add_text(struct buf *out, const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        size_t begin = space_end(text, length, at);
        size_t end = word_end(text, length, begin);
        size_t last = 0;        /* end of the last word of the run */
        for (size_t from = begin, to = end;
             to > from && memmem(text + from, to - from, "=?", 2) == NULL;
             from = space_end(text, length, to),
             to = word_end(text, length, from)) {
            if (!text_is_ascii(text + from, to - from))
                last = to;
            else if (last == 0)
                break;
        }
        buf_add(out, text + at, begin - at);
        if (last > 0)
            add_unfolded(out, text + begin, last - begin);
        else
            buf_add(out, text + begin, end - begin);
        at = last > 0 ? last : end;
    }
}

/* The end of the quoted string or comment that begins at at. */
static size_t quoted_end(const char *text, size_t length, size_t at)
{
    char open = text[at], close = open == '(' ? ')' : '"';
    size_t depth = 1;

    while (++at < length && depth > 0) {
        if (text[at] == '\\' && at + 1 < length)
            at++;
        else if (text[at] == close)
            depth--;
        else if (text[at] == open)
            depth++;
    }
    return at;
}

/* A phrase without the quotes of its words. */
static void add_phrase(struct buf *out, const char *text, size_t length)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && i + 1 < length)
            i++;
        else if (text[i] == '"')
            continue;
        buf_add_char(&plain, text[i]);
    }
    add_unfolded(out, plain.data, plain.length);
    buf_free(&plain);
}

/* The text between the addresses of a list: names, comments, brackets. */
static void add_between(struct buf *out, const char *text, size_t length)
{
    size_t at = 0;

    while (at < length) {
        size_t end = at;
        while (end < length && strchr(",:;<>(", text[end]) == NULL)
            end = text[end] == '"' ? quoted_end(text, length, end) : end + 1;
        size_t name = space_end(text, end, at);
        size_t stop = end;
        while (stop > name && text_is_space(text[stop - 1]))
            stop--;
        buf_add(out, text + at, name - at);
        if (text_is_ascii(text + name, stop - name))
            buf_add(out, text + name, stop - name);
        else
            add_phrase(out, text + name, stop - name);
        buf_add(out, text + stop, end - stop);
        at = end;
        if (at < length && text[at] == '(') {
            end = quoted_end(text, length, at);
            buf_add_char(out, '(');
            add_text(out, text + at + 1, end - at - 2);
            buf_add_char(out, ')');
            at = end;
        } else if (at < length) {
            buf_add_char(out, text[at++]);
        }
    }
}

/* True if an address is not ASCII. */
static bool add_addresses(struct buf *out, const char *text, size_t length,
                          const struct mailbox_list *list)
{
    size_t at = 0;
    bool beyond = false;

    for (size_t i = 0; i < list->count; i++) {
        const struct mailbox *box = &list->items[i];
        size_t span = box->end - box->start;
        add_between(out, text + at, box->start - at);
        at = box->end;
        if (text_is_ascii(text + box->start, span)) {
            buf_add(out, text + box->start, span);
            continue;
        }
        beyond = beyond ||
                 !text_is_ascii(box->address, strlen(box->address));
        char *ascii = ascii_address(box->address);
        if (ascii != NULL)
            buf_add_text(out, ascii);
        else
            buf_add(out, text + box->start, span);
        free(ascii);
    }
    add_between(out, text + at, length - at);
    return beyond;
}

static bool add_field(struct buf *out, const struct field *field)
{
    struct mailbox_list list = { 0 };
    struct error err;
    size_t length;
    const char *body = field_body(field, &length);
    enum form form = form_of(field);
    bool beyond = false;

    if (form == FORM_OTHER || text_is_ascii(field->text, field->length) ||
        !text_is_utf8(field->text, field->length) ||
        (form == FORM_ADDRESSES &&
         !mailbox_list_parse(&list, body, length, &err))) {
        buf_add(out, field->text, field->length);
        return false;
    }
    buf_add(out, field->text, field->body_start);
    if (form == FORM_TEXT)
        add_text(out, body, length);
    else
        beyond = add_addresses(out, body, length, &list);
    buf_add_text(out, "\r\n");
    mailbox_list_free(&list);
    return beyond;
}

/* The octets of the field at text: up to a line that does not go on. */
static size_t field_length(const char *text, size_t length)
{
    size_t at = 0;

    do {
        const char *end = memchr(text + at, '\n', length - at);
        at = end != NULL ? (size_t)(end - text) + 1 : length;
    } while (at < length && (text[at] == ' ' || text[at] == '\t'));
    return at;
}

/* The octets of a file are not verified again before each attempt: its header
 * section may end anywhere, where it was damaged since. */
static bool is_whole_field(const char *text, size_t length)
{
    return length >= 2 && memcmp(text + length - 2, "\r\n", 2) == 0 &&
           header_line_is_field(text, length);
}

bool ascii_header(const char *text, size_t length, struct buf *out)
{
    bool beyond = false;

    while (length > 0) {
        size_t step = field_length(text, length);
        struct header one = { 0 };
        if (is_whole_field(text, step)) {
            header_append_raw(&one, text, step);
            beyond |= add_field(out, &one.fields[0]);
        } else {
            buf_add(out, text, step);
        }
        header_free(&one);
        text += step;
        length -= step;
    }
    return beyond;
}
