/* A header section on its way: read, completed and rewritten by sendmail, made
 * ASCII by the relay. The first octet has the options. */
#include "../input.h"
#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/complete.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "mail/recipients.h"
#include "util/buf.h"

#define HEADER_MAX ((size_t)1 << 20)

enum option { GATEWAY = 1, EXTRACTED = 2, RULE = 4, REPLACES = 8,
              UTF8_NAME = 16 };

static const char rule_address[] = "rule@r.example";

static void read_header(struct header *header, const char *text, size_t length)
{
    int fd = memory_file(text, length);
    struct reader *reader = reader_new(fd, false, HEADER_MAX);
    struct error err;

    *header = (struct header){ 0 };
    PROMISE(reader_header(reader, header, &err));
    reader_free(reader);
    close(fd);
}

/* Another reader finds the same fields in it. */
static void check_text(const struct buf *text, size_t count)
{
    struct header again;
    struct buf written;

    PROMISE(memchr(text->data, '\0', text->length) == NULL);
    for (size_t i = 0; i < text->length; i++)
        if (text->data[i] == '\r')
            PROMISE(text->data[i + 1] == '\n');
        else if (text->data[i] == '\n')
            PROMISE(i > 0 && text->data[i - 1] == '\r');
    read_header(&again, text->data, text->length);
    buf_init(&written, SIZE_MAX);
    header_write(&again, &written);
    PROMISE(again.count == count);
    PROMISE(strcmp(written.data, text->data) == 0);
    buf_free(&written);
    header_free(&again);
}

/* For some programs a line of blanks ends the header section. */
static void check_blank_lines(const struct buf *text)
{
    struct input in = { text->data, text->length };

    while (in.left > 0) {
        struct input line = input_part(&in, '\n');
        PROMISE(line.left > 0);
        while (line.left > 0 && text_is_space(*line.at)) {
            line.at++;
            line.left--;
        }
        PROMISE(line.left > 0);
    }
}

static bool read_list(struct mailbox_list *list, const struct field *field)
{
    struct error ignored;
    size_t length;
    const char *body = field_body(field, &length);

    return mailbox_list_parse(list, body, length, &ignored);
}

/* Under a rule no other address is an author's, whatever stood there. */
static void check_author(const struct header *header)
{
    PROMISE(header_count(header, "From") <= 1);
    for (size_t i = 0; i < header->count; i++) {
        struct mailbox_list list = { 0 };
        if (!field_is(&header->fields[i], "From") ||
            field_is_blank(&header->fields[i]))
            continue;
        PROMISE(read_list(&list, &header->fields[i]));
        PROMISE(list.count == 1 &&
                strcmp(list.items[0].address, rule_address) == 0);
        mailbox_list_free(&list);
    }
}

/* The address after a name that gets quotes is the one that was there. */
static void check_quoted(struct header *header)
{
    struct mailbox_list before = { 0 }, after = { 0 };
    size_t i = header_find(header, "From", 0);
    bool had_list = i < header->count && read_list(&before, &header->fields[i]);

    complete_mend_authors(header);
    if (had_list) {
        PROMISE(read_list(&after, &header->fields[i]));
        PROMISE(after.count == before.count || after.count == 1);
        if (after.count == 1)
            PROMISE(strcmp(after.items[0].address,
                           before.items[before.count - 1].address) == 0);
    }
    mailbox_list_free(&before);
    mailbox_list_free(&after);
}

/* Recipients that are read in the field before and after are the same. */
static void check_same_list(const struct field *before,
                            const struct field *after)
{
    struct mailbox_list one = { 0 }, other = { 0 };

    PROMISE(before->name_length == after->name_length &&
            memcmp(before->text, after->text, before->name_length) == 0);
    if (field_is(before, "To") && read_list(&one, before) &&
        !one.is_repaired) {
        PROMISE(read_list(&other, after));
        PROMISE(one.count == other.count);
        for (size_t i = 0; i < one.count; i++) {
            const char *address = one.items[i].address;
            PROMISE(!text_is_ascii(address, strlen(address)) ||
                    strcmp(address, other.items[i].address) == 0);
        }
    }
    mailbox_list_free(&one);
    mailbox_list_free(&other);
}

/* The relay makes it ASCII for a server without SMTPUTF8: other words, no other
 * fields and no other addresses. */
static void check_ascii(const struct header *header, const struct buf *text)
{
    struct header read;
    struct buf ascii, again;

    buf_init(&ascii, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    ascii_header(text->data, text->length, &ascii);
    check_text(&ascii, header->count);
    if (text_is_ascii(text->data, text->length))
        PROMISE(strcmp(text->data, ascii.data) == 0);
    read_header(&read, ascii.data, ascii.length);
    for (size_t i = 0; i < header->count; i++)
        check_same_list(&header->fields[i], &read.fields[i]);
    header_free(&read);
    ascii_header(ascii.data, ascii.length, &again);
    PROMISE(strcmp(again.data, ascii.data) == 0);
    buf_free(&again);
    buf_free(&ascii);
}

/* What is no header section, too, as in a file that was damaged; no NUL is
 * after it that would hide a read beyond its end. */
static void check_damaged(const char *text, size_t length)
{
    struct buf ascii, again;

    buf_init(&ascii, SIZE_MAX);
    buf_init(&again, SIZE_MAX);
    ascii_header(text, length, &ascii);
    /* But for blanks before a colon. */
    if (text_is_ascii(text, length))
        PROMISE(ascii.length < length ||
                (ascii.length == length &&
                 memcmp(ascii.data, text, length) == 0));
    ascii_header(ascii.data, ascii.length, &again);
    PROMISE(again.length == ascii.length &&
            memcmp(again.data, ascii.data, ascii.length) == 0);
    buf_free(&again);
    buf_free(&ascii);
}

/* Of the recipients that it names, each one is an address or has a reason. */
static void check_recipients(const struct header *header)
{
    struct mailbox_list list = { 0 };
    struct flaws flaws = { 0 };

    complete_recipients(header, &list, &flaws);
    PROMISE(flaws.texts.count == flaws.reasons.count);
    for (size_t i = 0; i < flaws.texts.count; i++) {
        promise_one_line(flaws.texts.items[i]);
        promise_one_line(flaws.reasons.items[i]);
    }
    for (size_t i = 0; i < list.count; i++)
        PROMISE(!text_has_control(list.items[i].address,
                                  strlen(list.items[i].address)));
    mailbox_list_free(&list);
    flaws_free(&flaws);
}

static struct completion completion_of(unsigned options)
{
    bool rule = (options & RULE) != 0;

    return (struct completion){
        .host = "h.example", .domain = "d.example", .sender = "s@d.example",
        .full_name = (options & UTF8_NAME) != 0 ? "J\xc3\xb6rg" : "Ann, Bob",
        .rule_address = rule ? rule_address : NULL,
        .rule_name = rule ? "Rule" : NULL,
        .rule_replaces_name = (options & REPLACES) != 0,
        .id = "1", .now = 1000000000, .gateway = (options & GATEWAY) != 0,
        .extracted = (options & EXTRACTED) != 0,
    };
}

/* The addresses in all fields of that name; false if one is not a list. */
static bool read_lists(struct mailbox_list *list, const struct header *header,
                       const char *name)
{
    bool right = true;

    for (size_t i = 0; i < header->count; i++)
        if (field_is(&header->fields[i], name) &&
            !field_is_blank(&header->fields[i]))
            right = right && read_list(list, &header->fields[i]);
    return right;
}

/* None was lost or made, whatever was joined, folded and mended; and those
 * without a domain have one, unless that fits on no line. */
static void check_kept(const struct mailbox_list *before,
                       const struct header *header, const char *name)
{
    struct mailbox_list after = { 0 };

    PROMISE(read_lists(&after, header, name));
    PROMISE(after.count == before->count);
    for (size_t i = 0; i < after.count; i++) {
        const char *was = before->items[i].address;
        const char *is = after.items[i].address;
        size_t length = strlen(was);
        PROMISE(strcmp(was, is) == 0 ||
                (!before->items[i].has_domain &&
                 strncmp(was, is, length) == 0 &&
                 strcmp(is + length, "@d.example") == 0));
    }
    mailbox_list_free(&after);
}

static bool complete(struct header *header, const struct completion *with)
{
    struct mailbox_list to = { 0 }, cc = { 0 };
    struct error err;
    /* With -t blanks may be between recipients. */
    bool has_to = !with->extracted && read_lists(&to, header, "To");
    bool has_cc = !with->extracted && read_lists(&cc, header, "Cc");
    bool done = complete_header(header, with, &err);

    if (!done)
        promise_error(&err);
    if (done && has_to)
        check_kept(&to, header, "To");
    if (done && has_cc)
        check_kept(&cc, header, "Cc");
    mailbox_list_free(&to);
    mailbox_list_free(&cc);
    return done;
}

static void check_completed(struct header *header, unsigned options)
{
    struct completion with = completion_of(options);
    struct buf text;

    if (!complete(header, &with))
        return;
    buf_init(&text, SIZE_MAX);
    header_write(header, &text);
    check_text(&text, header->count);
    check_blank_lines(&text);
    PROMISE(!header_has(header, "Bcc") && !header_has(header, "Resent-Bcc"));
    if ((options & RULE) != 0 && (options & (EXTRACTED | GATEWAY)) == 0)
        check_author(header);
    if ((options & GATEWAY) == 0)
        PROMISE(header_has(header, "From") && header_has(header, "Date") &&
                header_has(header, "Message-ID"));
    check_ascii(header, &text);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    unsigned options = input_octet(&in);
    struct header header;

    check_damaged(in.at, in.left);
    read_header(&header, in.at, in.left);
    check_recipients(&header);
    check_quoted(&header);
    check_completed(&header, options);
    header_free(&header);
    return 0;
}
