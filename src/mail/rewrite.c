#include "mail/rewrite.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/phrase.h"
#include "util/buf.h"
#include "util/text.h"

#define LINE_MAX_LENGTH 998
#define NAME_LINE_MAX 700           /* leaves room for field name and address */

/* The new body, and how far its last line has come. */
struct writer {
    struct buf out;
    size_t column;
};

static size_t first_line(const char *text, size_t length)
{
    size_t i = 0;

    while (i < length && text[i] != '\r' && text[i] != '\n')
        i++;
    return i;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!text_is_space(text[i]))
            return false;
    return true;
}

static void add_raw(struct writer *writer, const char *text, size_t length)
{
    size_t i = length;

    buf_add(&writer->out, text, length);
    while (i > 0 && text[i - 1] != '\n')
        i--;
    writer->column = i > 0 ? length - i : writer->column + length;
}

/* Add text. It may be folded before it; that is done where it helps. */
static void add(struct writer *writer, const char *text, size_t length)
{
    size_t first = first_line(text, length);

    if (writer->column > 1 && first < LINE_MAX_LENGTH
        && writer->column + first > LINE_MAX_LENGTH) {
        if (is_blank(text, first)) {
            /* A line of nothing but white space must not result. */
            text += first;
            length -= first;
        } else {
            add_raw(writer, "\r\n ", 3);
        }
    }
    add_raw(writer, text, length);
}

static bool has_line_over(size_t max, const char *text, size_t length)
{
    while (length > 0) {
        size_t line = first_line(text, length);
        if (line > max)
            return true;
        line += line < length;
        text += line;
        length -= line;
    }
    return false;
}

/* Append a display name and a space, if there is one and it fits. */
static bool add_name(struct buf *out, const char *name)
{
    size_t start = out->length;

    if (name == NULL || is_blank(name, strlen(name)))
        return false;
    phrase_add(out, name);
    const char *phrase = out->data + start;
    size_t length = out->length - start;

    bool usable = !is_blank(phrase, length) && strcmp(phrase, "\"\"") != 0
               && !has_line_over(NAME_LINE_MAX, phrase, length);
    if (usable)
        buf_add_char(out, ' ');
    else
        buf_remove(out, start, length);
    return usable;
}

void rewrite_add_mailbox(struct buf *out, const char *name,
                         const char *address)
{
    bool named = add_name(out, name);

    buf_add_format(out, named ? "<%s>" : "%s", address);
}

static bool loses_domain(const struct mailbox *mailbox,
                         const struct rewrite *how)
{
    return how->completes_bare && how->domain != NULL && mailbox->has_domain &&
           address_is_bare(mailbox->address);
}

static bool gets_name(const struct mailbox *mailbox, const struct rewrite *how)
{
    return how->name != NULL && mailbox->address[0] != '\0'
        && (!mailbox->has_name || how->replaces_name);
}

static bool changes(const struct mailbox *mailbox, const struct rewrite *how)
{
    if (how->address != NULL || gets_name(mailbox, how))
        return true;
    return how->domain != NULL && mailbox->address[0] != '\0'
        && (!mailbox->has_domain || mailbox->is_quoted ||
            loses_domain(mailbox, how));
}

/* A stretch of the old body, and its replacement. */
struct change {
    size_t start;
    size_t end;
    struct buf text;
};

static void add_address(struct buf *out, const struct mailbox *mailbox,
                        const char *body, const struct rewrite *how)
{
    if (how->address != NULL) {
        buf_add_text(out, how->address);
    } else if (loses_domain(mailbox, how)) {
        char *complete = address_complete(mailbox->address, how->domain);
        buf_add_text(out, complete);
        free(complete);
    } else if (mailbox->is_quoted) {
        buf_add_text(out, mailbox->address);
    } else {
        buf_add(out, body + mailbox->start, mailbox->end - mailbox->start);
        if (!mailbox->has_domain && how->domain != NULL)
            buf_add_format(out, "@%s", how->domain);
    }
}

static void find_change(struct change *change, const struct mailbox *mailbox,
                        const char *body, size_t length,
                        const struct rewrite *how)
{
    /* Brackets right at the address belong to the change, so that no fold
     * comes between, and that a name can precede them. */
    bool open = mailbox->has_brackets && mailbox->start > 0
             && body[mailbox->start - 1] == '<';
    bool closed = open && mailbox->end < length && body[mailbox->end] == '>';
    bool reachable = open || !mailbox->has_brackets;

    change->start = mailbox->start - open;
    change->end = mailbox->end + closed;
    buf_clear(&change->text);

    bool named = reachable && gets_name(mailbox, how)
              && add_name(&change->text, how->name);
    if (named && mailbox->name < change->start)
        change->start = mailbox->name;
    if (open || named)
        buf_add_char(&change->text, '<');
    add_address(&change->text, mailbox, body, how);
    if (closed || (named && !open))
        buf_add_char(&change->text, '>');
}

static void rewrite_list(struct field *field, const struct mailbox_list *list,
                         const struct rewrite *how)
{
    size_t length;
    const char *body = field_body(field, &length);
    struct writer writer = { .column = field->body_start };
    struct change change;
    size_t done = 0;

    buf_init(&writer.out, SIZE_MAX);
    buf_init(&change.text, SIZE_MAX);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].comma > 0) {
            add(&writer, body + done, list->items[i].comma - done);
            add_raw(&writer, ",", 1);
            done = list->items[i].comma;
        }
        if (!changes(&list->items[i], how))
            continue;
        find_change(&change, &list->items[i], body, length, how);
        /* One that fits on no line is better left as it came. */
        if (has_line_over(LINE_MAX_LENGTH - 1, change.text.data,
                          change.text.length))
            continue;
        add(&writer, body + done, change.start - done);
        add(&writer, change.text.data, change.text.length);
        done = change.end;
    }
    add(&writer, body + done, length - done);
    field_set_body(field, writer.out.data, writer.out.length);
    buf_free(&change.text);
    buf_free(&writer.out);
}

static void replace_body(struct field *field, const struct rewrite *how)
{
    struct buf body;

    buf_init(&body, SIZE_MAX);
    buf_add_char(&body, ' ');
    rewrite_add_mailbox(&body, how->name, how->address);
    field_set_body(field, body.data, body.length);
    buf_free(&body);
}

/* Only the first mailbox of several, unless that is in a group. */
static void keep_first(struct field *field, const struct mailbox *first,
                       const struct rewrite *how)
{
    size_t length;
    const char *body = field_body(field, &length);
    size_t end = first->end;

    if (!is_blank(body, first->name)) {
        replace_body(field, how);
        return;
    }
    while (first->has_brackets && body[end] != '>')
        end++;
    end += first->has_brackets;
    field_replace(field, end, length - end, "");
    rewrite_addresses(field, how);
}

void rewrite_addresses(struct field *field, const struct rewrite *how)
{
    size_t length;
    const char *body = field_body(field, &length);
    struct mailbox_list list = { 0 };
    struct error ignored;
    bool parsed = how->is_recipients
        ? mailbox_list_parse_recipients(&list, body, length, &ignored)
        : mailbox_list_parse(&list, body, length, &ignored);
    bool is_list = parsed && list.count > 0 && !list.is_repaired;
    bool needed = false;

    for (size_t i = 0; parsed && i < list.count && !needed; i++)
        needed = changes(&list.items[i], how) || list.items[i].comma > 0;
    if (how->address != NULL && !is_list && !field_is_blank(field))
        replace_body(field, how);
    else if (how->address != NULL && list.count > 1)
        keep_first(field, &list.items[0], how);
    else if (needed)
        rewrite_list(field, &list, how);
    mailbox_list_free(&list);
}
