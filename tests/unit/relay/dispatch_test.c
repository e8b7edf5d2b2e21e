/* Which messages go to which smarthost, and when: by a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <unistd.h>

#include "relay_fixture.h"
#include "relay/worker_pool.h"
#include "util/text.h"

enum { NONE = 0, MAIN = 1, SECOND = 2, BOTH = 3 };

static int set_up(void **state)
{
    struct relay *relay = alloc_zero(1, sizeof *relay);

    relay_set_up(relay);
    *state = relay;
    return 0;
}

static void submit(struct relay *relay, size_t recipients,
                   const char *smarthost)
{
    char id[RANDOM_ID_LENGTH + 1];

    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = recipients,
        .smarthost = smarthost });
    relay_pick_up(relay);
}

static void gives_at_its_time_and_not_before(void **state)
{
    struct relay *relay = *state;

    relay_start(relay);
    submit(relay, 2, NULL);
    relay_give(relay);
    assert_int_equal(relay->count, 2);
    relay_settle_all(relay, '4');
    relay_give(relay);
    assert_int_equal(relay->job, 0);
    int64_t next = dispatch_next_time(relay->parts.dispatch);
    relay_wait(relay, next - relay_now(relay)->awake - 1);
    relay_give(relay);
    assert_int_equal(relay->job, 0);
    relay_wait(relay, 1);
    relay_give(relay);
    assert_int_not_equal(relay->job, 0);
}

/* What one part came to is on disk before the next one goes. */
static void offers_every_recipient_in_parts(void **state)
{
    static const size_t parts[] = { 1000, 1000, 7 };
    struct relay *relay = *state;

    relay_start(relay);
    submit(relay, 2007, NULL);
    for (size_t i = 0; i < COUNT(parts); i++) {
        relay_give(relay);
        assert_int_equal(relay->count, parts[i]);
        assert_int_equal(relay->recipients[0], i * 1000);
        relay_settle_all(relay, '4');
    }
    relay_give(relay);
    assert_int_equal(relay->job, 0);
}

/* Two smarthosts: whether they are up, and whether a trial is due. */
static const struct order {
    enum availability_state first, second;
    bool trial_due;
    const char *smarthost;      /* that the message is bound to */
    unsigned chosen;
} orders[] = {
    { HOP_UP,     HOP_UP,   false, NULL,     MAIN },
    { HOP_DOWN,   HOP_UP,   false, NULL,     SECOND },
    { HOP_PARKED, HOP_UP,   false, NULL,     SECOND },
    { HOP_DOWN,   HOP_DOWN, false, NULL,     NONE },
    { HOP_DOWN,   HOP_DOWN, true,  NULL,     BOTH },
    { HOP_UP,     HOP_UP,   false, "second", SECOND },
    { HOP_UP,     HOP_DOWN, false, "second", NONE },
    { HOP_DOWN,   HOP_UP,   false, "main",   NONE },
    { HOP_DOWN,   HOP_UP,   true,  "main",   MAIN },
    { HOP_UP,     HOP_UP,   false, "gone",   NONE },
};

static void set_availability(struct relay *relay, size_t i,
                             enum availability_state state, bool due)
{
    int64_t now = relay_now(relay)->awake;

    relay->parts.hops->list[i].availability.state = state;
    relay->parts.hops->list[i].availability.trial_due = due ? now : now + 1;
}

static void takes_smarthosts_in_their_order(void **state)
{
    struct relay *relay = *state;

    relay->config.smarthost_count = 2;
    for (size_t i = 0; i < COUNT(orders); i++) {
        const struct order *order = &orders[i];
        relay_start(relay);
        set_availability(relay, 0, order->first, order->trial_due);
        set_availability(relay, 1, order->second, order->trial_due);
        submit(relay, 1, order->smarthost);
        relay->started = NONE;
        for (size_t n = 0; n < 2; n++) {
            relay->promised = false;
            relay_promise_worker(relay);
        }
        relay_dispatch(relay);
        relay_become_worker(relay);
        if (relay->started != order->chosen)
            fail_msg("order %zu: %u", i, relay->started);
        if (i + 1 < COUNT(orders)) {
            relay_stop(relay);
            fixture_empty(&relay->fixture);
        }
    }
}

/* Its mail goes, one message at a time, when a trial is due. */
static void tries_a_smarthost_that_is_down(void **state)
{
    struct relay *relay = *state;

    relay_start(relay);
    set_availability(relay, 0, HOP_DOWN, false);
    submit(relay, 1, NULL);
    submit(relay, 1, NULL);
    relay_give(relay);
    assert_int_equal(relay->job, 0);
    relay_wait(relay, 1);
    relay_give(relay);
    assert_int_not_equal(relay->job, 0);
    relay_settle_all(relay, '2');
    assert_int_equal(relay->parts.hops->list[0].availability.state, HOP_UP);
    relay_give(relay);
    assert_int_not_equal(relay->job, 0);
}

/* How many descriptors of this process lead to a file in drop/. */
static size_t count_open(const struct relay *relay)
{
    const char *path = relay->fixture.spool.path;
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    for (const struct dirent *one; (one = readdir(folder)) != NULL; ) {
        char link[PATH_MAX] = "", *start = alloc_format("%s/drop/", path);
        if (readlinkat(dirfd(folder), one->d_name, link, PATH_MAX - 1) > 0)
            count += text_starts(link, start);
        free(start);
    }
    closedir(folder);
    return count;
}

/* Whoever closes an unlinked file last waits until its blocks are free. */
static void leaves_the_last_close_to_the_worker(void **state)
{
    struct relay *relay = *state;

    relay_start(relay);
    submit(relay, 1, NULL);
    assert_int_equal(count_open(relay), 1);
    relay_give(relay);
    assert_int_not_equal(relay->original, -1);
    assert_int_equal(count_open(relay), 1);
    relay_settle_all(relay, '2');
    assert_int_equal(count_open(relay), 1);
    io_close(&relay->original);
    assert_int_equal(count_open(relay), 0);
}

/* With so many messages, is another connection opened beside the first one, if
 * that pays from 150 on? */
static bool asks_for_another(struct relay *relay, size_t messages, bool far)
{
    char id[RANDOM_ID_LENGTH + 1];

    fixture_empty(&relay->fixture);
    relay->smarthosts[0].connections = 4;
    relay_start(relay);
    for (size_t i = 0; i < messages; i++)
        relay_drop(relay, id, &(struct message_shape){
            .reverse_path = "a@example.com", .recipients = 1 });
    relay_pick_up(relay);
    struct concurrency *concurrency =
        &relay->parts.hops->list[0].workers->concurrency;
    concurrency_note(concurrency, 1000, relay_now(relay)->awake);
    concurrency->opening = INT32_MAX;
    relay_give(relay);
    concurrency->opening = 50000;
    concurrency->quickest = far ? 1000 : 999;
    pid_t before = relay->pid;
    relay_promise_worker(relay);
    relay_dispatch(relay);
    relay_become_worker(relay);
    return relay->pid != before;
}

/* One user may have 128 messages in memory; the others count, too, where a
 * message takes a millisecond or more. */
static void counts_what_is_not_taken_yet(void **state)
{
    assert_false(asks_for_another(*state, 140, true));
    relay_stop(*state);
    assert_false(asks_for_another(*state, 300, false));
    relay_stop(*state);
    assert_true(asks_for_another(*state, 300, true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_at_its_time_and_not_before,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(offers_every_recipient_in_parts,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(takes_smarthosts_in_their_order,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(tries_a_smarthost_that_is_down,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(leaves_the_last_close_to_the_worker,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(counts_what_is_not_taken_yet,
                                        set_up, relay_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
