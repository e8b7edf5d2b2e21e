#include "mail/header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static const char line_end[] = "\r\n";
#define LINE_END_LENGTH (sizeof(line_end) - 1)

bool header_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

static bool is_name_char(char c)
{
    return c > ' ' && c < 127 && c != ':';
}

/* Where the colon of a field is; 0 if the line is none. */
static size_t find_colon(const char *line, size_t length, size_t *name_length)
{
    size_t last = length < HEADER_NAME_MAX + 1 ? length : HEADER_NAME_MAX + 1;
    size_t i = 0;

    while (i < last && is_name_char(line[i]))
        i++;
    *name_length = i;
    while (i < last && header_is_blank(line[i]))
        i++;
    return *name_length > 0 && i < last && line[i] == ':' ? i : 0;
}

static void free_field(struct field *field)
{
    free(field->text);
    field->text = NULL;
}

static void make_room(struct header *header)
{
    if (header->count < header->capacity)
        return;
    header->capacity = header->capacity == 0 ? 16 : 2 * header->capacity;
    header->fields = alloc_resize(header->fields, header->capacity,
                                  sizeof(*header->fields));
}

/* The field takes text over, which is a string. */
static void insert_text(struct header *header, size_t index, char *text,
                        size_t length)
{
    struct field field = { .text = text };
    size_t colon = find_colon(text, length, &field.name_length);

    assert(colon > 0 && length >= colon + 1 + LINE_END_LENGTH);
    assert(index <= header->count);
    /* Blanks before the colon may be read, but not sent. */
    memmove(text + field.name_length, text + colon, length + 1 - colon);
    field.length = length - (colon - field.name_length);
    field.body_start = field.name_length + 1;

    make_room(header);
    memmove(header->fields + index + 1, header->fields + index,
            (header->count - index) * sizeof(field));
    header->fields[index] = field;
    header->count++;
}

void header_free(struct header *header)
{
    for (size_t i = 0; i < header->count; i++)
        free_field(&header->fields[i]);
    free(header->fields);
    *header = (struct header) { 0 };
}

bool header_line_is_field(const char *line, size_t length)
{
    size_t name_length;
    return find_colon(line, length, &name_length) > 0;
}

void header_append_raw(struct header *header, const char *text, size_t length)
{
    insert_text(header, header->count, alloc_bytes(text, length), length);
}

void header_insert(struct header *header, size_t index, const char *name,
                   const char *body)
{
    char *text = alloc_format("%s: %s%s", name, body, line_end);
    insert_text(header, index, text, strlen(text));
}

void header_append(struct header *header, const char *name, const char *body)
{
    header_insert(header, header->count, name, body);
}

bool field_is(const struct field *field, const char *name)
{
    return strlen(name) == field->name_length
        && text_equal_case_n(field->text, name, field->name_length);
}

size_t header_find(const struct header *header, const char *name, size_t from)
{
    size_t i = from;

    while (i < header->count && !field_is(&header->fields[i], name))
        i++;
    return i < header->count ? i : header->count;
}

bool header_has(const struct header *header, const char *name)
{
    return header_find(header, name, 0) < header->count;
}

size_t header_count(const struct header *header, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < header->count; i++)
        count += field_is(&header->fields[i], name);
    return count;
}

/* Those from a field on, in one pass: a header section of nothing else must not
 * cost more. */
static void remove_from(struct header *header, const char *name, size_t from)
{
    size_t kept = from;

    for (size_t i = from; i < header->count; i++) {
        if (field_is(&header->fields[i], name))
            free_field(&header->fields[i]);
        else
            header->fields[kept++] = header->fields[i];
    }
    header->count = kept;
}

void header_remove_all(struct header *header, const char *name)
{
    remove_from(header, name, 0);
}

void header_remove_after(struct header *header, const char *name,
                         size_t index)
{
    if (index < header->count)
        remove_from(header, name, index + 1);
}

static void replace(struct field *field, size_t start, size_t count,
                    const char *text, size_t length)
{
    size_t rest = field->length - start - count;
    size_t new_length = start + length + rest;
    char *new = alloc_resize(NULL, new_length + 1, 1);

    memcpy(new, field->text, start);
    memcpy(new + start, text, length);
    memcpy(new + start + length, field->text + start + count, rest);
    new[new_length] = '\0';

    free(field->text);
    field->text = new;
    field->length = new_length;
}

static size_t body_length(const struct field *field)
{
    return field->length - LINE_END_LENGTH - field->body_start;
}

void field_replace(struct field *field, size_t position, size_t count,
                   const char *text)
{
    assert(position <= body_length(field)
           && count <= body_length(field) - position);
    replace(field, field->body_start + position, count, text, strlen(text));
}

void field_set_body(struct field *field, const char *text, size_t length)
{
    replace(field, field->body_start, body_length(field), text, length);
}

const char *field_body(const struct field *field, size_t *length)
{
    *length = body_length(field);
    return field->text + field->body_start;
}

const char *field_value(const struct field *field, size_t *length)
{
    const char *value = field_body(field, length);

    while (*length > 0 && text_is_space(*value)) {
        value++;
        --*length;
    }
    while (*length > 0 && text_is_space(value[*length - 1]))
        --*length;
    return value;
}

bool field_is_blank(const struct field *field)
{
    size_t length;

    field_value(field, &length);
    return length == 0;
}

/* Fields of items that white space may divide (RFC 5322 section 3.2.2), and the
 * octet that ends an item. */
static const struct list_field {
    const char *name;
    char end;
} list_fields[] = {
    { "To", ',' },        { "Cc", ',' },        { "Reply-To", ',' },
    { "From", ',' },      { "Resent-To", ',' }, { "Resent-Cc", ',' },
    { "Keywords", ',' },  { "References", '>' }, { "In-Reply-To", '>' },
};

static bool is_apart(const char *after)
{
    return text_is_space(*after) || text_starts(after, line_end);
}

/* A blank between items that have none, outside of quotes and comments. */
static void divide_items(struct field *field, char end)
{
    const char *last = field->text + field->length - LINE_END_LENGTH;
    size_t comments = 0;
    bool quoted = false;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    for (const char *c = field->text; c < last; c++) {
        buf_add_char(&text, *c);
        if (*c == '\\' && (quoted || comments > 0) && c + 1 < last)
            buf_add_char(&text, *++c);
        else if (*c == '"' && comments == 0)
            quoted = !quoted;
        else if (*c == '(' && !quoted)
            comments++;
        else if (*c == ')' && comments > 0)
            comments--;
        else if (*c == end && !quoted && comments == 0 && !is_apart(c + 1))
            buf_add_char(&text, ' ');
    }
    buf_add_text(&text, line_end);
    replace(field, 0, field->length, text.data, text.length);
    buf_free(&text);
}

static void divide(struct field *field)
{
    for (size_t i = 0; i < COUNT(list_fields); i++)
        if (field_is(field, list_fields[i].name))
            divide_items(field, list_fields[i].end);
}

/* Where white space of a line begins that has words before it, from i on, and
 * after it: the last such within the limit, or else the first; length if there
 * is none. */
static size_t find_fold(const char *line, size_t length, size_t i)
{
    size_t end = length, fold = length;

    while (end > 0 && text_is_space(line[end - 1]))
        end--;
    while (i < end && text_is_space(line[i]))
        i++;
    for (; i < end && (i <= HEADER_LINE_MAX || fold == length); i++)
        if (text_is_space(line[i]) && !text_is_space(line[i - 1]))
            fold = i;
    return fold;
}

/* Append a line without its end, as several if it is too long. words: where
 * those may begin that a fold can follow. */
static void add_folded(struct buf *out, const char *line, size_t length,
                       size_t words)
{
    for (; length > HEADER_LINE_MAX; words = 0) {
        size_t fold = find_fold(line, length, words);
        if (fold == length)
            break;
        buf_add(out, line, fold);
        buf_add_text(out, line_end);
        line += fold;
        length -= fold;
    }
    buf_add(out, line, length);
}

static bool has_overlong_line(const struct field *field)
{
    const char *end = field->text + field->length, *stop;

    for (const char *from = field->text; from < end;
         from = stop + LINE_END_LENGTH) {
        stop = memmem(from, (size_t)(end - from), line_end, LINE_END_LENGTH);
        if (stop - from > HEADER_LINE_MAX)
            return true;
    }
    return false;
}

static void fold(struct field *field)
{
    const char *from = field->text;
    const char *end = field->text + field->length;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    while (from < end) {
        const char *stop = memmem(from, (size_t)(end - from), line_end,
                                  LINE_END_LENGTH);
        add_folded(&text, from, (size_t)(stop - from),
                   from == field->text ? field->body_start : 0);
        buf_add_text(&text, line_end);
        from = stop + LINE_END_LENGTH;
    }
    replace(field, 0, field->length, text.data, text.length);
    buf_free(&text);
}

void header_fold(struct header *header)
{
    for (size_t i = 0; i < header->count; i++)
        if (has_overlong_line(&header->fields[i])) {
            divide(&header->fields[i]);
            fold(&header->fields[i]);
        }
}

void header_write(const struct header *header, struct buf *out)
{
    for (size_t i = 0; i < header->count; i++)
        buf_add(out, header->fields[i].text, header->fields[i].length);
}
