#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "relay/refusals.h"

#define HOUR 3600000

static void counts_the_last_ones(void **state)
{
    struct refusals refusals = { 0 };
    unsigned refused;

    (void)state;
    assert_int_equal(refusals_count(&refusals, 0, &refused), 0);
    refusals_note(&refusals, NULL, 0);
    refusals_note(&refusals, "553 one", 1);
    refusals_note(&refusals, "553 two", 2);
    assert_int_equal(refusals_count(&refusals, 3, &refused), 3);
    assert_int_equal(refused, 2);
    assert_string_equal(refusals.reason, "553 two");
    for (int i = 0; i < REFUSALS_KEPT; i++)
        refusals_note(&refusals, NULL, 3);
    assert_int_equal(refusals_count(&refusals, 3, &refused), REFUSALS_KEPT);
    assert_int_equal(refused, 0);
    refusals_free(&refusals);
}

static void forgets_after_a_day(void **state)
{
    struct refusals refusals = { 0 };
    unsigned refused;

    (void)state;
    refusals_note(&refusals, "553 one", 0);
    refusals_note(&refusals, "553 two", 2 * HOUR);
    assert_int_equal(refusals_count(&refusals, 25 * HOUR, &refused), 1);
    assert_int_equal(refused, 1);
    assert_int_equal(refusals_count(&refusals, 27 * HOUR, &refused), 0);
    refusals_free(&refusals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_last_ones),
        cmocka_unit_test(forgets_after_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
