#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/ready.h"
#include "relay/schedule.h"
#include "util/text.h"

static void is_a_ring_of_owners(void **state)
{
    static const uid_t uids[] = { 5, 5, 5, 7, 7, 261 };   /* 5 and 261 share
                                                           * a bucket */
    static const uid_t turns[] = { 5, 7, 261, 5, 7, 5 };
    struct message messages[COUNT(uids)] = { 0 };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(uids); i++) {
        messages[i].owner = uids[i];
        ready_add(&ready, &messages[i]);
    }
    for (size_t i = 0; i < COUNT(turns); i++) {
        struct message *message = ready_next(&ready, NULL, NULL);
        assert_int_equal(message->owner, turns[i]);
        ready_take(&ready, message);
        assert_int_equal(ready.count, COUNT(turns) - i - 1);
    }
    assert_null(ready_next(&ready, NULL, NULL));
    ready_free(&ready);
}

static void keeps_an_owners_order(void **state)
{
    struct message messages[4] = { 0 };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++)
        ready_add(&ready, &messages[i]);
    ready_remove(&ready, &messages[1]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &messages[0]);
    ready_remove(&ready, &messages[0]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &messages[2]);
    ready_remove(&ready, &messages[3]);
    ready_add(&ready, &messages[1]);
    ready_remove(&ready, &messages[2]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &messages[1]);
    ready_free(&ready);
}

static void holds_many_owners(void **state)
{
    enum { OWNERS = 1000 };
    static struct message messages[OWNERS];
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < OWNERS; i++) {
        messages[i] = (struct message){ .owner = (uid_t)i };
        ready_add(&ready, &messages[i]);
    }
    for (size_t i = 0; i < 2 * OWNERS; i++) {
        struct message *message = ready_next(&ready, NULL, NULL);
        assert_ptr_equal(message, &messages[i % OWNERS]);
        ready_take(&ready, message);
        ready_add(&ready, message);
    }
    ready_free(&ready);
}

static bool is_not_five(const void *context, const struct message *message)
{
    (void)context;
    return message->owner != 5;
}

/* One who has had enough is passed over, and keeps their turn. */
static void passes_over_what_does_not_fit(void **state)
{
    struct message messages[] = { { .owner = 5 }, { .owner = 6 },
                                  { .owner = 6 } };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++)
        ready_add(&ready, &messages[i]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &messages[0]);
    assert_ptr_equal(ready_next(&ready, is_not_five, NULL), &messages[1]);
    ready_take(&ready, &messages[1]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &messages[0]);
    ready_take(&ready, &messages[0]);
    assert_ptr_equal(ready_next(&ready, is_not_five, NULL), &messages[2]);
    ready_take(&ready, &messages[2]);
    assert_null(ready_next(&ready, NULL, NULL));
    ready_free(&ready);
}

static void take(struct ready *ready, uid_t owner)
{
    struct message *message = ready_next(ready, NULL, NULL);

    assert_int_equal(message->owner, owner);
    ready_take(ready, message);
}

/* One message does not wait for a turn of each owner who has many; and each
 * owner is new once a round. */
static void begins_with_new_owners(void **state)
{
    struct message messages[] = {
        { .owner = 1 }, { .owner = 1 }, { .owner = 1 }, { .owner = 2 },
        { .owner = 2 }, { .owner = 2 }, { .owner = 7 }, { .owner = 7 },
    };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < 6; i++)
        ready_add(&ready, &messages[i]);
    take(&ready, 1);
    take(&ready, 2);
    ready_add(&ready, &messages[6]);
    take(&ready, 7);
    ready_add(&ready, &messages[7]);
    take(&ready, 1);
    take(&ready, 2);
    take(&ready, 7);
    take(&ready, 1);
    ready_add(&ready, &messages[6]);
    take(&ready, 2);
    take(&ready, 7);
    assert_int_equal(ready.count, 0);
    assert_null(ready.turn);
    ready_free(&ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_ring_of_owners),
        cmocka_unit_test(keeps_an_owners_order),
        cmocka_unit_test(holds_many_owners),
        cmocka_unit_test(passes_over_what_does_not_fit),
        cmocka_unit_test(begins_with_new_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
