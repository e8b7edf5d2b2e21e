#include "mail/conform.h"

#include <stdint.h>
#include <string.h>

#include "mail/address.h"
#include "mail/header.h"
#include "mail/phrase.h"
#include "util/buf.h"
#include "util/text.h"

/* RFC 5322 section 3.6 allows one of each; programs that write several mean all
 * the addresses. */
static const char *const joined_fields[] = {
    "To", "Cc", "Reply-To",
};

/* Of these, no program means two: the first that is not empty stays. */
static const char *const single_fields[] = {
    "From", "Sender", "Subject", "Date", "Message-ID", "In-Reply-To",
    "References", "MIME-Version",
};

/* Where one of these comes again, some programs read the first, some the last:
 * only what is the same goes. */
static const char *const repeated_fields[] = {
    "Content-Type", "Content-Transfer-Encoding", "Content-Disposition",
    "Content-Description", "Content-ID", "List-Unsubscribe",
    "List-Unsubscribe-Post", "Auto-Submitted",
};

/* Do the bodies of all fields of that name hold addresses? */
static bool can_join(const struct header *header, const char *name)
{
    bool can = true;

    for (size_t i = header_find(header, name, 0); can && i < header->count;
         i = header_find(header, name, i + 1)) {
        struct mailbox_list list = { 0 };
        struct error ignored;
        size_t length;
        const char *body = field_body(&header->fields[i], &length);
        can = mailbox_list_parse(&list, body, length, &ignored) &&
              !list.is_repaired;
        mailbox_list_free(&list);
    }
    return can;
}

static bool ends_in_group(const char *value, size_t length)
{
    struct mailbox_list list = { 0 };
    struct error ignored;

    (void)mailbox_list_parse(&list, value, length, &ignored);
    bool open = list.ends_in_group;
    mailbox_list_free(&list);
    return open;
}

/* A group takes in no addresses of the next field, also if its end was
 * forgotten. */
static void add_addresses(struct buf *list, const struct field *field)
{
    size_t length;
    const char *value = field_value(field, &length);

    while (length > 0 && (text_is_space(value[length - 1])
                          || value[length - 1] == ','))
        length--;
    if (length == 0)
        return;
    buf_add_text(list, list->length == 0 ? " " : ",\r\n ");
    buf_add(list, value, length);
    if (ends_in_group(value, length))
        buf_add_char(list, ';');
}

/* Several fields of that name become one, where the first one is. */
static void join(struct header *header, const char *name)
{
    size_t first = header_find(header, name, 0);
    struct buf list;

    if (header_count(header, name) < 2 || !can_join(header, name))
        return;
    buf_init(&list, SIZE_MAX);
    for (size_t i = first; i < header->count;
         i = header_find(header, name, i + 1))
        add_addresses(&list, &header->fields[i]);
    field_set_body(&header->fields[first], list.data, list.length);
    header_remove_after(header, name, first);
    buf_free(&list);
}

static void keep_one(struct header *header, const char *name)
{
    size_t first = header_find(header, name, 0);
    size_t kept = first;

    while (kept < header->count && field_is_blank(&header->fields[kept]))
        kept = header_find(header, name, kept + 1);
    if (kept < header->count && kept > first) {
        size_t length;
        const char *body = field_body(&header->fields[kept], &length);
        field_set_body(&header->fields[first], body, length);
    }
    header_remove_after(header, name, first);
}

/* The same but for case and white space? */
static bool is_same(const struct field *a, const struct field *b)
{
    size_t a_length, b_length, i = 0, k = 0;
    const char *a_body = field_body(a, &a_length);
    const char *b_body = field_body(b, &b_length);

    for (;; i++, k++) {
        while (i < a_length && text_is_space(a_body[i]))
            i++;
        while (k < b_length && text_is_space(b_body[k]))
            k++;
        if (i == a_length || k == b_length)
            return i == a_length && k == b_length;
        if (text_lower(a_body[i]) != text_lower(b_body[k]))
            return false;
    }
}

/* Are all fields of that name that are not empty the same? */
static bool is_repeated(const struct header *header, const char *name)
{
    const struct field *one = NULL;

    for (size_t i = header_find(header, name, 0); i < header->count;
         i = header_find(header, name, i + 1)) {
        const struct field *field = &header->fields[i];
        if (field_is_blank(field))
            continue;
        if (one != NULL && !is_same(one, field))
            return false;
        one = field;
    }
    return one != NULL;
}

void conform_single(struct header *header)
{
    for (size_t i = 0; i < COUNT(single_fields); i++)
        keep_one(header, single_fields[i]);
    for (size_t i = 0; i < COUNT(repeated_fields); i++)
        if (is_repeated(header, repeated_fields[i]))
            keep_one(header, repeated_fields[i]);
}

/* Nothing but the likes of `Name <>`, which programs write where an address is
 * not known? A group may be empty. */
static bool has_no_address(const struct field *field)
{
    struct mailbox_list list = { 0 };
    struct error ignored;
    size_t length;
    const char *body = field_body(field, &length);

    if (memchr(body, '<', length) == NULL || memchr(body, ':', length) != NULL)
        return false;
    bool none = mailbox_list_parse(&list, body, length, &ignored) &&
                list.count == 0;
    mailbox_list_free(&list);
    return none;
}

static void drop_without_address(struct header *header, const char *name)
{
    size_t first = header_find(header, name, 0);

    if (first < header->count && header_count(header, name) == 1 &&
        has_no_address(&header->fields[first]))
        header_remove_all(header, name);
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!text_is_space(text[i]))
            return false;
    return true;
}

/* Of semicolons that end no group, as Outlook has people write them. */
static void put_commas(struct field *field)
{
    char *c = field->text + field->body_start;
    const char *end = field->text + field->length;
    bool quoted = false, inside = false, group = false;

    for (size_t comments = 0; c < end; c++) {
        size_t encoded = phrase_encoded_word(c, (size_t)(end - c));
        if (encoded > 0)
            c += encoded - 1;
        else if (*c == '\\' && c + 1 < end)
            c++;
        else if (*c == '"' && comments == 0)
            quoted = !quoted;
        else if (!quoted && (*c == '(' || (*c == ')' && comments > 0)))
            comments = *c == '(' ? comments + 1 : comments - 1;
        else if (!quoted && comments == 0 && strchr("<[]>", *c) != NULL)
            inside = *c == '<' || *c == '[';
        else if (quoted || comments > 0 || inside)
            continue;
        else if (*c == ':')
            group = true;
        else if (*c == ';' && group)
            group = false;
        else if (*c == ';')
            *c = is_blank(c + 1, (size_t)(end - c - 1)) ? ' ' : ',';
    }
}

static void mend_list(struct header *header, const char *name)
{
    for (size_t i = header_find(header, name, 0); i < header->count;
         i = header_find(header, name, i + 1)) {
        struct field *field = &header->fields[i];
        struct mailbox_list list = { 0 };
        struct error ignored;
        size_t length;
        const char *body = field_body(field, &length);
        if (memchr(body, ';', length) != NULL &&
            mailbox_list_parse(&list, body, length, &ignored))
            put_commas(field);
        mailbox_list_free(&list);
    }
}

void conform_lists(struct header *header)
{
    mend_list(header, "From");
    mend_list(header, "Sender");
    for (size_t i = 0; i < COUNT(joined_fields); i++) {
        mend_list(header, joined_fields[i]);
        join(header, joined_fields[i]);
        drop_without_address(header, joined_fields[i]);
    }
}

/* A part of a message id without the octets that end one for some program. */
static bool is_id_part(const char *text, size_t length, const char *barred)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr(barred, text[i]) != NULL)
            return false;
    return length > 0;
}

static bool is_id_right(const char *text, size_t length)
{
    if (length > 2 && text[0] == '[' && text[length - 1] == ']')
        return is_id_part(text + 1, length - 2, "<>()[],;\\\"@");
    return is_id_part(text, length, "<>()[],;:\\\"@");
}

static void mend_message_id(struct field *field, const char *host)
{
    size_t length;
    const char *id = field_value(field, &length);
    bool has_brackets = length > 2 && id[0] == '<' && id[length - 1] == '>';
    struct buf mended;

    if (has_brackets) {
        id++;
        length -= 2;
    }
    const char *at = memchr(id, '@', length);
    size_t left = at != NULL ? (size_t)(at - id) : length;
    if ((at != NULL && has_brackets) || (at == NULL && host == NULL) ||
        !is_id_part(id, left, "<>()[],;:\\\"") ||
        (at != NULL && !is_id_right(at + 1, length - left - 1)))
        return;
    buf_init(&mended, SIZE_MAX);
    buf_add_text(&mended, " <");
    buf_add(&mended, id, length);
    if (at == NULL)
        buf_add_format(&mended, "@%s", host);
    buf_add_char(&mended, '>');
    field_set_body(field, mended.data, mended.length);
    buf_free(&mended);
}

void conform_message_id(struct header *header, const char *host)
{
    size_t index = header_find(header, "Message-ID", 0);

    if (index < header->count)
        mend_message_id(&header->fields[index], host);
}

static void drop_blank_lines(struct field *field)
{
    size_t length;
    const char *line = field_body(field, &length);
    const char *end = field->text + field->length, *next;
    struct buf kept;

    if (memchr(line, '\n', length) == NULL)
        return;
    buf_init(&kept, SIZE_MAX);
    for (bool first = true; line < end; first = false, line = next) {
        next = memchr(line, '\n', (size_t)(end - line));
        next = next != NULL ? next + 1 : end;
        if (first || !is_blank(line, (size_t)(next - line)))
            buf_add(&kept, line, (size_t)(next - line));
    }
    /* The end of the last line is not a part of the body. */
    if (kept.length - 2 < length)
        field_set_body(field, kept.data, kept.length - 2);
    buf_free(&kept);
}

void conform_lines(struct header *header)
{
    for (size_t i = 0; i < header->count; i++)
        drop_blank_lines(&header->fields[i]);
    header_fold(header);
}
