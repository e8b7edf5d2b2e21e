#include "mail/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/header.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/lines.h"

#define BLOCK_SIZE ((size_t)64 * 1024)

/* So much of a line must be at hand to know what it is. */
#define AHEAD (HEADER_NAME_MAX + 3)

/* The text ahead, and a block of nothing but LF, and a last line end. */
#define TEXT_SIZE (AHEAD + 2 * BLOCK_SIZE + 2)

/* So much of it stays free: a line end, or a dot and what follows it. */
#define TEXT_SPARE 2

enum place { AT_LINE_START, AFTER_LEADING_DOT, INSIDE_LINE };

struct reader {
    int fd;
    bool dots;
    size_t header_max;
    size_t octets;          /* of the header section so far, with CRLF */
    bool is_8bit;
    reader_sink *sink;      /* for the body */
    void *context;          /* of the sink */

    /* The state of the input. A dot and CRs that what follows decides about
     * are not in the text yet. */
    enum place place;
    uint64_t crs;           /* in a row */
    bool ended;             /* all of the message has been read */
    bool ended_by_dot;

    /* Lines with CRLF, not handed out yet: text[start..end). No CRLF is
     * split over its end, so a CR without LF is a bare one. */
    size_t start;
    size_t end;
    bool has_bare_cr;       /* or had one */
    bool is_mended;         /* the field that is read now */
    char text[TEXT_SIZE];

    /* Read, and not made lines of yet: block[at..length). */
    size_t at;
    size_t length;
    char block[BLOCK_SIZE];
};

struct reader *reader_new(int fd, bool dots, size_t header_max)
{
    struct reader *reader = alloc_zero(1, sizeof(*reader));

    reader->fd = fd;
    reader->dots = dots;
    reader->header_max = header_max;
    return reader;
}

void reader_free(struct reader *reader)
{
    free(reader);
}

static void put(struct reader *reader, const char *data, size_t length)
{
    memcpy(reader->text + reader->end, data, length);
    reader->end += length;
}

static const char *find(const char *from, const char *end, char c)
{
    const char *found = memchr(from, c, (size_t)(end - from));
    return found != NULL ? found : end;
}

static size_t room(const struct reader *reader)
{
    size_t left = TEXT_SIZE - reader->end;
    return left > TEXT_SPARE ? left - TEXT_SPARE : 0;
}

/* An LF, or the end of the input in a line: CRs before it belong to it. */
static void end_line(struct reader *reader)
{
    reader->crs = 0;
    if (reader->place == AFTER_LEADING_DOT)
        reader->ended = reader->ended_by_dot = true;
    else
        put(reader, "\r\n", 2);
    reader->place = AT_LINE_START;
}

/* The next octet shows that a leading dot was neither alone nor doubled. */
static void keep_leading_dot(struct reader *reader)
{
    if (reader->place == AFTER_LEADING_DOT)
        put(reader, ".", 1);
    reader->place = INSIDE_LINE;
}

/* The next octet shows that CRs were bare. There may be more than fit. */
static void put_bare_crs(struct reader *reader)
{
    keep_leading_dot(reader);
    reader->has_bare_cr = true;
    for (size_t free = room(reader); free > 0 && reader->crs > 0; free--) {
        put(reader, "\r", 1);
        reader->crs--;
    }
}

/* Octets of a line, none of them CR or LF: returns how many were taken. */
static size_t put_octets(struct reader *reader, const char *from,
                         size_t length)
{
    if (reader->dots && reader->place == AT_LINE_START && *from == '.') {
        reader->place = AFTER_LEADING_DOT;
        return 1;
    }
    if (*from == '.')           /* the second of two counts for both */
        reader->place = INSIDE_LINE;
    keep_leading_dot(reader);
    if (length > room(reader))
        length = room(reader);
    put(reader, from, length);
    return length;
}

/* Turn what is left of the block into lines with CRLF, as far as there is
 * room for them. */
static void convert(struct reader *reader)
{
    const char *from = reader->block + reader->at;
    const char *end = reader->block + reader->length;
    /* Each is searched for again only when it has been passed: either kind
     * may be missing in the block, or be all of it. */
    const char *cr = find(from, end, '\r');
    const char *lf = find(from, end, '\n');

    while (from < end && !reader->ended && room(reader) > 0) {
        if (from == lf) {
            end_line(reader);
            lf = find(++from, end, '\n');
        } else if (from == cr) {
            reader->crs++;
            cr = find(++from, end, '\r');
        } else if (reader->crs > 0) {
            put_bare_crs(reader);
        } else {
            from += put_octets(reader, from,
                               (size_t)((cr < lf ? cr : lf) - from));
        }
    }
    reader->at = (size_t)(from - reader->block);
}

/* Like read(2), also from a descriptor that others made non-blocking. */
static ssize_t read_block(int fd, char *block)
{
    for (;;) {
        ssize_t length = read(fd, block, BLOCK_SIZE);
        if (length >= 0)
            return length;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
        else if (errno != EINTR)
            return -1;
    }
}

static bool fill_block(struct reader *reader, struct error *err)
{
    ssize_t length = read_block(reader->fd, reader->block);

    if (length == -1 && (errno == EBADF || errno == EISDIR))
        return error_sys(err, FAULT_INPUT, "read message");
    if (length == -1)
        return error_sys(err, FAULT_TEMPORARY, "read message");

    reader->at = 0;
    reader->length = (size_t)length;
    return true;
}

/* Read more of the message, after what is there: at most AHEAD octets. */
static bool read_more(struct reader *reader, struct error *err)
{
    memmove(reader->text, reader->text + reader->start,
            reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;

    if (reader->at == reader->length && !fill_block(reader, err))
        return false;
    if (reader->length > 0) {
        convert(reader);
    } else {
        if (reader->place != AT_LINE_START || reader->crs > 0)
            end_line(reader);
        reader->ended = true;
    }
    return true;
}

/* See enough of the next line to know what it is: all, or AHEAD octets. */
static bool look_ahead(struct reader *reader, struct error *err)
{
    while (!reader->ended && reader->end - reader->start < AHEAD
           && memchr(reader->text + reader->start, '\n',
                     reader->end - reader->start) == NULL)
        if (!read_more(reader, err))
            return false;
    return true;
}

enum line { LINE_NONE, LINE_EMPTY, LINE_FIELD, LINE_CONTINUES, LINE_MBOX,
            LINE_OTHER };

static enum line classify(const struct reader *reader)
{
    const char *line = reader->text + reader->start;
    size_t length = reader->end - reader->start;

    if (length == 0)
        return LINE_NONE;
    if (length >= 2 && memcmp(line, "\r\n", 2) == 0)
        return LINE_EMPTY;
    if (header_is_blank(*line))
        return LINE_CONTINUES;
    if (header_line_is_field(line, length))
        return LINE_FIELD;
    if ((length >= 5 && memcmp(line, "From ", 5) == 0)
        || (length >= 6 && memcmp(line, ">From ", 6) == 0))
        return LINE_MBOX;
    return LINE_OTHER;
}

/* Take what is there of the line: false at its end. */
static bool take_piece(struct reader *reader, const char **piece,
                       size_t *length)
{
    const char *from = reader->text + reader->start;
    const char *end = reader->text + reader->end;
    const char *lf = find(from, end, '\n');

    *piece = from;
    *length = (size_t)(lf - from) + (lf < end);
    reader->start += *length;
    return lf == end && !reader->ended;
}

static bool skip_line(struct reader *reader, struct error *err)
{
    const char *piece;
    size_t length;

    while (take_piece(reader, &piece, &length))
        if (!read_more(reader, err))
            return false;
    return true;
}

/* Append a piece of a field's line. Where one program sees a line end or the
 * end of the field, and another does not, there is a blank for both. */
static void add_piece(struct reader *reader, struct buf *field,
                      const char *piece, size_t length)
{
    size_t start = field->length;
    size_t end = length > 0 && piece[length - 1] == '\n' ? 2 : 0;

    buf_add(field, piece, length);
    for (size_t i = start; i < field->length - end; i++) {
        if (field->data[i] != '\r' && field->data[i] != '\0')
            continue;
        field->data[i] = ' ';
        reader->is_mended = true;
    }
}

/* Append a line of the header section to the field it belongs to. */
static bool read_line(struct reader *reader, struct buf *field,
                      struct error *err)
{
    const char *piece;
    size_t length;
    bool more = true;

    while (more) {
        more = take_piece(reader, &piece, &length);
        if (length > reader->header_max - reader->octets)
            return error_set(err, FAULT_DATA,
                             "header section is larger than %zu octets",
                             reader->header_max);
        reader->octets += length;
        add_piece(reader, field, piece, length);
        if (more && !read_more(reader, err))
            return false;
    }
    return true;
}

static void finish_field(struct reader *reader, struct header *header,
                         struct buf *field)
{
    if (field->length > 0) {
        header_append_raw(header, field->data, field->length);
        header->fields[header->count - 1].is_mended = reader->is_mended;
    }
    buf_clear(field);
    reader->is_mended = false;
}

static bool read_fields(struct reader *reader, struct header *header,
                        struct buf *field, struct error *err)
{
    for (;;) {
        if (!look_ahead(reader, err))
            return false;
        enum line line = classify(reader);
        if (line == LINE_EMPTY) {
            reader->start += 2;
            return true;
        }
        /* White space continues a field; without one it is not a header. */
        if (line != LINE_FIELD
            && (line != LINE_CONTINUES || field->length == 0))
            return true;
        if (line == LINE_FIELD)
            finish_field(reader, header, field);
        if (!read_line(reader, field, err))
            return false;
    }
}

/* Editors begin a file with it to show that it is UTF-8. */
static void skip_byte_order_mark(struct reader *reader)
{
    reader->start += lines_mark_length(reader->text + reader->start,
                                       reader->end - reader->start);
}

bool reader_header(struct reader *reader, struct header *header,
                   struct error *err)
{
    struct buf field;

    if (!look_ahead(reader, err))
        return false;
    skip_byte_order_mark(reader);
    if (!look_ahead(reader, err))
        return false;
    if (classify(reader) == LINE_MBOX && !skip_line(reader, err))
        return false;

    buf_init(&field, SIZE_MAX);
    bool ok = read_fields(reader, header, &field, err);
    if (ok)
        finish_field(reader, header, &field);
    buf_free(&field);
    return ok;
}

static bool has_8bit(const char *data, size_t length)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    uint64_t bits = 0;
    uint64_t word;

    for (; length >= sizeof(word); length -= sizeof(word)) {
        memcpy(&word, data, sizeof(word));
        bits |= word;
        data += sizeof(word);
    }
    word = 0;
    memcpy(&word, data, length);
    return ((bits | word) & high_bits) != 0;
}

/* Give the sink a piece of the body. */
static bool give(struct reader *reader, const char *data, size_t length,
                 struct error *err)
{
    if (!reader->is_8bit)
        reader->is_8bit = has_8bit(data, length);
    return reader->sink(reader->context, data, length, err);
}

/* The place after the next bare CR, or the end. */
static const char *pass_bare_cr(const char *from, const char *end)
{
    while ((from = find(from, end, '\r')) < end)
        if (++from == end || *from != '\n')
            break;
    return from;
}

/* Hand out all of the text. A bare CR ends a line here, and gets its LF. */
static bool hand_out(struct reader *reader, struct error *err)
{
    const char *from = reader->text + reader->start;
    const char *end = reader->text + reader->end;

    reader->start = reader->end = 0;
    while (from < end) {
        const char *stop = reader->has_bare_cr ? pass_bare_cr(from, end) : end;
        if (!give(reader, from, (size_t)(stop - from), err))
            return false;
        if (stop[-1] == '\r' && !give(reader, "\n", 1, err))
            return false;
        from = stop;
    }
    return true;
}

bool reader_body(struct reader *reader, reader_sink *sink, void *context,
                 struct error *err)
{
    reader->sink = sink;
    reader->context = context;
    for (;;) {
        if (!hand_out(reader, err))
            return false;
        if (reader->ended)
            break;
        if (!read_more(reader, err))
            return false;
    }
    if (reader->ended_by_dot)
        reader_drain(reader->fd, -1);
    return true;
}

bool reader_body_is_8bit(const struct reader *reader)
{
    return reader->is_8bit;
}

void reader_drain(int fd, int patience)
{
    char waste[16 * 1024];

    if (isatty(fd))
        return;
    for (;;) {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        int ready = poll(&wait, 1, patience);
        if (ready == 0)
            return;
        ssize_t length = ready > 0 ? read(fd, waste, sizeof(waste)) : -1;
        if (length == 0
            || (length == -1 && errno != EINTR && errno != EAGAIN))
            return;
    }
}
