#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/availability.h"
#include "util/error.h"

#define SECOND 1000

static void lose(struct gate *gate, enum fault fault, int64_t now, bool news)
{
    struct error err;

    error_set(&err, fault, "no");
    assert_int_equal(gate_failed(gate, &err, now), news);
}

/* Four workers whose connections break at once are one failure. */
static void workers_fail_together(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    assert_int_equal(gate_take(&gate, 9, 0), 9);
    for (int i = 0; i < 4; i++)
        lose(&gate, FAULT_TEMPORARY, 0, i == 0);
    assert_in_range(gate_next_time(&gate, 0), 10 * SECOND, 13 * SECOND);
    gate_free(&gate);
}

static void probes_become_rare(void **state)
{
    struct gate gate;
    int64_t now = 0, delay = 10 * SECOND;

    (void)state;
    gate_init(&gate, 0, 0);
    lose(&gate, FAULT_TEMPORARY, now, true);
    for (int i = 0; i < 12; i++) {
        int64_t next = gate_next_time(&gate, now);
        assert_in_range(next - now, delay, delay + delay / 4);
        assert_int_equal(gate_take(&gate, 5, next - 1), 0);
        assert_int_equal(gate_take(&gate, 5, next), 1);
        assert_int_equal(gate_take(&gate, 5, next), 0);
        now = next;
        lose(&gate, FAULT_TEMPORARY, now, false);
        delay = delay * 2 < 600 * SECOND ? delay * 2 : 600 * SECOND;
    }
    assert_true(gate_opened(&gate, now));
    assert_int_equal(gate_take(&gate, 5, now), 5);
    gate_free(&gate);
}

static void wrong_password_parks(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    lose(&gate, FAULT_PERMISSION, 0, true);
    assert_int_equal(gate.state, GATE_PARKED);
    assert_in_range(gate_next_time(&gate, 0), 300 * SECOND, 375 * SECOND);
    gate_flush(&gate, 5);
    assert_int_equal(gate_take(&gate, 1, 5), 1);
    lose(&gate, FAULT_PERMISSION, 5, false);
    gate_flush(&gate, 6);
    assert_int_equal(gate_take(&gate, 1, 6), 1);
    lose(&gate, FAULT_CONFIG, 6, true);         /* another mistake is news */
    assert_int_equal(gate.state, GATE_PARKED);
    gate_free(&gate);
}

/* Its sessions open, and no mail may be sent in them. */
static void a_session_that_refuses_opens_nothing(void **state)
{
    struct gate gate;
    struct error err;

    (void)state;
    error_set(&err, FAULT_PERMISSION, "530");
    gate_init(&gate, 0, 0);
    assert_false(gate_opened(&gate, 0));
    assert_true(gate_refused(&gate, &err, 0));
    assert_int_equal(gate.state, GATE_PARKED);
    assert_false(gate_opened(&gate, 1));
    assert_false(gate_served(&gate, 0, 1));     /* sent before it refused */
    gate_flush(&gate, 2);
    assert_int_equal(gate_take(&gate, 1, 2), 1);
    assert_false(gate_opened(&gate, 2));
    assert_false(gate_refused(&gate, &err, 2)); /* no news */
    gate_flush(&gate, 3);
    assert_int_equal(gate_take(&gate, 1, 3), 1);
    assert_true(gate_served(&gate, gate_probe(&gate), 3));
    assert_int_equal(gate.state, GATE_UP);
    gate_free(&gate);
}

static void an_old_probe_says_nothing_of_the_new_one(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    lose(&gate, FAULT_TEMPORARY, 0, true);
    gate_flush(&gate, 1);
    assert_int_equal(gate_take(&gate, 1, 1), 1);
    unsigned first = gate_probe(&gate);
    lose(&gate, FAULT_TEMPORARY, 1, false);
    gate_flush(&gate, 2);
    assert_int_equal(gate_take(&gate, 1, 2), 1);
    gate_returned(&gate, first, false, 2);
    assert_int_equal(gate_take(&gate, 1, 2), 0);
    gate_returned(&gate, gate_probe(&gate), false, 2);
    assert_int_equal(gate_take(&gate, 1, 2), 1);
    gate_free(&gate);
}

/* Only attempts to reach it that fail tell that it is down still. */
static void has_been_down_as_long_as_attempts_failed(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    assert_false(gate_was_down(&gate, 0, 0));
    lose(&gate, FAULT_TEMPORARY, 10 * SECOND, true);
    assert_true(gate_was_down(&gate, 0, 0));
    assert_false(gate_was_down(&gate, 0, 5 * SECOND));
    gate_flush(&gate, 60 * SECOND);
    assert_int_equal(gate_take(&gate, 1, 60 * SECOND), 1);
    lose(&gate, FAULT_TEMPORARY, 60 * SECOND, false);
    assert_true(gate_was_down(&gate, 0, 50 * SECOND));
    assert_false(gate_was_down(&gate, 20 * SECOND, 50 * SECOND));
    assert_false(gate_was_down(&gate, 61 * SECOND, 0));
    assert_true(gate_opened(&gate, 70 * SECOND));
    assert_false(gate_was_down(&gate, 0, 0));
    gate_free(&gate);
}

/* A user may have it tried, but not a password that was refused. */
static void users_nudge_what_is_down(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    lose(&gate, FAULT_TEMPORARY, 0, true);
    gate.probe = 600 * SECOND;
    gate_nudge(&gate, 5 * SECOND);
    assert_int_equal(gate_next_time(&gate, 5 * SECOND), 60 * SECOND);
    gate_nudge(&gate, 61 * SECOND);
    assert_int_equal(gate_next_time(&gate, 61 * SECOND), 60 * SECOND);
    lose(&gate, FAULT_PERMISSION, 62 * SECOND, true);
    int64_t next = gate_next_time(&gate, 62 * SECOND);
    gate_nudge(&gate, 200 * SECOND);
    assert_int_equal(gate_next_time(&gate, 200 * SECOND), next);
    gate_free(&gate);
}

static void come_back(struct gate *gate, int count, int64_t now)
{
    while (count-- > 0)
        gate_returned(gate, 0, true, now);
}

/* In no minute more than so many, wherever it begins. */
static void messages_per_minute(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 60, 0);
    assert_int_equal(gate_take(&gate, 100, 0), 60);
    assert_int_equal(gate_take(&gate, 1, 0), 0);
    gate_give_back(&gate);                      /* one was not sent */
    assert_int_equal(gate_take(&gate, 2, 0), 1);
    assert_true(gate_next_time(&gate, 0) == INT64_MAX);
    come_back(&gate, 20, 5 * SECOND);
    assert_int_equal(gate_next_time(&gate, 5 * SECOND), 65 * SECOND);
    come_back(&gate, 40, 70 * SECOND);          /* those took their time */
    assert_int_equal(gate_take(&gate, 99, 64 * SECOND), 0);
    assert_int_equal(gate_take(&gate, 99, 70 * SECOND), 20);
    come_back(&gate, 20, 71 * SECOND);
    assert_int_equal(gate_take(&gate, 99, 130 * SECOND - 1), 0);
    assert_int_equal(gate_take(&gate, 99, 130 * SECOND), 40);
    gate_free(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_fail_together),
        cmocka_unit_test(probes_become_rare),
        cmocka_unit_test(wrong_password_parks),
        cmocka_unit_test(a_session_that_refuses_opens_nothing),
        cmocka_unit_test(an_old_probe_says_nothing_of_the_new_one),
        cmocka_unit_test(has_been_down_as_long_as_attempts_failed),
        cmocka_unit_test(users_nudge_what_is_down),
        cmocka_unit_test(messages_per_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
