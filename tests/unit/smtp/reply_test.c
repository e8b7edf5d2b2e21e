#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream.h"
#include "smtp/reply.h"
#include "util/clock.h"
#include "util/text.h"

static const struct {
    const char *line;
    int code;                   /* 0: no reply */
    bool last;
    const char *status;
    const char *text;
} lines[] = {
    { "250 2.1.5 recipient ok", 250, true, "2.1.5", "recipient ok" },
    { "250-SIZE 10240000", 250, false, "", "SIZE 10240000" },
    { "250", 250, true, "", "" },
    { "250 ", 250, true, "", "" },
    { "250-", 250, false, "", "" },
    { "250 2.0.0", 250, true, "2.0.0", "" },
    { "550 5.123.123 x", 550, true, "5.123.123", "x" },
    { "559 x", 559, true, "", "x" },
    { "200 x", 200, true, "", "x" },
    { "571 5.7.1 x", 571, true, "5.7.1", "x" },
    { "599", 599, true, "", "" },
    { "260 ok", 260, true, "", "ok" },
    { "471-4.7.1 x", 471, false, "4.7.1", "x" },
    { "250\tok", 250, true, "", "ok" },
    { "550\t5.1.1\tx", 550, true, "5.1.1", "x" },
    { "421 4.3.2  two blanks", 421, true, "4.3.2", " two blanks" },
    /* No status codes: the classes must agree, and the form. */
    { "550 2.1.5 mixed up", 550, true, "", "2.1.5 mixed up" },
    { "354 3.0.0 three", 354, true, "3.0.0", "three" },
    { "550 5.1234.1 x", 550, true, "", "5.1234.1 x" },
    { "550 5.1 x", 550, true, "", "5.1 x" },
    { "550 5.1.1x", 550, true, "", "5.1.1x" },
    { "550 5.1.", 550, true, "", "5.1." },
    { "550 5..1 x", 550, true, "", "5..1 x" },
    { "550 5", 550, true, "", "5" },
    { "550 55.1.1 x", 550, true, "", "55.1.1 x" },
    /* No replies. */
    { "", 0, false, "", "" },
    { "25", 0, false, "", "" },
    { "2500 ok", 0, false, "", "" },
    { "250x", 0, false, "", "" },
    { "250.ok", 0, false, "", "" },
    { " 250 ok", 0, false, "", "" },
    { "999 ok", 0, false, "", "" },
    { "100 ok", 0, false, "", "" },
    { "150 ok", 0, false, "", "" },
    { "600 ok", 0, false, "", "" },
    { "2.0 ok", 0, false, "", "" },
    { "25A ok", 0, false, "", "" },
    { "-250 ok", 0, false, "", "" },
    { "OK", 0, false, "", "" },
    { "HTTP/1.1 200 OK", 0, false, "", "" },
};

static void takes_lines_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct reply_line line;
        struct error err = { 0 };
        const char *text = lines[i].line;
        bool parsed = reply_parse_line(&line, text, strlen(text), &err);
        if (parsed != (lines[i].code != 0))
            fail_msg("%s: %s", text, parsed ? "taken" : err.text);
        if (!parsed) {
            assert_int_equal(err.fault, FAULT_PROTOCOL);
            continue;
        }
        assert_int_equal(line.code, lines[i].code);
        assert_int_equal(line.last, lines[i].last);
        assert_string_equal(line.status, lines[i].status);
        assert_int_equal(line.length, strlen(lines[i].text));
        assert_memory_equal(line.text, lines[i].text, line.length);
    }
}

static void refuses_nul_for_a_separator(void **state)
{
    struct reply_line line;
    struct error err;

    (void)state;
    assert_false(reply_parse_line(&line, "250\0ok", 6, &err));
    assert_false(reply_parse_line(&line, "\0\0\0", 3, &err));
    assert_false(reply_parse_line(&line, "25\0", 3, &err));
}

/* What the server says, then closes; the reply that comes of it. */
static bool read_from(const char *octets, size_t length, struct reply *reply,
                      struct error *err)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(write(fds[1], octets, length), length);
    close(fds[1]);
    struct stream *stream = stream_new(fds[0], clock_now() + 5000);
    reply_init(reply);
    bool read = reply_read(reply, stream, clock_now() + 5000, err);
    stream_free(stream);
    return read;
}

static const struct {
    const char *octets;
    enum fault fault;           /* FAULT_NONE: described is the reply */
    const char *described;
} replies[] = {
    { "250 2.0.0 ok\r\n", FAULT_NONE, "250 2.0.0 ok" },
    { "250\r\n", FAULT_NONE, "250" },
    { "550-5.1.1 no\r\n550 5.1.1 user\r\n", FAULT_NONE, "550 5.1.1 no user" },
    { "250-a\n250 b\r\n", FAULT_NONE, "250 a b" },
    { "250-a\r\n250\r\n", FAULT_NONE, "250 a " },
    { "550 \x1b[31m\x01 \xff \xc3\xa4\r\n", FAULT_NONE,
      "550 \\x1b[31m\\x01 \\xff \xc3\xa4" },
    { "250 a\rb\r\n", FAULT_NONE, "250 a\\x0db" },
    { "250 ok\n", FAULT_PROTOCOL, NULL },           /* no CR */
    { "250-a\r\n250 ok\n", FAULT_PROTOCOL, NULL },
    { "250-a\r\n550 b\r\n", FAULT_PROTOCOL, NULL }, /* two codes */
    { "250-a\r\n251 b\r\n", FAULT_PROTOCOL, NULL },
    { "ok\r\n", FAULT_PROTOCOL, NULL },
    { "\r\n", FAULT_PROTOCOL, NULL },
    { "250 ok\r", FAULT_TEMPORARY, NULL },          /* cut */
    { "250 ok", FAULT_TEMPORARY, NULL },
    { "250-ok\r\n", FAULT_TEMPORARY, NULL },
    { "", FAULT_TEMPORARY, NULL },
};

static void reads_whole_replies_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct reply reply;
        struct error err = { 0 };
        struct buf text;
        const char *octets = replies[i].octets;
        bool read = read_from(octets, strlen(octets), &reply, &err);
        if (read != (replies[i].fault == FAULT_NONE))
            fail_msg("%s: %s", octets, read ? "taken" : err.text);
        assert_int_equal(err.fault, replies[i].fault);
        buf_init(&text, SIZE_MAX);
        reply_describe(&reply, 200, &text);
        if (read)
            assert_string_equal(text.data, replies[i].described);
        buf_free(&text);
        reply_free(&reply);
    }
}

/* count lines of width octets of text, the last of them as such. */
static bool read_lines(size_t count, size_t width, struct error *err)
{
    struct buf octets;
    struct reply reply;

    buf_init(&octets, SIZE_MAX);
    for (size_t i = 1; i <= count; i++) {
        buf_add_text(&octets, i == count ? "250 " : "250-");
        for (size_t j = 0; j < width; j++)
            buf_add_char(&octets, 'x');
        buf_add_text(&octets, "\r\n");
    }
    bool read = read_from(octets.data, octets.length, &reply, err);
    reply_free(&reply);
    buf_free(&octets);
    return read;
}

static void has_limits(void **state)
{
    struct error err;

    (void)state;
    assert_true(read_lines(512, 10, &err));
    assert_false(read_lines(513, 10, &err));
    assert_int_equal(err.fault, FAULT_PROTOCOL);
    assert_true(read_lines(16, 4000, &err));
    assert_false(read_lines(17, 4000, &err));
    assert_int_equal(err.fault, FAULT_PROTOCOL);
    assert_true(read_lines(1, 4090, &err));
    assert_false(read_lines(1, 4091, &err));
    assert_int_equal(err.fault, FAULT_PROTOCOL);
}

static void describes_within_bounds(void **state)
{
    struct reply reply = { .code = 550, .status = "5.1.1" };
    struct buf out;

    (void)state;
    buf_init(&reply.text, SIZE_MAX);
    buf_add_text(&reply.text, "\xc3\xa4\xc3\xa4\xc3\xa4");
    for (size_t max = 0; max < 20; max++) {
        buf_init(&out, SIZE_MAX);
        buf_add_text(&out, "> ");
        reply_describe(&reply, max, &out);
        assert_true(out.length <= 2 + max);
        assert_true(text_is_utf8(out.data, out.length));
        assert_int_equal(out.length, strlen(out.data));
        buf_free(&out);
    }
    reply_free(&reply);
}

static const struct {
    const char *text;
    const char *secret;
    const char *hidden;
} secrets[] = {
    { "you said hunter2, hunter2", "hunter2", "you said ***, ***" },
    { "hunter2", "hunter2", "***" },
    { "hunter", "hunter2", "hunter" },
    { "aaaaaaaaa", "aaaa", "******a" },
    { "nobody", "bod", "nobody" },
    { "nobody", "", "nobody" },
};

static void hides_secrets_that_are_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        struct reply reply;
        reply_init(&reply);
        buf_add_text(&reply.text, secrets[i].text);
        reply_hide(&reply, secrets[i].secret, strlen(secrets[i].secret));
        assert_string_equal(reply.text.data, secrets[i].hidden);
        reply_free(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_lines_apart),
        cmocka_unit_test(refuses_nul_for_a_separator),
        cmocka_unit_test(reads_whole_replies_only),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(describes_within_bounds),
        cmocka_unit_test(hides_secrets_that_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
