#include "mail/complete.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/address.h"
#include "mail/conform.h"
#include "mail/header.h"
#include "mail/phrase.h"
#include "mail/recipients.h"
#include "mail/rewrite.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

#define FOLD_COLUMN 78              /* RFC 5322 section 2.1.1 */

/* The fields that hold addresses, and whose they are: a sender's rule is for
 * the author or the resender. */
enum party { OTHER_PARTY, RECIPIENTS, AUTHOR, RESENDER };

static const struct {
    const char *name;
    enum party party;
} address_fields[] = {
    { "From",                        AUTHOR        },
    { "Sender",                      AUTHOR        },
    { "Reply-To",                    OTHER_PARTY   },
    { "To",                          RECIPIENTS    },
    { "Cc",                          RECIPIENTS    },
    { "Apparently-To",               OTHER_PARTY   },
    { "Errors-To",                   OTHER_PARTY   },
    { "Return-Receipt-To",           OTHER_PARTY   },
    { "Disposition-Notification-To", OTHER_PARTY   },
    { "Resent-From",                 RESENDER      },
    { "Resent-Sender",               RESENDER      },
    { "Resent-Reply-To",             OTHER_PARTY   },
    { "Resent-To",                   RECIPIENTS    },
    { "Resent-Cc",                   RECIPIENTS    },
};

static const char *const recipient_fields[] = {
    "To", "Cc", "Bcc",
};

/* Fields of an earlier delivery: RFC 5321 section 4.4 wants no Return-Path in a
 * message that is sent, and no length of a mailbox file is true here. */
static const char *const delivery_fields[] = {
    "Return-Path", "Content-Length",
};

/* Fields of a resent block: once, or several times in a row. */
static const struct {
    const char *name;
    bool may_follow_itself;
} resent_fields[] = {
    { "Resent-From",       false },
    { "Resent-Sender",     false },
    { "Resent-Date",       false },
    { "Resent-Message-ID", false },
    { "Resent-To",         true  },
    { "Resent-Cc",         true  },
    { "Resent-Bcc",        true  },
};

#define RESENT_RECIPIENTS 4         /* where they start in that table */

static bool is_resent(const struct field *field)
{
    const char prefix[] = "Resent-";
    size_t length = sizeof(prefix) - 1;

    return field->name_length > length
        && text_equal_case_n(field->text, prefix, length);
}

static bool is_trace(const struct field *field)
{
    return field_is(field, "Received") || field_is(field, "Return-Path");
}

/* The row of a Resent- field; COUNT(resent_fields) if it has none. */
static size_t resent_row(const struct field *field)
{
    size_t row = 0;

    while (row < COUNT(resent_fields)
           && !field_is(field, resent_fields[row].name))
        row++;
    return row;
}

struct resent_block complete_resent_block(const struct header *header)
{
    bool seen[COUNT(resent_fields) + 1] = { false };
    size_t last_row = COUNT(seen);
    size_t i = 0;

    while (i < header->count && !is_resent(&header->fields[i]))
        i++;
    struct resent_block block = { i, i };

    for (; i < header->count && !is_trace(&header->fields[i]); i++) {
        if (!is_resent(&header->fields[i]))
            continue;
        size_t row = resent_row(&header->fields[i]);
        if (row < COUNT(resent_fields) && seen[row]
            && !(resent_fields[row].may_follow_itself && row == last_row))
            break;
        seen[row] = true;
        last_row = row;
        block.end = i + 1;
    }
    return block;
}

bool complete_is_resent_now(const struct header *header)
{
    size_t first = complete_resent_block(header).first;

    for (size_t i = 0; i < first; i++)
        if (is_trace(&header->fields[i]))
            return false;
    return first < header->count;
}

static void add_recipients(const struct field *field, const char *name,
                           struct mailbox_list *list, struct flaws *flaws)
{
    size_t length;
    const char *body = field_body(field, &length);
    size_t before = list->count;
    struct flaws unread = { 0 };
    struct error why;

    if (!field_is(field, name) || field_is_blank(field))
        return;
    list->is_repaired = false;
    recipients_read(list, &unread, body, length);
    /* Octets that other programs read otherwise must not make recipients. */
    if (field->is_mended && (list->is_repaired || unread.texts.count > 0)) {
        while (list->count > before)
            free(list->items[--list->count].address);
        flaws_free(&unread);
        error_set(&why, FAULT_DATA, "a control character between addresses");
        flaws_add(&unread, body, length, &why);
    }
    for (size_t i = 0; i < unread.texts.count; i++) {
        error_set(&why, FAULT_DATA, "%s: %s", name, unread.reasons.items[i]);
        flaws_add(flaws, unread.texts.items[i], strlen(unread.texts.items[i]),
                  &why);
    }
    flaws_free(&unread);
}

void complete_recipients(const struct header *header,
                         struct mailbox_list *list, struct flaws *flaws)
{
    struct resent_block block = complete_resent_block(header);

    if (block.first == block.end) {
        for (size_t i = 0; i < header->count; i++)
            for (size_t k = 0; k < COUNT(recipient_fields); k++)
                add_recipients(&header->fields[i], recipient_fields[k], list,
                               flaws);
        return;
    }
    for (size_t i = block.first; i < block.end; i++)
        for (size_t k = RESENT_RECIPIENTS; k < COUNT(resent_fields); k++)
            add_recipients(&header->fields[i], resent_fields[k].name, list,
                           flaws);
}

/* See that a field of that name is there, and not empty: in the resent
 * block if in_block, else in all of the header section. */
static void supply(struct header *header, bool in_block, const char *name,
                   const char *body)
{
    struct resent_block among = { 0, header->count };
    size_t blank = SIZE_MAX;

    if (in_block)
        among = complete_resent_block(header);
    for (size_t i = among.first; i < among.end; i++) {
        if (!field_is(&header->fields[i], name))
            continue;
        if (!field_is_blank(&header->fields[i]))
            return;
        if (blank == SIZE_MAX)
            blank = i;
    }
    if (blank == SIZE_MAX) {
        header_insert(header, among.end, name, body);
        return;
    }
    field_set_body(&header->fields[blank], " ", 1);
    field_replace(&header->fields[blank], 1, 0, body);
}

static void supply_from(struct header *header, bool in_block,
                        const struct completion *with, struct buf *body)
{
    const char *address = with->sender;
    const char *name = with->full_name;

    if (with->rule_address != NULL)
        address = with->rule_address;
    if (with->rule_name != NULL
        && (name == NULL || *name == '\0' || with->rule_replaces_name))
        name = with->rule_name;
    if (address == NULL)
        return;
    buf_clear(body);
    rewrite_add_mailbox(body, name, address);
    supply(header, in_block, in_block ? "Resent-From" : "From", body->data);
}

/* Words that are not an address, as in `From: Backup Server`? */
static bool is_name(const struct field *field)
{
    size_t length;
    const char *body = field_body(field, &length);
    size_t words = 0;

    for (size_t i = 0; i < length; i++) {
        if (body[i] == '\0' || strchr("@<>,;:()[]\\", body[i]) != NULL)
            return false;
        words += !text_is_space(body[i]) &&
                 (i == 0 || text_is_space(body[i - 1]));
    }
    return words > 1;
}

bool complete_has_author(const struct header *header)
{
    for (size_t i = 0; i < header->count; i++)
        if (field_is(&header->fields[i], "From")
            && !field_is_blank(&header->fields[i])
            && !is_name(&header->fields[i]))
            return true;
    return false;
}

/* Where the < of a mailbox is; 0 if it is at the start, has a comment after it,
 * or is not there. */
static size_t opening_bracket(const char *body, const struct mailbox *mailbox)
{
    size_t at = mailbox->start;

    while (at > 0 && text_is_space(body[at - 1]))
        at--;
    return mailbox->has_brackets && at > 1 && body[at - 1] == '<' ? at - 1 : 0;
}

/* The length of a display name that lacks quotes, so that the words before its
 * commas, or its colon, are taken for something else, or has encoded-words that
 * others take so; 0 if there is none. */
static size_t name_without_quotes(const char *body, size_t length)
{
    struct mailbox_list list = { 0 };
    struct error ignored;
    size_t end = 0;

    if (mailbox_list_parse(&list, body, length, &ignored) && list.count > 0 &&
        (list.count > 1 || list.ends_in_group ||
         phrase_is_loose(body, length)) && !list.is_repaired)
        end = opening_bracket(body, &list.items[list.count - 1]);
    for (size_t i = 0; i + 1 < list.count; i++)
        if (list.items[i].has_domain || list.items[i].has_brackets)
            end = 0;
    mailbox_list_free(&list);
    return end;
}

static void quote_name(struct field *field)
{
    size_t length;
    const char *body = field_body(field, &length);
    size_t end = name_without_quotes(body, length);
    struct buf fresh;

    if (end == 0)
        return;
    buf_init(&fresh, SIZE_MAX);
    buf_add_char(&fresh, ' ');
    phrase_add_words(&fresh, body, end);
    buf_add_char(&fresh, ' ');
    buf_add(&fresh, body + end, length - end);
    field_set_body(field, fresh.data, fresh.length);
    buf_free(&fresh);
}

static void drop_empty_domain(struct field *field)
{
    size_t length;
    const char *body = field_body(field, &length);

    while (length > 0 && text_is_space(body[length - 1]))
        length--;
    size_t at = address_without_domain(body, length);
    if (at > 0)
        field_replace(field, at, 1, "");
}

void complete_mend_authors(struct header *header)
{
    static const char *const names[] = {
        "From", "Sender", "Resent-From", "Resent-Sender",
    };

    for (size_t i = 0; i < header->count; i++)
        for (size_t k = 0; k < COUNT(names); k++)
            if (field_is(&header->fields[i], names[k])) {
                drop_empty_domain(&header->fields[i]);
                quote_name(&header->fields[i]);
            }
}

/* Relays refuse a From without an address. */
static void supply_address(struct header *header, const char *address)
{
    size_t index = header_find(header, "From", 0);
    struct buf mailbox;
    size_t length;

    if (address == NULL || index == header->count
        || !is_name(&header->fields[index]))
        return;
    const char *value = field_value(&header->fields[index], &length);
    char *name = alloc_bytes(value, length);
    buf_init(&mailbox, SIZE_MAX);
    buf_add_char(&mailbox, ' ');
    rewrite_add_mailbox(&mailbox, name, address);
    field_set_body(&header->fields[index], mailbox.data, mailbox.length);
    buf_free(&mailbox);
    free(name);
}

static void supply_date(struct header *header, bool in_block,
                        const struct completion *with, struct buf *body)
{
    buf_clear(body);
    clock_add_date(body, with->now);
    supply(header, in_block, in_block ? "Resent-Date" : "Date", body->data);
}

static void supply_message_id(struct header *header, bool in_block,
                              const struct completion *with, struct buf *body)
{
    struct tm utc = { 0 };

    if (with->id == NULL || with->host == NULL
        || gmtime_r(&with->now, &utc) == NULL)
        return;
    buf_clear(body);
    buf_add_format(body, "<%04d%02d%02d%02d%02d%02d.%s@%s>",
                   utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                   utc.tm_hour, utc.tm_min, utc.tm_sec, with->id, with->host);
    supply(header, in_block, in_block ? "Resent-Message-ID" : "Message-ID",
           body->data);
}

static void supply_missing(struct header *header, bool in_block,
                           const struct completion *with)
{
    struct buf body;

    buf_init(&body, SIZE_MAX);
    supply_from(header, in_block, with, &body);
    supply_date(header, in_block, with, &body);
    supply_message_id(header, in_block, with, &body);
    buf_free(&body);
}

static void rewrite_fields(struct header *header, bool resent,
                           const struct completion *with)
{
    struct resent_block block = complete_resent_block(header);

    for (size_t i = 0; i < header->count; i++) {
        struct field *field = &header->fields[i];
        struct rewrite how = {
            .domain = with->gateway ? NULL : with->domain,
        };
        size_t row = 0;
        while (row < COUNT(address_fields)
               && !field_is(field, address_fields[row].name))
            row++;
        if (row == COUNT(address_fields))
            continue;

        enum party party = address_fields[row].party;
        bool in_block = i >= block.first && i < block.end;
        how.completes_bare = party != RECIPIENTS;
        how.is_recipients = party == RECIPIENTS && with->extracted
                         && in_block == resent;
        if ((party == AUTHOR && !resent)
            || (party == RESENDER && resent && in_block)) {
            how.address = with->rule_address;
            how.name = with->rule_name;
            how.replaces_name = with->rule_replaces_name;
        }
        if (how.domain != NULL || how.address != NULL || how.name != NULL)
            rewrite_addresses(field, &how);
    }
}

static bool has_visible_recipients(const struct header *header, bool resent)
{
    return header_has(header, "To") || header_has(header, "Cc")
        || (resent && (header_has(header, "Resent-To")
                       || header_has(header, "Resent-Cc")));
}

/* Fold where white space is. Line breaks in text are no more than that. */
static void append_folded(struct header *header, const char *name,
                          const char *text)
{
    const char *spaces = " \t\r\n";
    size_t column = strlen(name) + 2;
    struct buf body;

    buf_init(&body, SIZE_MAX);
    text += strspn(text, spaces);
    while (*text != '\0') {
        size_t gap = strspn(text, spaces);
        size_t word = strcspn(text + gap, spaces);
        if (word == 0)
            break;
        if (gap > 0 && column + gap + word > FOLD_COLUMN) {
            buf_add_text(&body, "\r\n");
            column = 0;
        }
        for (size_t i = 0; i < gap; i++)
            buf_add_char(&body, ' ');
        buf_add(&body, text + gap, word);
        column += gap + word;
        text += gap + word;
    }
    header_append(header, name, body.data);
    buf_free(&body);
}

bool complete_header(struct header *header, const struct completion *with,
                     struct error *err)
{
    size_t hops = header_count(header, "Received");

    if (hops > COMPLETE_RECEIVED_MAX)
        return error_set(err, FAULT_UNAVAILABLE, "too many hops: the message "
                         "has %zu Received fields, %d are allowed", hops,
                         COMPLETE_RECEIVED_MAX);

    if (!with->gateway)
        conform_single(header);
    struct resent_block block = complete_resent_block(header);
    bool resent = with->extracted && block.first < block.end;

    /* The block may be no more than a Resent-Bcc: first what joins it. */
    if (!with->gateway && (resent || complete_is_resent_now(header)))
        supply_missing(header, true, with);
    header_remove_all(header, "Bcc");
    header_remove_all(header, "Resent-Bcc");

    if (block.first == block.end && !with->gateway)
        supply_address(header, with->sender);
    rewrite_fields(header, resent, with);
    if (!with->gateway) {
        conform_lists(header);
        conform_message_id(header, with->host);
        supply_missing(header, false, with);
        if (!has_visible_recipients(header, resent))
            header_append(header, "To", "undisclosed-recipients:;");
    }
    if (with->original_to != NULL && *with->original_to != '\0')
        append_folded(header, "X-Original-To", with->original_to);
    /* Last, since a Return-Path shows where a resent block ends. */
    for (size_t i = 0; i < COUNT(delivery_fields); i++)
        header_remove_all(header, delivery_fields[i]);
    conform_lines(header);
    return true;
}
