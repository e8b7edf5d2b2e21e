#include "mail/encode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail/header.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

#define UTF8_MAX 4                  /* octets of a character (RFC 3629) */
#define ENCODED_LINE_MAX 76         /* RFC 2045 section 6.7 (5), with its "=" */

/* Look back from where the line must have ended: lines are much shorter as a
 * rule, so that few octets are looked at. */
void line_lengths_add(struct line_lengths *lines, const char *data,
                      size_t length)
{
    while (length > 0 && !lines->has_overlong) {
        size_t room = HEADER_LINE_MAX + 2 - lines->column;
        size_t reach = length < room ? length : room;
        const char *end = memrchr(data, '\n', reach);

        if (end == NULL) {
            lines->column += reach;
            lines->has_overlong = lines->column == HEADER_LINE_MAX + 2;
            return;
        }
        length -= (size_t)(end - data) + 1;
        data = end + 1;
        lines->column = 0;
    }
}

/* The body of the only field of that name without the white space around it,
 * or NULL; *count is how many there are. */
static char *single_value(const struct header *header, const char *name,
                          size_t *count)
{
    size_t index = header_find(header, name, 0);
    size_t length;

    *count = header_count(header, name);
    if (*count != 1)
        return NULL;
    const char *value = field_value(&header->fields[index], &length);
    return alloc_bytes(value, length);
}

static bool is_text(const struct header *header)
{
    size_t count;
    char *type = single_value(header, "Content-Type", &count);
    bool is = count == 0 || (type != NULL && text_starts_case(type, "text/"));

    free(type);
    return is;
}

static bool is_plainly_encoded(const struct header *header)
{
    static const char *const identities[] = { "7bit", "8bit", "binary", "" };
    size_t count;
    char *encoding = single_value(header, "Content-Transfer-Encoding", &count);
    bool is = count == 0;

    for (size_t i = 0; encoding != NULL && i < COUNT(identities); i++)
        is = is || text_equal_case(encoding, identities[i]);
    free(encoding);
    return is;
}

static bool is_signed(const struct header *header)
{
    static const char *const signatures[] = {
        "DKIM-Signature", "DomainKey-Signature", "ARC-Message-Signature",
    };
    bool is = false;

    for (size_t i = 0; i < COUNT(signatures); i++)
        is = is || header_has(header, signatures[i]);
    return is;
}

bool encode_is_allowed(const struct header *header)
{
    return is_text(header) && is_plainly_encoded(header) &&
           !is_signed(header);
}

static bool cannot_read(struct error *err)
{
    return error_sys(err, FAULT_TEMPORARY, "read the message again");
}

/* The octets of a block without a character at its end that may go on. */
static size_t whole_characters(const char *block, size_t length)
{
    for (size_t i = 1; i < length && i < UTF8_MAX; i++)
        if ((unsigned char)block[length - i] >= 0xc0)
            return length - i;
    return length;
}

/* US-ASCII, UTF-8, or another one that only the writer knows (RFC 1428). */
static bool find_charset(const char **charset, int fd, uint64_t start,
                         uint64_t length, struct error *err)
{
    struct io_blocks blocks = io_blocks(fd, start, start + length);
    bool is_utf8 = true, is_ascii = true;

    while (is_utf8 && io_blocks_next(&blocks)) {
        size_t size = blocks.length;
        if (blocks.at < blocks.end)
            size = whole_characters(blocks.data, size);
        is_ascii = is_ascii && text_is_ascii(blocks.data, size);
        is_utf8 = is_ascii || text_is_utf8(blocks.data, size);
        blocks.at -= blocks.length - size;      /* read again, with the rest */
    }
    *charset = is_ascii ? "us-ascii" : is_utf8 ? "utf-8" : "unknown-8bit";
    return io_blocks_end(&blocks) || cannot_read(err);
}

bool encode_declare(struct header *header, int fd, uint64_t start,
                    uint64_t length, struct error *err)
{
    const char *charset;

    if (!header_has(header, "MIME-Version"))
        header_append(header, "MIME-Version", "1.0");
    if (!header_has(header, "Content-Type")) {
        if (!find_charset(&charset, fd, start, length, err))
            return false;
        char *type = alloc_format("text/plain; charset=%s", charset);
        header_append(header, "Content-Type", type);
        free(type);
    }
    header_remove_all(header, "Content-Transfer-Encoding");
    header_append(header, "Content-Transfer-Encoding", "quoted-printable");
    return true;
}

/* The encoded text, and how far its last line has come. */
struct writer {
    struct buf out;
    size_t column;
    char blank;             /* the last octet, which may end the line; or 0 */
};

static void put(struct writer *writer, const char *text, size_t length)
{
    if (writer->column + length >= ENCODED_LINE_MAX) {
        buf_add_text(&writer->out, "=\r\n");
        writer->column = 0;
    }
    buf_add(&writer->out, text, length);
    writer->column += length;
}

static void put_encoded(struct writer *writer, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char octet = (unsigned char)c;
    const char text[] = { '=', digits[octet >> 4], digits[octet & 15] };

    put(writer, text, sizeof text);
}

static void put_octet(struct writer *writer, char c)
{
    char blank = writer->blank;

    if (c == '\r')          /* of a CRLF */
        return;
    writer->blank = '\0';
    if (blank != '\0' && c == '\n')
        put_encoded(writer, blank);
    else if (blank != '\0')
        put(writer, &blank, 1);
    if (c == '\n') {
        buf_add_text(&writer->out, "\r\n");
        writer->column = 0;
    } else if (c == ' ' || c == '\t') {
        writer->blank = c;
    } else if (c > ' ' && c < 127 && c != '=') {
        put(writer, &c, 1);
    } else {
        put_encoded(writer, c);
    }
}

bool encode_body(struct io_blocks *blocks, encode_sink *sink, void *context,
                 struct error *err)
{
    struct writer writer = { 0 };
    bool taken = true;

    buf_init(&writer.out, SIZE_MAX);
    while (taken && io_blocks_next(blocks)) {
        for (size_t i = 0; i < blocks->length; i++)
            put_octet(&writer, blocks->data[i]);
        taken = sink(context, writer.out.data, writer.out.length, err);
        buf_clear(&writer.out);
    }
    buf_free(&writer.out);
    if (!io_blocks_end(blocks))
        return cannot_read(err);
    return taken;
}
