/* How long a user's messages take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/durations.h"

enum { ALICE = 4001, BOB, SECOND = 1000, MEGABYTE = 1048576 };

static void knows_a_user_by_what_was_measured(void **state)
{
    struct durations durations;

    (void)state;
    durations_init(&durations);
    assert_int_equal(durations.any, DURATIONS_UNKNOWN);
    assert_int_equal(durations_expect(&durations, ALICE, 100),
                     DURATIONS_UNKNOWN);
    durations_note(&durations, ALICE, 100, 3 * SECOND);
    assert_int_equal(durations_expect(&durations, ALICE, 200), 3000000);
    assert_int_equal(durations_expect(&durations, BOB, 200),
                     DURATIONS_UNKNOWN);
    assert_int_equal(durations.any, 3000000);
    durations_note(&durations, ALICE, 100, SECOND);
    assert_int_equal(durations_expect(&durations, ALICE, 200), 2000000);
}

/* A user who sends a large message is not slow because of it. */
static void measures_by_size(void **state)
{
    struct durations durations;

    (void)state;
    durations_init(&durations);
    durations_note(&durations, ALICE, 10 * MEGABYTE, SECOND);
    assert_true(durations_expect(&durations, ALICE, 100) < 10000);
    assert_true(durations_expect(&durations, ALICE, 20 * MEGABYTE) > 1900000);
}

static void forgets_those_measured_long_ago(void **state)
{
    struct durations durations;

    (void)state;
    durations_init(&durations);
    for (uid_t i = 0; i <= DURATIONS_USERS; i++)
        durations_note(&durations, ALICE + i, 100, SECOND);
    assert_int_equal(durations_expect(&durations, ALICE, 100),
                     DURATIONS_UNKNOWN);
    assert_int_equal(durations_expect(&durations, BOB, 100), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_user_by_what_was_measured),
        cmocka_unit_test(measures_by_size),
        cmocka_unit_test(forgets_those_measured_long_ago),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
