/* How many connections a smarthost bears and how many pay, how many messages
 * it takes in each, and how long these take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/capacity.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, SECOND = 1000, MINUTE = 60000, NOW = 1000000,
       MEGABYTE = 1048576 };

static void doubles_as_sessions_come_to_stand(void **state)
{
    static const struct {
        size_t most, standing, limit;
    } cases[] = {
        { 20, 0, 1 }, { 20, 1, 2 }, { 20, 4, 8 }, { 20, 16, 20 },
        { 1, 0, 1 }, { 1, 1, 1 }, { 3, 2, 3 },
    };
    struct concurrency c;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        concurrency_init(&c, cases[i].most);
        assert_int_equal(concurrency_limit(&c, cases[i].standing, NOW),
                         cases[i].limit);
        assert_int_equal(concurrency_ceiling(&c), cases[i].most);
        assert_int_equal(concurrency_next_time(&c, NOW), INT64_MAX);
    }
}

static void tries_one_more_some_minutes_after_a_refusal(void **state)
{
    static const int64_t delays[] = { 2, 4, 8, 16, 32, 32 };
    int64_t now = NOW;
    struct concurrency c;

    (void)state;
    concurrency_init(&c, 20);
    for (size_t i = 0; i < COUNT(delays); i++) {
        concurrency_refused(&c, 3, now);
        int64_t again = now + delays[i] * MINUTE;
        assert_int_equal(concurrency_next_time(&c, now), again);
        assert_int_equal(concurrency_limit(&c, 3, again - 1), 3);
        assert_int_equal(concurrency_limit(&c, 1, again - 1), 2);
        assert_int_equal(concurrency_limit(&c, 0, again - 1), 1);
        assert_int_equal(concurrency_limit(&c, 3, again), 4);
        assert_int_equal(concurrency_ceiling(&c), 3);
        now = again;
    }
    concurrency_opened(&c, 4, 100, now);
    assert_int_equal(concurrency_limit(&c, 4, now), 8);
    assert_int_equal(concurrency_ceiling(&c), 20);
    concurrency_refused(&c, 5, now);
    assert_int_equal(concurrency_next_time(&c, now), now + 2 * MINUTE);
}

/* Several were on their way: one was refused before another one stood. */
static void takes_a_flight_of_connections_as_one(void **state)
{
    struct concurrency c;

    (void)state;
    concurrency_init(&c, 20);
    concurrency_refused(&c, 2, NOW);
    concurrency_refused(&c, 2, NOW + SECOND);
    concurrency_opened(&c, 3, 100, NOW + SECOND);
    assert_int_equal(concurrency_limit(&c, 3, NOW + SECOND), 3);
    assert_int_equal(concurrency_next_time(&c, NOW + SECOND),
                     NOW + 2 * MINUTE);
    concurrency_refused(&c, 0, NOW + SECOND);
    assert_int_equal(concurrency_limit(&c, 1, NOW + SECOND), 1);
}

static void note(struct concurrency *c, size_t count, int64_t duration,
                 int64_t now)
{
    for (size_t i = 0; i < count; i++)
        concurrency_note(c, duration, now);
}

static void knows_what_a_connection_costs(void **state)
{
    static const struct {
        int64_t opening, message;   /* milliseconds, microseconds */
        size_t price;
    } cases[] = {
        { 120, 20000, 18 }, { 120, 80000, 4 }, { 50, 1000000, 4 },
        { 10, 200, 150 }, { 10, 0, 30003 },
    };
    struct concurrency c;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        concurrency_init(&c, 20);
        concurrency_opened(&c, 1, cases[i].opening, NOW);
        assert_int_equal(concurrency_price(&c), 4);
        note(&c, 3, cases[i].message, NOW);
        assert_int_equal(concurrency_price(&c), cases[i].price);
    }
}

static void sees_that_more_connections_make_messages_slower(void **state)
{
    struct concurrency c;

    (void)state;
    concurrency_init(&c, 20);
    note(&c, 10, 5000, NOW);
    note(&c, 10, 50000, NOW);
    assert_false(concurrency_is_saturated(&c));   /* two messages are no mean */
    concurrency_init(&c, 20);
    note(&c, 100, 20000, NOW);
    note(&c, 100, 30000, NOW);
    assert_false(concurrency_is_saturated(&c));
    note(&c, 200, 60000, NOW);
    assert_true(concurrency_is_saturated(&c));
    /* It stays so slow: that is how it is now. */
    note(&c, 200, 60000, NOW + 11 * SECOND);
    assert_true(concurrency_is_saturated(&c));
    note(&c, 200, 60000, NOW + 22 * SECOND);
    assert_false(concurrency_is_saturated(&c));
}

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
        cmocka_unit_test(doubles_as_sessions_come_to_stand),
        cmocka_unit_test(tries_one_more_some_minutes_after_a_refusal),
        cmocka_unit_test(takes_a_flight_of_connections_as_one),
        cmocka_unit_test(knows_what_a_connection_costs),
        cmocka_unit_test(sees_that_more_connections_make_messages_slower),
        cmocka_unit_test(learns_from_replies_and_from_repeated_ends),
        cmocka_unit_test(forgets_in_ten_minutes),
        cmocka_unit_test(knows_a_user_by_what_was_measured),
        cmocka_unit_test(measures_by_size),
        cmocka_unit_test(forgets_those_measured_long_ago),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
