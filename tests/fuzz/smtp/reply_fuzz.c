/* Replies of a server: one after the other, to the lines that people see. The
 * first line is a secret that they must not show. */
#include <stdio.h>
#include <stdlib.h>

#include "../input.h"
#include "octets.h"
#include "smtp/advice.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/words.h"
#include "util/buf.h"

#define DESCRIBED_MAX 200

/* RFC 5321 section 4.2, by the letter but for the tab. */
static bool is_reply(const char *line, size_t length)
{
    return length >= 3 && line[0] >= '2' && line[0] <= '5' &&
           text_is_digit(line[1]) && text_is_digit(line[2]) &&
           (length == 3 || line[3] == ' ' || line[3] == '-' ||
            line[3] == '\t');
}

/* "5.1.1 " of the code's class, or the same at the end: RFC 3463 section 2. */
static void check_status(const struct reply_line *line, const char *start,
                         const char *end)
{
    size_t length = strlen(line->status);
    unsigned first = 0, second = 0, third = 0;
    int used = 0;

    PROMISE(length < sizeof line->status && length <= (size_t)(end - start));
    if (length == 0) {
        PROMISE(line->text == start);
        return;
    }
    PROMISE(memcmp(line->status, start, length) == 0);
    PROMISE(sscanf(line->status, "%1u.%3u.%3u%n", &first, &second, &third,
                   &used) == 3 && (size_t)used == length);
    PROMISE((int)first == line->code / 100);
    PROMISE(start + length == end ? line->text == end
                                  : strchr(" \t", start[length]) != NULL &&
                                    line->text == start + length + 1);
}

/* A line that ends where its memory does. */
static void check_line(const char *text, size_t length)
{
    char *line = alloc_zero(1, length + (length == 0));
    struct reply_line parsed;
    struct error err = { 0 };

    if (length > 0)
        memcpy(line, text, length);
    bool done = reply_parse_line(&parsed, line, length, &err);
    PROMISE(done == is_reply(line, length));
    if (done) {
        PROMISE(parsed.code == atoi((char[]){ line[0], line[1], line[2], 0 }));
        PROMISE(parsed.last == (length == 3 || line[3] != '-'));
        PROMISE(parsed.text + parsed.length == line + length);
        check_status(&parsed, length > 3 ? line + 4 : line + 3, line + length);
    } else {
        promise_error(&err);
    }
    free(line);
}

static void check_lines(struct input in)
{
    while (in.left > 0) {
        struct input line = input_part(&in, '\n');
        check_line(line.at, line.left);
    }
}

/* "550 5.1.1 no such user", on one line. */
static void check_described(const struct reply *reply)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    reply_describe(reply, DESCRIBED_MAX, &text);
    promise_one_line(text.data);
    PROMISE(text.length <= DESCRIBED_MAX && text.length >= 3);
    buf_free(&text);
}

/* A secret of asterisks could be made of those that hide it. */
static void check_hidden(struct reply *reply, const char *secret)
{
    size_t length = strlen(secret);

    reply_hide(reply, secret, length);
    if (length >= 4 && strchr(secret, '*') == NULL)
        PROMISE(memmem(reply->text.data, reply->text.length, secret,
                       length) == NULL);
}

static void check_outcome(const struct reply *reply)
{
    for (unsigned stage = STAGE_CONNECT; stage <= STAGE_DATA; stage++) {
        struct outcome outcome = { 0 };
        outcome_from_reply(&outcome, (enum outcome_stage)stage, reply);
        PROMISE(outcome.kind != OUTCOME_NONE);
        PROMISE((outcome.kind == OUTCOME_DELIVERED) ==
                (reply_class(reply) == 2));
        PROMISE(outcome.kind != OUTCOME_FAILED || reply_class(reply) == 5);
        PROMISE(*outcome.status != '\0');
        promise_one_line(outcome.text);
        outcome_free(&outcome);
    }
}

/* Of the words that are looked for only letters and blanks are left. */
static void check_words(const struct reply *reply)
{
    struct buf words;

    buf_init(&words, SIZE_MAX);
    words_of(reply, &words);
    PROMISE(!words_hold(words.data, "no such words as these"));
    for (size_t i = 0; i < words.length; i++)
        PROMISE(words.data[i] < 'A' || words.data[i] > 'Z');
    advice_is_for_now(reply);
    buf_free(&words);
}

/* Its text has no room after it: a look past the end is seen. */
static void make_exact(struct reply *reply)
{
    struct buf *text = &reply->text;
    size_t length = text->length;
    char *exact = alloc_bytes(text->data, length);

    if (length == 0) {
        free(exact);
        return;
    }
    buf_free(text);
    *text = (struct buf){ exact, length, length, REPLY_SIZE_MAX };
}

static void check_reply(const struct reply *reply)
{
    int code = reply->code;

    PROMISE(code >= 200 && code <= 599 && reply_class(reply) == code / 100);
    PROMISE(reply->text.length <= REPLY_SIZE_MAX);
    if (*reply->status != '\0')
        PROMISE(reply->status[0] - '0' == reply_class(reply) &&
                reply->status[1] == '.' && strlen(reply->status) <= 9 &&
                reply->status[strspn(reply->status, "0123456789.")] == '\0');
}

/* A reply is the same one however it arrives. */
static void check_replies(struct stream *whole, struct stream *pieces,
                          const char *secret)
{
    struct reply one, other;
    struct error err = { 0 }, same = { 0 };
    int64_t soon = clock_now() + 10000;

    reply_init(&one);
    reply_init(&other);
    while (reply_read(&one, whole, soon, &err)) {
        PROMISE(reply_read(&other, pieces, soon, &same));
        PROMISE(one.code == other.code &&
                strcmp(one.status, other.status) == 0);
        PROMISE(one.text.length == other.text.length &&
                memcmp(one.text.data, other.text.data, one.text.length) == 0);
        make_exact(&one);
        check_reply(&one);
        check_outcome(&one);
        check_words(&one);
        check_described(&one);
        check_hidden(&one, secret);
    }
    promise_error(&err);
    PROMISE(!reply_read(&other, pieces, soon, &same));
    PROMISE(err.fault == same.fault);
    reply_free(&one);
    reply_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    char *secret = input_text(&in, '\n');
    struct stream *whole = stream_of(in.at, in.left, false);

    check_lines(in);
    if (whole != NULL) {
        struct stream *pieces = stream_of(in.at, in.left, true);
        check_replies(whole, pieces, secret);
        stream_free(pieces);
    }
    stream_free(whole);
    free(secret);
    return 0;
}
