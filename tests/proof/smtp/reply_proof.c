/*
 * reply_proof.c - what a server answers
 *
 * about: smtp/reply.c
 * shows: a line up to 4096 octets, and 512 of them; a line of 0 to 24; a reply
 *      of one line of 0 to 7; reply_hide() 9, a secret of 0 to 5
 * of: smtp/reply.c util/text.c
 * with in exact: model/buf.c model/alloc.c model/format.c model/error.c
 *      model/search.c
 * with in limit: model/buf.c model/alloc.c model/format.c model/error.c
 *      model/search.c
 * longest: 24
 * exact: -eva-slevel 30 -eva-min-loop-unroll 40 -eva-split-return-function
 *      status_length:full
 * limit: -eva-slevel 300 -eva-use-spec text_escape -eva-split-return-function
 *      stream_read_line:0,status_length:full
 */
#include "escape.h"
#include "proof.h"

#include "net/stream.h"
#include "smtp/reply.h"

static const char *line;
static size_t line_length;

bool stream_read_line(struct stream *stream, const char **text,
                      size_t *length, int64_t deadline, struct error *err)
{
    if (proof_any())
        return error_set(err, FAULT_TEMPORARY, "lost");
    *text = line;
    *length = line_length;
    return true;
}

bool stream_line_had_crlf(const struct stream *stream)
{
    return proof_any();
}

static struct reply_line parse_line(void)
{
    struct reply_line parsed;
    struct error err;

    if (!reply_parse_line(&parsed, line, line_length, &err))
        parsed.length = 0;
    (void)reply_class(&(struct reply){ .code = parsed.code });
    return parsed;
}

/* Of a line that begins so, text and length are known exactly. */
static void parse_text(const char *start, size_t length)
{
    size_t known = strlen(start);
    char *whole = proof_octets(known + length);

    memcpy(whole, start, known);
    line = whole;
    line_length = known + length;
    struct reply_line parsed = parse_line();
    if (parsed.length > 0) {
        /*@ assert text: \valid_read(parsed.text + (0 .. parsed.length - 1)); */
    }
}

/* A reply that is this line alone. */
static void read_one(void)
{
    struct reply reply;
    struct error err;

    reply_init(&reply);
    (void)reply_read(&reply, NULL, 0, &err);
    reply_free(&reply);
}

/* A reply of one line, of each length. */
static void hide_each(const char *secret, size_t length)
{
    struct reply reply = { 0 };

    for (size_t size = 0; size <= 9; size++) {
        reply.text = (struct buf){ .data = proof_text(size), .length = size,
                                   .limit = size };
        reply_hide(&reply, secret, length);
    }
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++) {
        line = proof_octets(length);
        line_length = length;
        (void)parse_line();
        parse_text("250 x", length);
        parse_text("250 2.1.5 ", length);
        if (length < 4)
            read_one();
        parse_text("550-5.7.123\t", length);
    }
    parse_text("250", 0);
    parse_text("250 2.1.5", 0);
    for (size_t length = 0; length <= 5; length++)
        hide_each(proof_octets(length), length);
}

void limit(void)
{
    struct reply reply;
    struct error err;
    struct buf out;

    line = proof_octets(STREAM_LINE_MAX);
    line_length = STREAM_LINE_MAX;
    (void)parse_line();
    line_length = proof_length(STREAM_LINE_MAX);
    (void)parse_line();
    line_length = STREAM_LINE_MAX;
    reply_init(&reply);
    if (reply_read(&reply, NULL, 0, &err)) {
        buf_init(&out, SIZE_MAX);
        reply_describe(&reply, REPLY_SHOWN_MAX, &out);
        buf_free(&out);
    }
    reply_free(&reply);
}
