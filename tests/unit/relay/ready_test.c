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
    struct ticket tickets[COUNT(uids)] = { 0 };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(uids); i++) {
        tickets[i].uid = uids[i];
        ready_add(&ready, &tickets[i]);
    }
    for (size_t i = 0; i < COUNT(turns); i++) {
        struct ticket *ticket = ready_next(&ready, NULL, NULL);
        assert_int_equal(ticket->uid, turns[i]);
        ready_take(&ready, ticket);
        assert_int_equal(ready.count, COUNT(turns) - i - 1);
    }
    assert_null(ready_next(&ready, NULL, NULL));
    ready_free(&ready);
}

static void keeps_an_owners_order(void **state)
{
    struct ticket tickets[4] = { 0 };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(tickets); i++)
        ready_add(&ready, &tickets[i]);
    ready_remove(&ready, &tickets[1]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &tickets[0]);
    ready_remove(&ready, &tickets[0]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &tickets[2]);
    ready_remove(&ready, &tickets[3]);
    ready_add(&ready, &tickets[1]);
    ready_remove(&ready, &tickets[2]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &tickets[1]);
    ready_free(&ready);
}

static void holds_many_owners(void **state)
{
    enum { OWNERS = 1000 };
    static struct ticket tickets[OWNERS];
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < OWNERS; i++) {
        tickets[i] = (struct ticket){ .uid = (uid_t)i };
        ready_add(&ready, &tickets[i]);
    }
    for (size_t i = 0; i < 2 * OWNERS; i++) {
        struct ticket *ticket = ready_next(&ready, NULL, NULL);
        assert_ptr_equal(ticket, &tickets[i % OWNERS]);
        ready_take(&ready, ticket);
        ready_add(&ready, ticket);
    }
    ready_free(&ready);
}

static bool is_not_five(const void *context, const struct ticket *ticket)
{
    (void)context;
    return ticket->uid != 5;
}

/* One who has had enough is passed over, and keeps their turn. */
static void passes_over_what_does_not_fit(void **state)
{
    struct ticket tickets[] = { { .uid = 5 }, { .uid = 6 }, { .uid = 6 } };
    struct ready ready = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(tickets); i++)
        ready_add(&ready, &tickets[i]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &tickets[0]);
    assert_ptr_equal(ready_next(&ready, is_not_five, NULL), &tickets[1]);
    ready_take(&ready, &tickets[1]);
    assert_ptr_equal(ready_next(&ready, NULL, NULL), &tickets[0]);
    ready_take(&ready, &tickets[0]);
    assert_ptr_equal(ready_next(&ready, is_not_five, NULL), &tickets[2]);
    ready_take(&ready, &tickets[2]);
    assert_null(ready_next(&ready, NULL, NULL));
    ready_free(&ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_ring_of_owners),
        cmocka_unit_test(keeps_an_owners_order),
        cmocka_unit_test(holds_many_owners),
        cmocka_unit_test(passes_over_what_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
