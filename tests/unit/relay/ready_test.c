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
        struct ticket *ticket = ready_next(&ready);
        assert_int_equal(ticket->uid, turns[i]);
        ready_remove(&ready, ticket);
        assert_int_equal(ready.count, COUNT(turns) - i - 1);
    }
    assert_null(ready_next(&ready));
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
    assert_ptr_equal(ready_next(&ready), &tickets[0]);
    ready_remove(&ready, &tickets[0]);
    assert_ptr_equal(ready_next(&ready), &tickets[2]);
    ready_remove(&ready, &tickets[3]);
    ready_add(&ready, &tickets[1]);
    ready_remove(&ready, &tickets[2]);
    assert_ptr_equal(ready_next(&ready), &tickets[1]);
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
    for (size_t i = 0; i < 2 * OWNERS; i++)
        assert_ptr_equal(ready_next(&ready), &tickets[i % OWNERS]);
    ready_free(&ready);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_ring_of_owners),
        cmocka_unit_test(keeps_an_owners_order),
        cmocka_unit_test(holds_many_owners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
