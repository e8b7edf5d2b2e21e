#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/dot_stuffing.h"
#include "util/buf.h"
#include "util/text.h"

/* RFC 5321 section 4.5.2, an octet at a time. */
static void stuff_naively(struct buf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool starts = i == 0 || (i >= 2 && text[i - 2] == '\r' &&
                                 text[i - 1] == '\n');
        if (starts && text[i] == '.')
            buf_add_char(out, '.');
        buf_add_char(out, text[i]);
    }
}

/* The same in pieces of step octets; the state at the end is in state. */
static void stuff(struct buf *out, const char *text, size_t length,
                  size_t step, struct dot_stuffing *state)
{
    for (size_t at = 0; at < length; at += step) {
        const char *piece = text + at;
        size_t size = length - at < step ? length - at : step;
        for (size_t done = 0; done < size;) {
            size_t run = dot_stuffing_run(state, piece + done, size - done);
            assert_true(run <= size - done);
            buf_add(out, piece + done, run);
            done += run;
            if (done < size)
                buf_add_char(out, '.');
        }
    }
}

static void assert_stuffed(const char *text, size_t length, size_t step)
{
    struct buf expected, got;
    struct dot_stuffing state = { 0 };

    buf_init(&expected, SIZE_MAX);
    buf_init(&got, SIZE_MAX);
    stuff_naively(&expected, text, length);
    stuff(&got, text, length, step, &state);
    if (got.length != expected.length ||
        memcmp(got.data, expected.data, got.length) != 0)
        fail_msg("step %zu of \"%.*s\": \"%s\", not \"%s\"", step,
                 (int)length, text, got.data, expected.data);
    bool whole = length == 0 || (length >= 2 && text[length - 2] == '\r' &&
                                 text[length - 1] == '\n');
    assert_int_equal(state.in_line, !whole);
    buf_free(&expected);
    buf_free(&got);
}

/* All texts of up to eight of these octets, in pieces of every size: what can
 * happen at the edge of a block happens. */
static void doubles_leading_dots(void **state)
{
    static const char octets[] = { '.', '\r', '\n', 'x' };
    char text[8];

    (void)state;
    for (size_t length = 0; length <= sizeof text; length++)
        for (size_t number = 0; number < (size_t)1 << (2 * length); number++) {
            for (size_t i = 0; i < length; i++)
                text[i] = octets[number >> (2 * i) & 3];
            for (size_t step = 1; step <= (length > 0 ? length : 1); step++)
                assert_stuffed(text, length, step);
        }
}

static void sends_long_texts_in_few_runs(void **state)
{
    struct dot_stuffing position = { 0 };
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    for (int i = 0; i < 1000; i++)
        buf_add_text(&text, "no dot leads this line. Nor this.\r\n");
    assert_int_equal(dot_stuffing_run(&position, text.data, text.length),
                     text.length);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_leading_dots),
        cmocka_unit_test(sends_long_texts_in_few_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
