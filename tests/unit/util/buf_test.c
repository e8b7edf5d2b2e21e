#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

static void it_is_always_a_string(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, SIZE_MAX);
    assert_string_equal(buf.data, "");
    for (size_t i = 0; i < 1000; i++) {
        assert_true(buf_add_char(&buf, 'x'));
        assert_int_equal(buf.length, i + 1);
        assert_int_equal(buf.data[i + 1], '\0');
    }
    assert_true(buf_add(&buf, "\0y", 2));
    assert_int_equal(buf.length, 1002);
    buf_clear(&buf);
    assert_string_equal(buf.data, "");
    assert_true(buf_add_format(&buf, "%s %d", "a", 7));
    char *text = buf_take(&buf);
    assert_string_equal(text, "a 7");
    free(text);
    buf_init(&buf, SIZE_MAX);
    buf_wipe(&buf);
}

static const struct {
    size_t before, more;
    bool fits;
} limits[] = {
    { 0, 10, true }, { 0, 11, false }, { 9, 1, true }, { 10, 0, true },
    { 10, 1, false }, { 1, SIZE_MAX, false },
};

static void nothing_is_added_beyond_the_limit(void **state)
{
    static const char text[] = "0123456789a";
    struct buf buf;

    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++) {
        buf_init(&buf, 10);
        assert_true(buf_add(&buf, text, limits[i].before));
        bool fits = buf_reserve(&buf, limits[i].more) != NULL;
        assert_int_equal(fits, limits[i].fits);
        if (limits[i].more <= 11)
            assert_int_equal(buf_add(&buf, text, limits[i].more), fits);
        assert_int_equal(buf.length,
                         limits[i].before + (fits ? limits[i].more : 0));
        buf_free(&buf);
    }
    buf_init(&buf, 3);
    assert_false(buf_add_format(&buf, "%d", 1234));
    assert_string_equal(buf.data, "");
    assert_true(buf_add_format(&buf, "%d", 123));
    assert_false(buf_add_text(&buf, "4"));
    assert_string_equal(buf.data, "123");
    buf_free(&buf);
}

static const struct {
    size_t position, count;
    const char *text;
    const char *result;         /* NULL: it exceeds the limit, 8 */
} replacements[] = {
    { 0, 0, "", "abcdef" }, { 0, 6, "", "" }, { 2, 2, "XY", "abXYef" },
    { 2, 2, "X", "abXef" }, { 2, 2, "XYZ", "abXYZef" },
    { 6, 0, "gh", "abcdefgh" }, { 6, 0, "ghi", NULL }, { 0, 0, "XYZ", NULL },
    { 5, 1, "XYZ", "abcdeXYZ" }, { 0, 6, "12345678", "12345678" },
};

static void a_part_is_replaced_in_its_place(void **state)
{
    struct buf buf;

    (void)state;
    for (size_t i = 0; i < COUNT(replacements); i++) {
        buf_init(&buf, 8);
        buf_add_text(&buf, "abcdef");
        bool done = buf_replace(&buf, replacements[i].position,
                                replacements[i].count, replacements[i].text,
                                strlen(replacements[i].text));
        assert_int_equal(done, replacements[i].result != NULL);
        assert_string_equal(buf.data, done ? replacements[i].result
                                           : "abcdef");
        assert_int_equal(buf.length, strlen(buf.data));
        buf_free(&buf);
    }
    buf_init(&buf, 8);
    buf_add_text(&buf, "abcdef");
    buf_remove(&buf, 1, 4);
    assert_string_equal(buf.data, "af");
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_always_a_string),
        cmocka_unit_test(nothing_is_added_beyond_the_limit),
        cmocka_unit_test(a_part_is_replaced_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
