#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/gate.h"
#include "util/text.h"

#define SECOND 1000
#define MINUTE (60 * SECOND)

static struct error error_of(enum fault fault, const char *text)
{
    struct error err;

    error_set(&err, fault, "%s", text);
    return err;
}

static void lets_everything_through_while_up(void **state)
{
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    assert_int_equal(gate_take(&gate, 100, 0), 100);
    assert_int_equal(gate_take(&gate, 0, 0), 0);
    assert_int_equal(gate_next_time(&gate, 5), 5);
    assert_false(gate_opened(&gate, 6));
    gate_free(&gate);
}

/* One message is the probe; nothing else goes while it is out. */
static void probes_with_one_message(void **state)
{
    const struct error down = error_of(FAULT_TEMPORARY, "refused");
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    assert_true(gate_failed(&gate, &down, 0));
    assert_int_equal(gate.state, GATE_DOWN);
    assert_string_equal(gate.reason, "refused");
    assert_int_equal(gate_take(&gate, 10, 1), 0);
    int64_t due = gate_next_time(&gate, 1);
    assert_in_range(due, 10 * SECOND, 13 * SECOND);
    assert_int_equal(gate_take(&gate, 10, due), 1);
    assert_int_equal(gate_take(&gate, 10, due), 0);
    assert_int_equal(gate_next_time(&gate, due), INT64_MAX);
    gate_probe_returned(&gate);
    assert_int_equal(gate_take(&gate, 10, due), 1);
    assert_false(gate_failed(&gate, &down, due));
    assert_int_equal(gate_take(&gate, 1, due), 0);
    assert_true(gate_opened(&gate, due + 1));
    assert_null(gate.reason);
    assert_int_equal(gate_take(&gate, 10, due + 1), 10);
    gate_free(&gate);
}

static const struct {
    enum fault fault;
    enum gate_state state;
    int64_t first, longest;     /* milliseconds */
} failures[] = {
    { FAULT_TEMPORARY,  GATE_DOWN,   10 * SECOND, 10 * MINUTE },
    { FAULT_PROTOCOL,   GATE_DOWN,   10 * SECOND, 10 * MINUTE },
    { FAULT_PERMISSION, GATE_PARKED, 5 * MINUTE,  60 * MINUTE },
    { FAULT_CONFIG,     GATE_PARKED, 5 * MINUTE,  60 * MINUTE },
};

static void grows_patient(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        const struct error err = error_of(failures[i].fault, "no");
        int64_t now = 0, delay = failures[i].first;
        struct gate gate;
        gate_init(&gate, 0, 0);
        for (int n = 0; n < 40; n++) {
            assert_int_equal(gate_failed(&gate, &err, now), n == 0);
            assert_int_equal(gate.state, failures[i].state);
            assert_in_range(gate.probe - now, delay, delay + delay / 4);
            now = gate.probe;
            delay = delay * 2 < failures[i].longest ? delay * 2
                                                    : failures[i].longest;
        }
        gate_flush(&gate, now);
        assert_int_equal(gate_take(&gate, 5, now), 1);
        gate_free(&gate);
    }
}

/* From down to parked is news, too: the administrator must hear of it. */
static void tells_what_is_new(void **state)
{
    const struct error down = error_of(FAULT_TEMPORARY, "down");
    const struct error parked = error_of(FAULT_PERMISSION, "password");
    struct gate gate;

    (void)state;
    gate_init(&gate, 0, 0);
    assert_true(gate_failed(&gate, &down, 0));
    assert_true(gate_failed(&gate, &parked, 1));
    assert_false(gate_failed(&gate, &parked, 2));
    assert_string_equal(gate.reason, "password");
    assert_true(gate_failed(&gate, &down, 3));
    assert_true(gate_opened(&gate, 4));
    assert_true(gate_failed(&gate, &parked, 5));
    gate_free(&gate);
}

static void keeps_to_messages_per_minute(void **state)
{
    struct gate gate;
    unsigned given = 0;
    int64_t now = 0;

    (void)state;
    gate_init(&gate, 60, 0);
    assert_int_equal(gate_take(&gate, 100, 0), 60);
    assert_int_equal(gate_take(&gate, 100, 0), 0);
    int64_t next = gate_next_time(&gate, 0);
    assert_in_range(next, 900, 1100);
    assert_int_equal(gate_take(&gate, 100, next), 1);
    for (now = next; now < next + 5 * MINUTE; now += 100)
        given += gate_take(&gate, 100, now);
    assert_in_range(given, 298, 301);
    /* A quiet hour saves up one minute's worth, not more. */
    assert_int_equal(gate_take(&gate, 1000, now + 60 * MINUTE), 60);
    gate_free(&gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_everything_through_while_up),
        cmocka_unit_test(probes_with_one_message),
        cmocka_unit_test(grows_patient),
        cmocka_unit_test(tells_what_is_new),
        cmocka_unit_test(keeps_to_messages_per_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
