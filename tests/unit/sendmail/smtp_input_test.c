#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sendmail/smtp_input.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/scratch.h"
#include "util/text.h"

/* A client at the other end of a pipe. */
struct fixture {
    struct smtp_input in;
    int client;
    struct buf line;
};

static int setup(void **state)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    int ends[2];

    if (pipe(ends) == -1)
        return -1;
    smtp_input_init(&f->in, ends[0], 20);
    f->client = ends[1];
    buf_init(&f->line, SMTP_INPUT_LINE_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close(f->in.fd);
    io_close(&f->client);
    smtp_input_free(&f->in);
    buf_free(&f->line);
    free(f);
    return 0;
}

static void say(struct fixture *f, const char *text)
{
    assert_true(io_write_all(f->client, text, strlen(text)));
}

static void assert_line(struct fixture *f, const char *expected)
{
    assert_int_equal(smtp_input_line(&f->in, &f->line), SMTP_LINE);
    assert_string_equal(f->line.data, expected);
}

static void line_feeds_end_lines_until_crlf_is_shown(void **state)
{
    struct fixture *f = *state;

    say(f, "one\n\ntwo\r\nthree\nfour\r\n");
    assert_line(f, "one");
    assert_line(f, "");
    assert_line(f, "two");
    assert_line(f, "three\nfour");
    assert_false(smtp_input_has_line(&f->in));
}

static void silence_is_not_the_end(void **state)
{
    struct fixture *f = *state;

    say(f, "half");
    assert_int_equal(smtp_input_line(&f->in, &f->line), SMTP_INPUT_END);
    assert_true(f->in.silent);
    io_close(&f->client);
    assert_int_equal(smtp_input_line(&f->in, &f->line), SMTP_INPUT_END);
    assert_false(f->in.silent);
}

/* Wherever a read ends: before, in or after the CRLF. */
static void long_line_takes_no_other_with_it(void **state)
{
    static const size_t lengths[] = { 8191, 8192, 32766, 32767, 32768, 60000 };
    struct fixture *f = *state;

    say(f, "EHLO x\r\n");
    assert_line(f, "EHLO x");
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char *octets = alloc_zero(lengths[i] + 1, 1);
        memset(octets, 'x', lengths[i]);
        say(f, octets);
        free(octets);
        say(f, "\r\nNOOP\r\n");
        assert_int_equal(smtp_input_line(&f->in, &f->line),
                         lengths[i] < SMTP_INPUT_LINE_MAX
                         ? SMTP_LINE : SMTP_LINE_TOO_LONG);
        assert_line(f, "NOOP");
    }
}

/* What is left of a message that is over its limit is read all the same. */
static void message_over_the_limit_is_read(void **state)
{
    struct fixture *f = *state;
    struct scratch out = SCRATCH_NONE;
    struct error err = { 0 };
    struct smtp_input_size size = { .limit = 6 };

    assert_true(scratch_open(&out, &err));
    say(f, "EHLO x\r\n" "..a\r\nbcdef\r\n.\r\nNOOP\r\n");
    assert_line(f, "EHLO x");
    assert_true(smtp_input_data(&f->in, &out, &size, &err));
    assert_int_equal(size.came, 11);
    assert_int_equal(out.length, 4);
    assert_line(f, "NOOP");
    scratch_close(&out);
}

/* The size is that of the wire, where each line ends with CRLF. */
static void bare_line_ends_count_for_two(void **state)
{
    struct fixture *f = *state;
    struct scratch out = SCRATCH_NONE;
    struct error err = { 0 };
    struct smtp_input_size size = { .limit = 100 };

    assert_true(scratch_open(&out, &err));
    say(f, "a\n\nb\r\n.\n");
    assert_true(smtp_input_data(&f->in, &out, &size, &err));
    assert_int_equal(size.came, 8);
    assert_int_equal(out.length, 6);
    scratch_close(&out);
}

/* What is read may end between CR and LF, also where it fills the buffer. */
static void message_ends_after_a_long_line(void **state)
{
    struct fixture *f = *state;
    struct smtp_input_size size = { .limit = 60000 };
    struct scratch message = SCRATCH_NONE;
    struct error err = { 0 };

    assert_true(scratch_open(&message, &err));
    say(f, "NOOP\r\n");
    assert_line(f, "NOOP");
    for (size_t length = 32765; length <= 32769; length++) {
        char *text = alloc_zero(1, length + 6);
        memset(text, 'x', length);
        memcpy(text + length, "\r\n.\r\n", 5);
        size.came = 0;
        assert_true(io_write_all(f->client, text, length + 5));
        if (!smtp_input_data(&f->in, &message, &size, &err))
            fail_msg("%zu octets", length);
        assert_int_equal(size.came, length + 2);
        free(text);
    }
    scratch_close(&message);
}

static void chunk_ends_where_it_says(void **state)
{
    struct fixture *f = *state;
    struct scratch out = SCRATCH_NONE;
    struct error err = { 0 };
    struct smtp_input_size size = { .limit = 100, .came = 3 };

    assert_true(scratch_open(&out, &err));
    say(f, "abcdeNOOP\r\nxy");
    assert_true(smtp_input_chunk(&f->in, &out, 5, &size, &err));
    assert_int_equal(size.came, 8);
    assert_true(smtp_input_chunk(&f->in, &out, 0, &size, &err));
    assert_line(f, "NOOP");
    io_close(&f->client);
    assert_false(smtp_input_chunk(&f->in, &out, 3, &size, &err));
    assert_int_equal(err.fault, FAULT_NONE);
    scratch_close(&out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(line_feeds_end_lines_until_crlf_is_shown),
        TEST(silence_is_not_the_end),
        TEST(long_line_takes_no_other_with_it),
        TEST(message_over_the_limit_is_read),
        TEST(bare_line_ends_count_for_two),
        TEST(message_ends_after_a_long_line),
        TEST(chunk_ends_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
