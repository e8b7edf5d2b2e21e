#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/askers.h"

static void once_a_minute_each(void **state)
{
    struct askers askers = { 0 };

    (void)state;
    assert_int_equal(askers_note(&askers, 5, 1000), 0);
    assert_int_equal(askers_note(&askers, 5, 11000), 50000);
    assert_int_equal(askers_note(&askers, 6, 11000), 0);
    assert_int_equal(askers_note(&askers, 5, 61000), 0);
    assert_int_equal(askers_note(&askers, 6, 61000), 10000);
}

static void more_users_than_it_notes_wait(void **state)
{
    struct askers askers = { 0 };

    (void)state;
    for (uid_t uid = 0; uid < ASKERS_MAX; uid++)
        assert_int_equal(askers_note(&askers, uid, (int64_t)uid), 0);
    assert_int_equal(askers_note(&askers, 9999, 1000), ASKERS_TIME - 1000);
    assert_int_equal(askers_note(&askers, 9999, ASKERS_TIME), 0);
    assert_int_equal(askers_note(&askers, 9998, ASKERS_TIME), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_a_minute_each),
        cmocka_unit_test(more_users_than_it_notes_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
