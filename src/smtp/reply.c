#include "smtp/reply.h"

#include <string.h>

#include "net/stream.h"
#include "util/text.h"

#define SECRET_MIN 4

void reply_init(struct reply *reply)
{
    *reply = (struct reply){ 0 };
    buf_init(&reply->text, REPLY_SIZE_MAX);
}

void reply_free(struct reply *reply)
{
    buf_free(&reply->text);
}

int reply_class(const struct reply *reply)
{
    return reply->code / 100;
}

/* RFC 5321 section 4.2, but for the second digit, which servers choose as they
 * like: 571, 580. */
static int parse_code(const char *line, size_t length)
{
    if (length < 3 || line[0] < '2' || line[0] > '5' ||
        !text_is_digit(line[1]) || !text_is_digit(line[2]))
        return 0;
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* Octets of "5.1.1" at text (RFC 3463: one digit, then up to three twice), if
 * it is of this class and a blank, a tab or the end follows; else 0. */
static size_t status_length(const char *text, size_t length, int class)
{
    size_t at = 1;

    if (length < 5 || text[0] != '0' + class)
        return 0;
    for (int part = 0; part < 2; part++) {
        size_t digits = 0;
        if (at >= length || text[at++] != '.')
            return 0;
        while (at < length && digits < 4 && text_is_digit(text[at])) {
            at++;
            digits++;
        }
        if (digits == 0 || digits > 3)
            return 0;
    }
    return at == length || text[at] == ' ' || text[at] == '\t' ? at : 0;
}

static bool is_separator(char c)
{
    return c == ' ' || c == '-' || c == '\t';
}

bool reply_parse_line(struct reply_line *out, const char *line, size_t length,
                      struct error *err)
{
    *out = (struct reply_line){ .code = parse_code(line, length) };
    if (out->code == 0 ||
        (length > 3 && !is_separator(line[3])))
        return error_set(err, FAULT_PROTOCOL, "not an SMTP reply: \"%.*s\"",
                         (int)(length < 80 ? length : 80), line);
    out->last = length == 3 || line[3] != '-';
    out->text = length > 3 ? line + 4 : line + 3;
    out->length = length > 3 ? length - 4 : 0;

    size_t status = status_length(out->text, out->length, out->code / 100);
    if (status > 0) {
        memcpy(out->status, out->text, status);
        if (status < out->length)
            status++;
        out->text += status;
        out->length -= status;
    }
    return true;
}

static bool add_line(struct reply *reply, const struct reply_line *line,
                     size_t number, struct error *err)
{
    if (number == 0) {
        reply->code = line->code;
        memcpy(reply->status, line->status, sizeof reply->status);
    } else if (line->code != reply->code) {
        return error_set(err, FAULT_PROTOCOL, "a reply with two codes, %d and "
                         "%d", reply->code, line->code);
    }
    bool fits = (number == 0 || buf_add_char(&reply->text, '\n')) &&
                buf_add(&reply->text, line->text, line->length);
    return fits || error_set(err, FAULT_PROTOCOL, "a reply of more than %d "
                             "octets", REPLY_SIZE_MAX);
}

bool reply_read(struct reply *reply, struct stream *stream, int64_t deadline,
                struct error *err)
{
    struct reply_line parsed = { 0 };
    const char *line;
    size_t length;

    reply->code = 0;
    reply->status[0] = '\0';
    buf_clear(&reply->text);
    for (size_t number = 0; !parsed.last; number++) {
        if (number == REPLY_LINES_MAX)
            return error_set(err, FAULT_PROTOCOL, "a reply of more than %d "
                             "lines", REPLY_LINES_MAX);
        if (!stream_read_line(stream, &line, &length, deadline, err) ||
            !reply_parse_line(&parsed, line, length, err) ||
            !add_line(reply, &parsed, number, err))
            return false;
    }
    /* Without its CR the reply may be another's, or cut and mended. */
    return stream_line_had_crlf(stream) ||
           error_set(err, FAULT_PROTOCOL, "a reply that does not end with "
                     "CRLF");
}

void reply_hide(struct reply *reply, const char *secret, size_t length)
{
    struct buf *text = &reply->text;
    size_t at = 0;
    const char *found;

    if (length < SECRET_MIN)
        return;
    while ((found = memmem(text->data + at, text->length - at, secret,
                           length)) != NULL) {
        at = (size_t)(found - text->data);
        buf_replace(text, at, length, "***", 3);
        at += 3;
    }
}

void reply_describe(const struct reply *reply, size_t max, struct buf *out)
{
    size_t start = out->length;
    struct buf line;

    buf_init(&line, SIZE_MAX);
    buf_add_format(&line, "%03d", reply->code);
    if (reply->status[0] != '\0')
        buf_add_format(&line, " %s", reply->status);
    if (reply->text.length > 0)
        buf_add_char(&line, ' ');
    for (size_t i = 0; i < reply->text.length && line.length <= max; i++) {
        char c = reply->text.data[i];
        buf_add_char(&line, c == '\n' ? ' ' : c);
    }
    text_escape(out, line.data, line.length);
    buf_free(&line);
    if (out->length - start > max) {
        out->length = start + max;
        /* Not in the middle of a character. */
        while (out->length > start &&
               ((unsigned char)out->data[out->length] & 0xc0) == 0x80)
            out->length--;
        out->data[out->length] = '\0';
    }
}
