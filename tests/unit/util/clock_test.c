#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

static const struct {
    int64_t seconds;
    const char *text;
} spans[] = {
    { -5, "0 s" }, { 0, "0 s" }, { 99, "99 s" }, { 100, "1 min" },
    { 5999, "99 min" }, { 6000, "1 h" }, { 172799, "47 h" },
    { 172800, "2 d" }, { 8640000, "100 d" },
};

static void spans_are_about_so_long(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spans); i++) {
        struct buf text;
        buf_init(&text, SIZE_MAX);
        clock_add_span(&text, spans[i].seconds);
        assert_string_equal(text.data, spans[i].text);
        buf_free(&text);
    }
}

/* Zones as POSIX has them: their sign is the other way round. */
static const struct {
    const char *zone;
    time_t when;
    const char *text;
} dates[] = {
    { "UTC0", 1700000000, "Tue, 14 Nov 2023 22:13:20 +0000" },
    { "CET-1", 1700000000, "Tue, 14 Nov 2023 23:13:20 +0100" },
    { "NST3:30", 1700000000, "Tue, 14 Nov 2023 18:43:20 -0330" },
    { "IST-5:30", 1700000000, "Wed, 15 Nov 2023 03:43:20 +0530" },
    { "UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
};

static void dates_are_those_of_header_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dates); i++) {
        struct buf text;
        buf_init(&text, SIZE_MAX);
        setenv("TZ", dates[i].zone, 1);
        tzset();
        clock_add_date(&text, dates[i].when);
        assert_string_equal(text.data, dates[i].text);
        buf_free(&text);
    }
}

static void a_deadline_that_has_passed_leaves_nothing(void **state)
{
    int64_t now = clock_now();

    (void)state;
    assert_int_equal(clock_remaining(now - 1), 0);
    assert_int_equal(clock_remaining(INT64_MIN / 2), 0);
    assert_int_equal(clock_remaining(now + INT64_MAX / 4), INT_MAX);
    int left = clock_remaining(now + 3600000);
    assert_true(left > 0 && left <= 3600000);
    assert_int_equal(clock_earlier(1, 2), 1);
    assert_int_equal(clock_earlier(2, -1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_about_so_long),
        cmocka_unit_test(dates_are_those_of_header_fields),
        cmocka_unit_test(a_deadline_that_has_passed_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
