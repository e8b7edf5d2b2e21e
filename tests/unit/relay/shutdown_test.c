/* shutdown_test.c - stages of a stop and of a reload, by a clock of the test */
#include "relay/shutdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "config/config.h"
#include "relay/hops.h"

/* Without smarthosts nobody has to leave. */
static struct hops nobody;
static struct config config;

static struct shutdown fresh(int64_t drain)
{
    config.drain = drain;
    return shutdown_none(&config, &nobody);
}

static void a_stop_lets_workers_leave_at_once(void **state)
{
    struct shutdown shutdown = fresh(0);

    (void)state;
    assert_int_equal(shutdown.end, MANAGER_FAILED);
    assert_false(shutdown_is_over(&shutdown));
    assert_true(shutdown_next_time(&shutdown) == INT64_MAX);
    assert_true(shutdown_ask(&shutdown, MANAGER_STOPPED, 100));
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
    assert_int_equal(shutdown.end, MANAGER_STOPPED);
    assert_true(shutdown_is_over(&shutdown));
    assert_false(shutdown_ask(&shutdown, MANAGER_STOPPED, 101));
    assert_false(shutdown_ask(&shutdown, MANAGER_RELOAD, 101));
}

static void what_is_ready_goes_on_while_it_drains(void **state)
{
    struct shutdown shutdown = fresh(30000);

    (void)state;
    assert_true(shutdown_ask(&shutdown, MANAGER_STOPPED, 100));
    assert_int_equal(shutdown.stage, SHUTDOWN_DRAINING);
    assert_true(shutdown_next_time(&shutdown) == 30100);
    shutdown_go_on(&shutdown, false, 3, 30099);
    assert_int_equal(shutdown.stage, SHUTDOWN_DRAINING);
    assert_false(shutdown_is_over(&shutdown));
    assert_false(shutdown_ask(&shutdown, MANAGER_RELOAD, 200));
    shutdown_go_on(&shutdown, true, 3, 200);
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
    assert_true(shutdown_is_over(&shutdown));
    assert_true(shutdown_next_time(&shutdown) <= 200);
}

static void a_drain_ends_by_time_or_by_another_stop(void **state)
{
    struct shutdown shutdown = fresh(30000);

    (void)state;
    shutdown_ask(&shutdown, MANAGER_STOPPED, 100);
    shutdown_go_on(&shutdown, false, 3, 30100);
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
    assert_true(shutdown_next_time(&shutdown) <= 30100);
    shutdown = fresh(30000);
    shutdown_ask(&shutdown, MANAGER_STOPPED, 100);
    assert_true(shutdown_ask(&shutdown, MANAGER_STOPPED, 101));
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
}

static void a_stop_takes_the_place_of_a_reload(void **state)
{
    struct shutdown shutdown = fresh(30000);

    (void)state;
    assert_true(shutdown_ask(&shutdown, MANAGER_RELOAD, 100));
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
    assert_true(shutdown_ask(&shutdown, MANAGER_STOPPED, 200));
    assert_int_equal(shutdown.stage, SHUTDOWN_DRAINING);
    assert_int_equal(shutdown.end, MANAGER_STOPPED);
}

/* Nobody is left who would have to go: it stays in the stage. */
static void a_reload_waits_for_nobody_who_has_gone(void **state)
{
    struct shutdown shutdown = fresh(0);

    (void)state;
    shutdown_ask(&shutdown, MANAGER_RELOAD, 100);
    assert_true(shutdown_next_time(&shutdown) <= 100);
    shutdown_go_on(&shutdown, true, 0, 2100);
    assert_int_equal(shutdown.stage, SHUTDOWN_LEAVING);
    assert_true(shutdown_is_over(&shutdown));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stop_lets_workers_leave_at_once),
        cmocka_unit_test(what_is_ready_goes_on_while_it_drains),
        cmocka_unit_test(a_drain_ends_by_time_or_by_another_stop),
        cmocka_unit_test(a_stop_takes_the_place_of_a_reload),
        cmocka_unit_test(a_reload_waits_for_nobody_who_has_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
