#include "sendmail/smtp_input.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>

#include "util/io.h"
#include "util/scratch.h"

#define READ_SIZE 32768

void smtp_input_init(struct smtp_input *in, int fd, int patience)
{
    *in = (struct smtp_input){ .fd = fd, .patience = patience };
    buf_init(&in->data, SIZE_MAX);
}

void smtp_input_free(struct smtp_input *in)
{
    buf_free(&in->data);
}

/* More octets; false at the end of them. */
static bool read_more(struct smtp_input *in)
{
    struct pollfd waiting = { .fd = in->fd, .events = POLLIN };
    int ready;

    buf_remove(&in->data, 0, in->at);
    in->at = 0;
    do
        ready = poll(&waiting, 1, in->patience);
    while (ready == -1 && errno == EINTR);
    in->silent = ready == 0;
    if (ready <= 0)
        return false;
    ssize_t length = io_read(in->fd, buf_reserve(&in->data, READ_SIZE),
                             READ_SIZE);
    if (length <= 0)
        return false;
    in->data.length += (size_t)length;
    return true;
}

/* Octets of the line that starts at, with its end; 0: it is not complete. */
static size_t line_length(const struct smtp_input *in, size_t from)
{
    const char *start = in->data.data + in->at;
    size_t rest = in->data.length - in->at;

    while (from < rest) {
        const char *lf = memchr(start + from, '\n', rest - from);
        if (lf == NULL)
            return 0;
        size_t length = (size_t)(lf + 1 - start);
        if (!in->has_crlf || (length >= 2 && lf[-1] == '\r'))
            return length;
        from = length;          /* a bare LF ends nothing any more */
    }
    return 0;
}

bool smtp_input_has_line(const struct smtp_input *in)
{
    return line_length(in, 0) > 0;
}

enum smtp_input_result smtp_input_line(struct smtp_input *in,
                                       struct buf *line)
{
    bool too_long = false;
    size_t length;

    while ((length = line_length(in, 0)) == 0) {
        if (in->data.length - in->at > SMTP_INPUT_LINE_MAX) {
            too_long = true;
            in->at = in->data.length - 1;       /* may be the CR of a CRLF */
        }
        if (!read_more(in))
            return SMTP_INPUT_END;
    }
    const char *start = in->data.data + in->at;
    in->at += length;
    if (length >= 2 && start[length - 2] == '\r') {
        in->has_crlf = true;
        length--;
    }
    if (too_long || length > SMTP_INPUT_LINE_MAX)
        return SMTP_LINE_TOO_LONG;
    buf_clear(line);
    buf_add(line, start, length - 1);
    return SMTP_LINE;
}

/* Where a message goes: a failure is kept, and the rest thrown away. */
struct sink {
    struct scratch *out;
    struct smtp_input_size *size;
    struct error *err;
};

static void keep_octets(struct sink *sink, const char *data, size_t length)
{
    sink->size->came += length;
    if (sink->size->came > sink->size->limit ||
        sink->err->fault != FAULT_NONE)
        return;
    if (!scratch_write(sink->out, data, length))
        error_sys(sink->err, FAULT_TEMPORARY, "hold the message");
}

static bool is_end(const char *line, size_t length)
{
    return (length == 3 && memcmp(line, ".\r\n", 3) == 0) ||
           (length == 2 && memcmp(line, ".\n", 2) == 0);
}

/* A piece of a line too long to wait for its end; a CR stays for its LF. */
static void keep_piece(struct smtp_input *in, struct sink *sink,
                       bool *in_line)
{
    const char *start = in->data.data + in->at;
    size_t length = in->data.length - in->at;

    if (length > 0 && start[length - 1] == '\r')
        length--;
    if (length < READ_SIZE)
        return;
    size_t dot = !*in_line && *start == '.';
    keep_octets(sink, start + dot, length - dot);
    in->at += length;
    *in_line = true;
}

bool smtp_input_data(struct smtp_input *in, struct scratch *out,
                     struct smtp_input_size *size, struct error *err)
{
    struct sink sink = { out, size, err };
    bool in_line = false;       /* its beginning has been kept already */

    for (;;) {
        size_t length = line_length(in, 0);
        if (length == 0) {
            keep_piece(in, &sink, &in_line);
            if (!read_more(in))
                return false;
            continue;
        }
        const char *line = in->data.data + in->at;
        in->at += length;
        if (!in_line && is_end(line, length))
            return err->fault == FAULT_NONE;
        size_t dot = !in_line && *line == '.';
        keep_octets(&sink, line + dot, length - dot);
        size->came += length == 1 || line[length - 2] != '\r'; /* CR to come */
        in_line = false;
    }
}

bool smtp_input_chunk(struct smtp_input *in, struct scratch *out,
                      uint64_t length, struct smtp_input_size *size,
                      struct error *err)
{
    struct sink sink = { out, size, err };

    while (length > 0) {
        size_t rest = in->data.length - in->at;
        if (rest == 0) {
            if (!read_more(in))
                return false;
            continue;
        }
        size_t step = rest < length ? rest : (size_t)length;
        keep_octets(&sink, in->data.data + in->at, step);
        in->at += step;
        length -= step;
    }
    return err->fault == FAULT_NONE;
}
