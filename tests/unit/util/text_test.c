#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "util/buf.h"
#include "util/text.h"

static void escapes_what_a_terminal_would_obey(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        const char *shown;
    } cases[] = {
        { "plain", 5, "plain" },
        { "a\0b", 3, "a\\x00b" },
        { "two\r\nlines", 10, "two\\x0d\\x0alines" },
        { "\x1b[2J", 4, "\\x1b[2J" },
        { "Gr\xc3\xbc\xc3\x9f" "e", 7, "Gr\xc3\xbc\xc3\x9f" "e" },
        { "\xfc", 1, "\\xfc" },
        { "\xc2\x9b", 2, "\\xc2\\x9b" },            /* C1: CSI */
        { "\xc0\xaf", 2, "\\xc0\\xaf" },            /* overlong */
        { "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },   /* surrogate */
        { "a\\x00", 5, "a\\x5cx00" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        text_escape(&out, cases[i].text, cases[i].length);
        assert_string_equal(out.data, cases[i].shown);
        buf_free(&out);
    }
}

static void reads_sizes_and_durations(void **state)
{
    static const struct {
        const char *text;
        bool is_size;
        bool is_duration;
        uint64_t value;
    } cases[] = {
        { "0", true, true, 0 },
        { "90", true, true, 90 },
        { "50M", true, false, 50u << 20 },
        { "10k", true, false, 10240 },
        { "1GB", true, false, 1u << 30 },
        { "1m", true, true, 0 },
        { "1h30m", false, true, 5400 },
        { "5d", false, true, 432000 },
        { "", false, false, 0 },
        { "-1", false, false, 0 },
        { "1x", false, false, 0 },
        { "5 m", false, false, 0 },
        { "99999999999999999999", false, false, 0 },
    };
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool both = cases[i].is_size && cases[i].is_duration;
        assert_int_equal(text_to_size(cases[i].text, &value),
                         cases[i].is_size);
        if (cases[i].is_size && cases[i].value != 0)
            assert_int_equal(value, cases[i].value);
        assert_int_equal(text_to_duration(cases[i].text, &value),
                         cases[i].is_duration);
        if (cases[i].is_duration && (both || cases[i].value != 0) &&
            strcmp(cases[i].text, "1m") != 0)
            assert_int_equal(value, cases[i].value);
    }
    assert_true(text_to_duration("1m", &value));
    assert_int_equal(value, 60);
    assert_true(text_to_size("1m", &value));
    assert_int_equal(value, 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_would_obey),
        cmocka_unit_test(reads_sizes_and_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
