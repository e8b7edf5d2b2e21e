/* Replies of a server: one after the other, to the lines that people see. The
 * first line is a secret that they must not show. */
#include "../input.h"
#include "octets.h"
#include "smtp/advice.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/words.h"
#include "util/buf.h"

#define DESCRIBED_MAX 200

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

    if (whole != NULL) {
        struct stream *pieces = stream_of(in.at, in.left, true);
        check_replies(whole, pieces, secret);
        stream_free(pieces);
    }
    stream_free(whole);
    free(secret);
    return 0;
}
