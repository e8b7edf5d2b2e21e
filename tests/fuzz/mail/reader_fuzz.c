/* A message from a descriptor, to a header section and a body of CRLF lines. */
#include <fcntl.h>
#include <sys/socket.h>

#include "../input.h"
#include "mail/header.h"
#include "mail/reader.h"
#include "util/buf.h"

#define HEADER_MAX 20000        /* octets: few inputs are larger */
#define RECORDS_MAX 8192        /* octets that a socket holds in any case */

struct message {
    bool read;
    struct header header;
    struct buf body;
    bool is_8bit;
};

static bool add_piece(void *context, const char *data, size_t length,
                      struct error *err)
{
    struct buf *body = context;

    (void)err;
    return buf_add(body, data, length);
}

/* Closes fd. */
static void read_message(struct message *message, int fd, bool dots)
{
    struct reader *reader = reader_new(fd, dots, HEADER_MAX);
    struct error err;

    *message = (struct message){ 0 };
    buf_init(&message->body, SIZE_MAX);
    message->read = reader_header(reader, &message->header, &err) &&
                    reader_body(reader, add_piece, &message->body, &err);
    if (message->read)
        message->is_8bit = reader_body_is_8bit(reader);
    else
        promise_error(&err);
    reader_free(reader);
    close(fd);
}

static void message_free(struct message *message)
{
    header_free(&message->header);
    buf_free(&message->body);
}

/* Lines that end with CRLF, and no CR or LF elsewhere. */
static void check_lines(const char *text, size_t length)
{
    PROMISE(length == 0 || text[length - 1] == '\n');
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\r')
            PROMISE(i + 1 < length && text[i + 1] == '\n');
        else if (text[i] == '\n')
            PROMISE(i > 0 && text[i - 1] == '\r');
}

static void check_message(const struct message *message)
{
    check_lines(message->body.data, message->body.length);
    PROMISE(message->is_8bit == !text_is_ascii(message->body.data,
                                               message->body.length));
    for (size_t i = 0; i < message->header.count; i++) {
        const struct field *field = &message->header.fields[i];
        check_lines(field->text, field->length);
        PROMISE(memchr(field->text, '\0', field->length) == NULL);
        PROMISE(header_line_is_field(field->text, field->length));
        PROMISE(field->text[field->name_length] == ':' &&
                field->body_start == field->name_length + 1);
    }
}

static void promise_same(const struct message *one,
                         const struct message *other)
{
    PROMISE(one->read == other->read);
    if (!one->read)
        return;
    PROMISE(one->header.count == other->header.count);
    for (size_t i = 0; i < one->header.count; i++)
        PROMISE(one->header.fields[i].length ==
                    other->header.fields[i].length &&
                memcmp(one->header.fields[i].text,
                       other->header.fields[i].text,
                       one->header.fields[i].length) == 0);
    PROMISE(one->body.length == other->body.length &&
            memcmp(one->body.data, other->body.data, one->body.length) == 0);
}

/* A message that was read is read the same once more. */
static void check_again(const struct message *message)
{
    struct message again;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    header_write(&message->header, &text);
    buf_add_text(&text, "\r\n");
    buf_add(&text, message->body.data, message->body.length);
    read_message(&again, memory_file(text.data, text.length), false);
    promise_same(message, &again);
    message_free(&again);
    buf_free(&text);
}

/* ... and with dots, whatever follows the one that ends it. */
static void check_dots(const struct message *message)
{
    struct message again;
    struct buf whole, text;
    char before = '\n';

    buf_init(&whole, SIZE_MAX);
    buf_init(&text, SIZE_MAX);
    header_write(&message->header, &whole);
    buf_add_text(&whole, "\r\n");
    buf_add(&whole, message->body.data, message->body.length);
    for (size_t i = 0; i < whole.length; i++) {
        if (whole.data[i] == '.' && before == '\n')
            buf_add_char(&text, '.');
        before = whole.data[i];
        buf_add_char(&text, before);
    }
    buf_free(&whole);
    buf_add_text(&text, ".\r\nRCPT TO:<eve@e.example>\r\n");
    read_message(&again, memory_file(text.data, text.length), true);
    promise_same(message, &again);
    message_free(&again);
    buf_free(&text);
}

/* Is one of the lines that LF ends a dot alone, but for CRs after it? */
static bool has_lone_dot(const char *data, size_t length)
{
    struct input in = { data, length };

    while (in.left > 0) {
        struct input line = input_part(&in, '\n');
        while (line.left > 1 && line.at[line.left - 1] == '\r')
            line.left--;
        if (line.left == 1 && *line.at == '.')
            return true;
    }
    return false;
}

/* With dots only a lone one ends the message: what follows another is read. */
static void check_end(const char *data, size_t length)
{
    static const char mark[] = "\n\nthe-mark-after-it\n";
    struct message message;
    struct buf text;

    if (memmem(data, length, mark + 2, strlen(mark) - 3) != NULL)
        return;
    buf_init(&text, SIZE_MAX);
    buf_add(&text, data, length);
    buf_add_text(&text, mark);
    read_message(&message, memory_file(text.data, text.length), true);
    if (message.read)
        PROMISE((memmem(message.body.data, message.body.length, mark + 2,
                        strlen(mark) - 3) != NULL) ==
                !has_lone_dot(data, length));
    message_free(&message);
    buf_free(&text);
}

/* However the input arrives: a few octets at a time. */
static void check_pieces(const struct message *message, const char *data,
                         size_t length, bool dots)
{
    struct message again;
    int fds[2];

    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    for (size_t at = 0; at < length; ) {
        size_t step = length / 48 + 1;
        step = step < length - at ? step : length - at;
        PROMISE(send(fds[1], data + at, step, MSG_NOSIGNAL | MSG_DONTWAIT) ==
                (ssize_t)step);
        at += step;
    }
    close(fds[1]);
    read_message(&again, fds[0], dots);
    promise_same(message, &again);
    message_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    bool dots = input_octet(&in) % 2 == 1;
    struct message message;

    read_message(&message, memory_file(in.at, in.left), dots);
    if (message.read) {
        check_message(&message);
        check_again(&message);
        check_dots(&message);
    }
    check_end(in.at, in.left);
    if (in.left <= RECORDS_MAX)
        check_pieces(&message, in.at, in.left, dots);
    message_free(&message);
    return 0;
}
