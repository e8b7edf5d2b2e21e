#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "smtp/capability.h"
#include "smtp/distrust.h"
#include "util/buf.h"

#define DAY (24 * 60 * 60 * 1000)

static void lasts_as_long_as_the_ehlo(void **state)
{
    struct distrust distrust = { 0 };

    (void)state;
    assert_int_equal(distrust_of(&distrust, 1, 5), 0);
    assert_true(distrust_add(&distrust, CAP_CHUNKING, 1, 5));
    assert_false(distrust_add(&distrust, CAP_CHUNKING, 1, 6));
    assert_true(distrust_add(&distrust, CAP_DSN, 1, 7));
    assert_int_equal(distrust_of(&distrust, 1, 8), CAP_CHUNKING | CAP_DSN);
    assert_int_equal(distrust_of(&distrust, 2, 9), 0);
    assert_int_equal(distrust_of(&distrust, 1, 10), 0);
}

static void lasts_for_a_day(void **state)
{
    struct distrust distrust = { 0 };

    (void)state;
    distrust_add(&distrust, CAP_CHUNKING, 1, 5);
    assert_int_equal(distrust_of(&distrust, 1, DAY + 4), CAP_CHUNKING);
    assert_int_equal(distrust_of(&distrust, 1, DAY + 5), 0);
}

/* Else the same would be found out again for ever. */
static void does_not_follow_an_ehlo_that_never_is_the_same(void **state)
{
    struct distrust distrust = { 0 };
    unsigned found_out = 0;

    (void)state;
    for (uint32_t hello = 1; hello < 100; hello++)
        if (distrust_of(&distrust, hello, 5) == 0)
            found_out += distrust_add(&distrust, CAP_CHUNKING, hello, 5);
    assert_in_range(found_out, 5, 20);
}

static void has_words(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, 100);
    distrust_describe(CAP_CHUNKING | CAP_PIPELINING | CAP_8BITMIME, &text);
    assert_string_equal(text.data, "PIPELINING, 8BITMIME, CHUNKING");
    assert_int_equal(capability_flag("chunking"), CAP_CHUNKING);
    assert_int_equal(capability_flag("CHUNK"), 0);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lasts_as_long_as_the_ehlo),
        cmocka_unit_test(lasts_for_a_day),
        cmocka_unit_test(does_not_follow_an_ehlo_that_never_is_the_same),
        cmocka_unit_test(has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
