#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "relay/availability.h"
#include "util/error.h"

#include "../in_range.h"

#define SECOND 1000

static void lose(struct availability *host, enum fault fault, int64_t now,
                 bool news)
{
    struct error err;

    error_set(&err, fault, "no");
    assert_int_equal(availability_failed(host, &err, now), news);
}

/* Four workers whose connections break at once are one failure. */
static void workers_fail_together(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 0, 0);
    assert_int_equal(availability_take(&host, 9, 0), 9);
    for (int i = 0; i < 4; i++)
        lose(&host, FAULT_TEMPORARY, 0, i == 0);
    assert_int_in_range(availability_next_time(&host, 0), 10 * SECOND,
                        13 * SECOND);
    availability_free(&host);
}

static void probes_become_rare(void **state)
{
    struct availability host;
    int64_t now = 0, delay = 10 * SECOND;

    (void)state;
    availability_init(&host, 0, 0);
    lose(&host, FAULT_TEMPORARY, now, true);
    for (int i = 0; i < 12; i++) {
        int64_t next = availability_next_time(&host, now);
        assert_int_in_range(next - now, delay, delay + delay / 4);
        assert_int_equal(availability_take(&host, 5, next - 1), 0);
        assert_int_equal(availability_take(&host, 5, next), 1);
        assert_int_equal(availability_take(&host, 5, next), 0);
        now = next;
        lose(&host, FAULT_TEMPORARY, now, false);
        delay = delay * 2 < 600 * SECOND ? delay * 2 : 600 * SECOND;
    }
    assert_true(availability_opened(&host, now));
    assert_int_equal(availability_take(&host, 5, now), 5);
    availability_free(&host);
}

static void wrong_password_parks(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 0, 0);
    lose(&host, FAULT_PERMISSION, 0, true);
    assert_int_equal(host.state, HOP_PARKED);
    assert_int_in_range(availability_next_time(&host, 0), 300 * SECOND,
                        375 * SECOND);
    availability_flush(&host, 5);
    assert_int_equal(availability_take(&host, 1, 5), 1);
    lose(&host, FAULT_PERMISSION, 5, false);
    availability_flush(&host, 6);
    assert_int_equal(availability_take(&host, 1, 6), 1);
    lose(&host, FAULT_CONFIG, 6, true);         /* another mistake is news */
    assert_int_equal(host.state, HOP_PARKED);
    availability_free(&host);
}

/* Its sessions open, and no mail may be sent in them. */
static void a_session_that_refuses_opens_nothing(void **state)
{
    struct availability host;
    struct error err;

    (void)state;
    error_set(&err, FAULT_PERMISSION, "530");
    availability_init(&host, 0, 0);
    assert_false(availability_opened(&host, 0));
    assert_true(availability_refused(&host, &err, 0));
    assert_int_equal(host.state, HOP_PARKED);
    assert_false(availability_opened(&host, 1));
    assert_false(availability_served(&host, 0,
                                     1));     /* sent before it refused */
    availability_flush(&host, 2);
    assert_int_equal(availability_take(&host, 1, 2), 1);
    assert_false(availability_opened(&host, 2));
    assert_false(availability_refused(&host, &err, 2)); /* no news */
    availability_flush(&host, 3);
    assert_int_equal(availability_take(&host, 1, 3), 1);
    assert_true(availability_served(&host, availability_trial(&host), 3));
    assert_int_equal(host.state, HOP_UP);
    availability_free(&host);
}

static void an_old_probe_says_nothing_of_the_new_one(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 0, 0);
    lose(&host, FAULT_TEMPORARY, 0, true);
    availability_flush(&host, 1);
    assert_int_equal(availability_take(&host, 1, 1), 1);
    unsigned first = availability_trial(&host);
    lose(&host, FAULT_TEMPORARY, 1, false);
    availability_flush(&host, 2);
    assert_int_equal(availability_take(&host, 1, 2), 1);
    availability_returned(&host, first, false, 2);
    assert_int_equal(availability_take(&host, 1, 2), 0);
    availability_returned(&host, availability_trial(&host), false, 2);
    assert_int_equal(availability_take(&host, 1, 2), 1);
    availability_free(&host);
}

/* Only attempts to reach it that fail tell that it is down still. */
static void has_been_down_as_long_as_attempts_failed(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 0, 0);
    assert_false(availability_was_down(&host, 0, 0));
    lose(&host, FAULT_TEMPORARY, 10 * SECOND, true);
    assert_true(availability_was_down(&host, 0, 0));
    assert_false(availability_was_down(&host, 0, 5 * SECOND));
    availability_flush(&host, 60 * SECOND);
    assert_int_equal(availability_take(&host, 1, 60 * SECOND), 1);
    lose(&host, FAULT_TEMPORARY, 60 * SECOND, false);
    assert_true(availability_was_down(&host, 0, 50 * SECOND));
    assert_false(availability_was_down(&host, 20 * SECOND, 50 * SECOND));
    assert_false(availability_was_down(&host, 61 * SECOND, 0));
    assert_true(availability_opened(&host, 70 * SECOND));
    assert_false(availability_was_down(&host, 0, 0));
    availability_free(&host);
}

/* A user may have it tried, but not a password that was refused. */
static void users_nudge_what_is_down(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 0, 0);
    lose(&host, FAULT_TEMPORARY, 0, true);
    host.trial_due = 600 * SECOND;
    availability_nudge(&host, 5 * SECOND);
    assert_int_equal(availability_next_time(&host, 5 * SECOND), 60 * SECOND);
    availability_nudge(&host, 61 * SECOND);
    assert_int_equal(availability_next_time(&host, 61 * SECOND), 60 * SECOND);
    lose(&host, FAULT_PERMISSION, 62 * SECOND, true);
    int64_t next = availability_next_time(&host, 62 * SECOND);
    availability_nudge(&host, 200 * SECOND);
    assert_int_equal(availability_next_time(&host, 200 * SECOND), next);
    availability_free(&host);
}

static void come_back(struct availability *host, int count, int64_t now)
{
    while (count-- > 0)
        availability_returned(host, 0, true, now);
}

/* In no minute more than so many, wherever it begins. */
static void messages_per_minute(void **state)
{
    struct availability host;

    (void)state;
    availability_init(&host, 60, 0);
    assert_int_equal(availability_take(&host, 100, 0), 60);
    assert_int_equal(availability_take(&host, 1, 0), 0);
    availability_give_back(&host);                      /* one was not sent */
    assert_int_equal(availability_take(&host, 2, 0), 1);
    assert_true(availability_next_time(&host, 0) == INT64_MAX);
    come_back(&host, 20, 5 * SECOND);
    assert_int_equal(availability_next_time(&host, 5 * SECOND), 65 * SECOND);
    come_back(&host, 40, 70 * SECOND);          /* those took their time */
    assert_int_equal(availability_take(&host, 99, 64 * SECOND), 0);
    assert_int_equal(availability_take(&host, 99, 70 * SECOND), 20);
    come_back(&host, 20, 71 * SECOND);
    assert_int_equal(availability_take(&host, 99, 130 * SECOND - 1), 0);
    assert_int_equal(availability_take(&host, 99, 130 * SECOND), 40);
    availability_free(&host);
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
