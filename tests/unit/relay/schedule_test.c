#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "relay/schedule.h"
#include "util/alloc.h"
#include "util/text.h"

#define MANY 5000

/* As many as a test needs, one after the other. */
static struct message *add(struct schedule *schedule, unsigned number,
                           uid_t owner, int smarthost)
{
    static struct message messages[MANY];
    struct message *message = &messages[number % MANY];

    *message = (struct message){ .owner = owner, .smarthost = smarthost };
    schedule_add(schedule, message);
    return message;
}

static struct message *take(struct schedule *schedule, size_t smarthost,
                           bool any)
{
    struct message *message = schedule_next(schedule, smarthost, any, NULL,
                                          NULL);

    if (message != NULL)
        schedule_take(schedule, message);
    return message;
}

/* received is as it is due, which is not known once it is ready. */
static void wait_until(struct schedule *schedule, struct message *message,
                       int64_t due)
{
    message->received = due;
    schedule_at(schedule, message, due);
}

static void wakes_in_the_order_of_time(void **state)
{
    struct schedule *schedule = schedule_new(1);
    int64_t last = -1;

    (void)state;
    srand(1);
    for (unsigned i = 0; i < MANY; i++) {
        struct message *message = add(schedule, i, 0, -1);
        wait_until(schedule, message, rand() % 100000);
        if (i % 7 == 0)
            wait_until(schedule, message, rand() % 100000);
        if (i % 11 == 0)
            schedule_remove(schedule, message);
    }
    size_t count = schedule_count(schedule);
    while (schedule_next_time(schedule) != INT64_MAX) {
        int64_t next = schedule_next_time(schedule);
        assert_true(next > last);
        schedule_wake(schedule, next - 1);
        assert_null(take(schedule, 0, true));
        schedule_wake(schedule, next);
        for (struct message *message;
             (message = take(schedule, 0, true)) != NULL; count--) {
            assert_int_equal(message->received, next);
            schedule_remove(schedule, message);
        }
        last = next;
    }
    assert_int_equal(count, 0);
    assert_int_equal(schedule_count(schedule), 0);
    schedule_free(schedule);
}

/* However many one user has, another waits for one of his only. */
static void takes_turns_among_owners(void **state)
{
    struct schedule *schedule = schedule_new(1);
    size_t taken[3] = { 0 };

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        add(schedule, i, 0, -1);
    for (unsigned i = 1000; i < 1010; i++)
        add(schedule, i, 1, -1);
    for (unsigned i = 1010; i < 1020; i++)
        add(schedule, i, 2, -1);
    schedule_wake(schedule, 0);
    assert_int_equal(schedule_ready_for(schedule, 0, true), 1020);
    for (int i = 0; i < 30; i++)
        taken[take(schedule, 0, true)->owner]++;
    assert_int_equal(taken[0], 10);
    assert_int_equal(taken[1], 10);
    assert_int_equal(taken[2], 10);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_OUT), 30);
    schedule_free(schedule);
}

static void gives_each_smarthost_its_own(void **state)
{
    struct schedule *schedule = schedule_new(2);

    (void)state;
    struct message *first = add(schedule, 1, 0, 0);
    struct message *second = add(schedule, 2, 0, 1);
    struct message *any = add(schedule, 3, 0, -1);
    struct message *missing = add(schedule, 4, 0, SMARTHOST_MISSING);
    schedule_wake(schedule, 1);
    assert_int_equal(schedule_ready_for(schedule, 0, true), 2);
    assert_int_equal(schedule_ready_for(schedule, 0, false), 1);
    assert_ptr_equal(take(schedule, 1, true), second);
    assert_ptr_equal(take(schedule, 1, true), any);
    assert_null(take(schedule, 1, true));
    assert_int_equal(schedule_count_in(schedule, MESSAGE_READY), 2);
    assert_int_equal(schedule_count_missing(schedule), 1);
    missing->missing = alloc_string("no smarthost");
    schedule_unbind(schedule, missing);
    assert_null(missing->missing);
    assert_int_equal(schedule_count_missing(schedule), 0);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_READY), 2);
    assert_ptr_equal(take(schedule, 1, true), missing);
    assert_ptr_equal(take(schedule, 0, true), first);
    schedule_at(schedule, any, 0);
    schedule_wake(schedule, 0);
    assert_null(take(schedule, 0, false));
    schedule_at(schedule, first, 1000);
    schedule_at(schedule, second, 1000);
    schedule_at(schedule, any, 1000);
    schedule_release(schedule, 1);
    assert_int_equal(schedule_ready_for(schedule, 1, true), 2);
    assert_int_equal(first->place, MESSAGE_TIMED);
    schedule_free(schedule);
}

static void counts_every_place(void **state)
{
    struct schedule *schedule = schedule_new(1);
    struct message *messages[6];

    (void)state;
    for (unsigned i = 0; i < COUNT(messages); i++)
        messages[i] = add(schedule, i, i, -1);
    schedule_wake(schedule, 0);
    schedule_at(schedule, messages[0], 50);
    schedule_hold(schedule, messages[1]);
    schedule_hold(schedule, messages[2]);
    schedule_hold(schedule, messages[2]);
    take(schedule, 0, true);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_TIMED), 1);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_HELD), 2);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_OUT), 1);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_READY), 2);
    schedule_wake(schedule, 1000);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_HELD), 2);
    schedule_release(schedule, 0);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_HELD), 2);
    schedule_at(schedule, messages[1], 0);
    for (unsigned i = 0; i < COUNT(messages); i++)
        schedule_remove(schedule, messages[i]);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_HELD), 0);
    assert_int_equal(schedule_count_in(schedule, MESSAGE_OUT), 0);
    assert_int_equal(schedule_next_time(schedule), INT64_MAX);
    schedule_free(schedule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wakes_in_the_order_of_time),
        cmocka_unit_test(takes_turns_among_owners),
        cmocka_unit_test(gives_each_smarthost_its_own),
        cmocka_unit_test(counts_every_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
