#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/clocks.h"

#define NOW 1800000000          /* a right wall clock */
#define DAY 86400

static struct moment moment(int64_t wall, int64_t running, int64_t awake)
{
    return (struct moment){ wall, running * 1000, awake * 1000 };
}

static int64_t look(struct clocks *clocks, struct moment to)
{
    return clocks_look(clocks, &to);
}

static void notices_a_clock_that_is_set(void **state)
{
    struct clocks clocks;
    struct moment start = moment(1000, 50, 40);

    (void)state;
    clocks_start(&clocks, &start);
    assert_int_equal(look(&clocks, moment(1060, 110, 100)), 0);
    assert_int_equal(look(&clocks, moment(NOW, 120, 110)), NOW - 1070);
    assert_int_equal(look(&clocks, moment(NOW + 30, 150, 140)), 0);
    assert_int_equal(look(&clocks, moment(NOW - DAY, 160, 150)),
                     -DAY - 40);
    /* A clock that is a little fast is corrected all the time. */
    for (int i = 1; i < 100; i++)
        assert_int_equal(look(&clocks, moment(NOW - DAY + 32 * i,
                                                160 + 30 * i, 150 + 30 * i)),
                         0);
}

/* Mail grows old while a machine sleeps; what failed before does not count. */
static void sleep_is_no_step_of_the_clock(void **state)
{
    struct clocks clocks;
    struct moment start = moment(NOW, 100, 100);

    (void)state;
    clocks_start(&clocks, &start);
    assert_int_equal(look(&clocks, moment(NOW + 60, 160, 160)), 0);
    /* An hour old with a limit of half an hour: passed before the start. */
    assert_int_equal(clocks_passed(&clocks, 3600, 1800000), 100000);
    assert_int_equal(clocks_passed(&clocks, 1810, 1800000), 150000);
    assert_int_equal(look(&clocks, moment(NOW + DAY, 160 + DAY - 60, 170)),
                     0);
    assert_int_equal(clocks_passed(&clocks, DAY, 3600000), 170000);
}

static void dates_are_believed_if_they_can_be(void **state)
{
    static const struct {
        int64_t received, wall, taken;
    } cases[] = {
        { NOW - DAY, NOW, NOW - DAY },
        { NOW + DAY, NOW, NOW },            /* by a clock that was fast */
        { 1000, NOW, NOW },                 /* by one that was never set */
        { 1000, 2000, 1000 },
        { NOW, 2000, NOW },                 /* ours was never set */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(clocks_received(cases[i].received, cases[i].wall),
                         cases[i].taken);
    assert_int_equal(clocks_age(NOW, 2000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notices_a_clock_that_is_set),
        cmocka_unit_test(sleep_is_no_step_of_the_clock),
        cmocka_unit_test(dates_are_believed_if_they_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
