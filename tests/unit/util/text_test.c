#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
        { "to=\xe2\x80\xae" "eve", 9, "to=\\xe2\\x80\\xaeeve" }, /* RLO */
        { "a\xe2\x80\xa8" "b", 5, "a\\xe2\\x80\\xa8b" },
        { "a\xe2\x81\xa7" "b", 5, "a\\xe2\\x81\\xa7b" },
        { "a\xd8\x9c" "b", 4, "a\\xd8\\x9cb" },
        { "a\xc2\xad\xe2\x80\x8b" "b", 7,
          "a\\xc2\\xad\\xe2\\x80\\x8bb" },
        { "\xef\xbb\xbf" "b", 4, "\\xef\\xbb\\xbfb" },
        { "\xf3\xa0\x81\x81" "b", 5, "\\xf3\\xa0\\x81\\x81b" },
        { "\xf0\x9f\x93\xa7\xef\xbf\xbd", 7, "\xf0\x9f\x93\xa7\xef\xbf\xbd" },
        { "\xe2\x80\x94 \xd8\xa8", 6, "\xe2\x80\x94 \xd8\xa8" },
        { "a\\x00", 5, "a\\x00" },                 /* escaped already */
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

static void escapes_as_much_as_there_is_room_for(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 5);
    text_escape(&out, "abcdefgh", 8);
    assert_string_equal(out.data, "abcde");
    buf_free(&out);
}

struct reading {
    const char *text;
    bool right;
    uint64_t value;
};

static void check_readings(const struct reading *cases, size_t count,
                           bool (*read)(const char *, uint64_t *))
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        if (read(cases[i].text, &value) != cases[i].right)
            fail_msg("%s", cases[i].text);
        if (cases[i].right)
            assert_int_equal(value, cases[i].value);
    }
}

static void reads_sizes(void **state)
{
    static const struct reading cases[] = {
        { "0", true, 0 }, { "90", true, 90 }, { "50M", true, 50u << 20 },
        { "10k", true, 10240 }, { "1GB", true, 1u << 30 },
        { "4294967297", true, 4294967297 }, { "8G", true, 8ll << 30 },
        { "", false, 0 }, { "-1", false, 0 }, { "1x", false, 0 },
        { "5 M", false, 0 }, { "1MM", false, 0 },
        { "99999999999999999999", false, 0 },
    };

    (void)state;
    check_readings(cases, COUNT(cases), text_to_size);
}

static void reads_durations(void **state)
{
    static const struct reading cases[] = {
        { "0", true, 0 }, { "90", true, 90 }, { "1m", true, 60 },
        { "1h30m", true, 5400 }, { "5d", true, 432000 },
        { "2W", true, 1209600 }, { "", false, 0 }, { "-1", false, 0 }, { "1x", false, 0 },
        { "5 m", false, 0 }, { "1h30", false, 0 }, { "m", false, 0 },
        { "99999999999999999999s", false, 0 },
    };

    (void)state;
    check_readings(cases, COUNT(cases), text_to_duration);
}

static void prints_any_octets_as_a_json_string(void **state)
{
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        { "", "\"\"" },
        { "plain", "\"plain\"" },
        { "say \"x\"", "\"say \\\"x\\\"\"" },
        { "a\\b", "\"a\\\\b\"" },
        { "tab\tline\n", "\"tab\\u0009line\\u000a\"" },
        { "\x7f", "\"\\u007f\"" },
        { "\xc2\x9b" "31m", "\"\\u009b31m\"" },
        { "\xe2\x80\xae\xf3\xa0\x80\xa1", "\"\\u202e\\udb40\\udc21\"" },
        { "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
        { "\xff\xc3", "\"\\\\xff\\\\xc3\"" },               /* no UTF-8 */
        { "\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"" },    /* a surrogate */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        text_print_json(out, cases[i].text);
        fclose(out);
        assert_string_equal(text, cases[i].json);
        free(text);
    }
}

static void reads_hexadecimal_digits_of_lower_case(void **state)
{
    (void)state;
    for (int c = -128; c < 128; c++) {
        int value = c >= '0' && c <= '9' ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        assert_int_equal(text_hex_value((char)c), value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_what_a_terminal_would_obey),
        cmocka_unit_test(escapes_as_much_as_there_is_room_for),
        cmocka_unit_test(prints_any_octets_as_a_json_string),
        cmocka_unit_test(reads_sizes),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(reads_hexadecimal_digits_of_lower_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
