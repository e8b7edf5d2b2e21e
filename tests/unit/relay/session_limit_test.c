/* How many messages a smarthost takes in a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/session_limit.h"
#include "util/text.h"

enum { MINUTE = 60000, NOW = 1000000 };

static void learns_from_replies_and_from_repeated_ends(void **state)
{
    static const struct {
        unsigned messages;
        bool sure;
        unsigned known;         /* afterwards */
    } cases[] = {
        { 7, false, 0 }, { 5, false, 0 }, { 5, false, 5 }, { 9, false, 5 },
        { 3, true, 3 }, { 4, false, 3 }, { 4, false, 4 },
    };
    struct session_limit limit = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        session_limit_note(&limit, cases[i].messages, cases[i].sure, NOW);
        assert_int_equal(session_limit_get(&limit, NOW), cases[i].known);
    }
}

static void forgets_in_ten_minutes(void **state)
{
    struct session_limit limit = { 0 };

    (void)state;
    assert_true(session_limit_note(&limit, 3, true, NOW));
    assert_int_equal(session_limit_get(&limit, NOW + 10 * MINUTE - 1), 3);
    assert_int_equal(session_limit_get(&limit, NOW + 10 * MINUTE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_from_replies_and_from_repeated_ends),
        cmocka_unit_test(forgets_in_ten_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
