/* The shares of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/shares.h"

enum { ALICE = 4001, NEXT = ALICE + 256 };      /* in the same bucket */

static void forgets_one_kind(void **state)
{
    struct shares *shares = shares_new();

    (void)state;
    for (int i = 0; i < 1000; i++)
        shares_add(shares, SHARE_FAILED, ALICE, 1);
    shares_add(shares, SHARE_FAILED, NEXT, 1);
    shares_add(shares, SHARE_QUEUE, ALICE, 2ull << 30);
    assert_false(shares_have_room(shares, SHARE_FAILED, ALICE));
    assert_true(shares_have_room(shares, SHARE_FAILED, NEXT));
    shares_clear(shares, SHARE_FAILED);
    assert_true(shares_have_room(shares, SHARE_FAILED, ALICE));
    assert_false(shares_have_room(shares, SHARE_QUEUE, ALICE));
    shares_remove(shares, SHARE_QUEUE, ALICE, 2ull << 30);
    assert_true(shares_have_room(shares, SHARE_QUEUE, ALICE));
    shares_free(shares);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_one_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
