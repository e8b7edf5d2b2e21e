/*
 * accepted.h - what sendmail has accepted, as the daemon finds it
 *
 * Both must decide alike: a message file of sendmail is one that the daemon can
 * send, with the header section, the body and the recipients that sendmail
 * meant.
 */
#ifndef POSTRIDER_TESTS_FUZZ_SENDMAIL_ACCEPTED_H
#define POSTRIDER_TESTS_FUZZ_SENDMAIL_ACCEPTED_H

#include "../input.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "spool/entry.h"
#include "util/buf.h"

#define ACCEPTED_HEADER_MAX 60000   /* octets that the daemon reads anyway */

static inline void accepted_envelope(const struct envelope *env)
{
    const char *sender = envelope_reverse_path(env);
    struct error err;

    PROMISE(*sender == '\0' || address_check(sender, &err));
    PROMISE(env->count > 0);
    for (size_t i = 0; i < env->count; i++) {
        const struct recipient *rcpt = &env->recipients[i];
        promise_one_line(rcpt->path);
        if (rcpt->flaw != NULL) {
            promise_one_line(rcpt->flaw);
            /* The daemon has found none that sendmail has not. */
            PROMISE(strstr(rcpt->flaw, "wrong line in its env") == NULL);
        }
        PROMISE((rcpt->flaw == NULL) == address_check(rcpt->path, &err));
        if (rcpt->original != NULL)
            PROMISE(!text_has_control(rcpt->original,
                                      strlen(rcpt->original)));
    }
}

/* The message as a file, to be read from its start. */
static inline int accepted_content(const struct entry *entry)
{
    int fd = memory_file("", 0);
    struct io_blocks blocks = entry_blocks(entry, 0, entry->content_length);

    while (io_blocks_next(&blocks))
        PROMISE(io_write_all(fd, blocks.data, blocks.length));
    PROMISE(io_blocks_end(&blocks) && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* The message, as the reader of another sendmail finds it. */
static inline void accepted_read(const struct entry *entry,
                                 struct header *header)
{
    int fd = accepted_content(entry);
    struct reader *reader = reader_new(fd, false, 1 << 20);
    struct error err;

    PROMISE(reader_header(reader, header, &err));
    reader_free(reader);
    close(fd);
}

static inline void accepted_header(const struct entry *entry)
{
    struct header read = { 0 }, found = { 0 };
    struct buf one, other;

    buf_init(&one, SIZE_MAX);
    buf_init(&other, SIZE_MAX);
    accepted_read(entry, &read);
    entry_header(entry, &found);
    header_write(&read, &one);
    header_write(&found, &other);
    if (one.length < ACCEPTED_HEADER_MAX)
        PROMISE(strcmp(one.data, other.data) == 0);
    PROMISE(memchr(one.data, '\0', one.length) == NULL);
    PROMISE(!header_has(&read, "Bcc"));
    buf_free(&one);
    buf_free(&other);
    header_free(&read);
    header_free(&found);
}

static inline bool accepted_add_piece(void *context, const char *data,
                                      size_t length, struct error *err)
{
    (void)err;
    return buf_add(context, data, length);
}

/* The body in it, from its start; does a field have it encoded? */
static inline bool accepted_read_body(int fd, bool dots, struct buf *body)
{
    static const char name[] = "Content-Transfer-Encoding";
    struct reader *reader = reader_new(fd, dots, 1 << 20);
    struct header header = { 0 };
    struct error err;
    bool is_encoded = false;

    PROMISE(lseek(fd, 0, SEEK_SET) == 0);
    PROMISE(reader_header(reader, &header, &err));
    PROMISE(reader_body(reader, accepted_add_piece, body, &err));
    for (size_t i = 0; i < header.count; i++) {
        size_t length;
        const char *value = field_value(&header.fields[i], &length);
        is_encoded |= field_is(&header.fields[i], name) &&
                      length == strlen("quoted-printable") &&
                      text_equal_case_n(value, "quoted-printable", length);
    }
    header_free(&header);
    reader_free(reader);
    return is_encoded;
}

static inline int accepted_digit(char c)
{
    PROMISE(text_is_digit(c) || (c >= 'A' && c <= 'F'));
    return text_hex_value(text_lower(c));
}

/* By the letter of RFC 2045 section 6.7. */
static inline void accepted_decode(struct buf *out, const struct buf *text)
{
    size_t column = 0;

    for (const char *c = text->data; *c != '\0'; c++) {
        if (text_starts(c, "=\r\n")) {
            PROMISE(column < 76);
            c += 2;
            column = 0;
        } else if (text_starts(c, "\r\n")) {
            PROMISE(c == text->data || (c[-1] != ' ' && c[-1] != '\t'));
            buf_add_text(out, "\r\n");
            c++;
            column = 0;
        } else if (*c == '=') {
            buf_add_char(out, (char)(accepted_digit(c[1]) << 4 |
                                     accepted_digit(c[2])));
            c += 2;
            column += 3;
        } else {
            PROMISE(*c == '\t' || (*c >= ' ' && *c <= '~'));
            buf_add_char(out, *c);
            column++;
        }
        PROMISE(column <= 76);
    }
}

/* The body is that of the source, whether it is encoded on its way or not. */
static inline void accepted_body(const struct entry *entry, int source,
                                 bool dots)
{
    int fd = accepted_content(entry);
    struct buf was, is, decoded;

    buf_init(&was, SIZE_MAX);
    buf_init(&is, SIZE_MAX);
    buf_init(&decoded, SIZE_MAX);
    if (accepted_read_body(source, dots, &was) ==
        accepted_read_body(fd, false, &is))
        buf_add(&decoded, is.data, is.length);
    else
        accepted_decode(&decoded, &is);
    PROMISE(decoded.length == was.length &&
            memcmp(decoded.data, was.data, was.length) == 0);
    buf_free(&decoded);
    buf_free(&is);
    buf_free(&was);
    close(fd);
}

/* Takes the descriptor over. The caller frees the result. */
static inline struct entry *accepted_entry(int fd, const char *id)
{
    struct error err;
    struct entry *entry = entry_open(fd, id, &err);

    PROMISE(entry != NULL);
    PROMISE(entry->flaw == NULL && !entry->has_bare_ends);
    accepted_envelope(&entry->envelope);
    accepted_header(entry);
    return entry;
}

#endif
