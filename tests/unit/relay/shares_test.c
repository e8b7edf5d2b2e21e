/* The shares of users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "relay/shares.h"
#include "util/text.h"

enum { ALICE = 4001, NEXT = ALICE + 256 };      /* in the same bucket */

#define MEBIBYTE ((uint64_t)1 << 20)

static void add(struct shares *shares, enum share_kind kind, uid_t uid,
                size_t count, uint64_t octets)
{
    while (count-- > 0)
        shares_add(shares, kind, uid, octets);
}

/* Alice adds so many messages: the last one leaves no room. */
static const struct {
    enum share_kind kind;
    size_t count;
    uint64_t octets;
    bool of_root;               /* root has that bound, too */
} shares_of_one[] = {
    { SHARE_MEMORY, 128, 1, true },
    { SHARE_MEMORY, 16, MEBIBYTE, true },
    { SHARE_QUEUE, 50000, 1, false },
    { SHARE_QUEUE, 2048, MEBIBYTE, false },
    { SHARE_FAILED, 1000, 1, false },
    { SHARE_FAILED, 256, MEBIBYTE, false },
};

static void bounds_what_one_user_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shares_of_one); i++) {
        enum share_kind kind = shares_of_one[i].kind;
        size_t count = shares_of_one[i].count;
        uint64_t octets = shares_of_one[i].octets;
        struct shares *shares = shares_new();
        add(shares, kind, ALICE, count - 1, octets);
        assert_true(shares_have_room(shares, kind, ALICE));
        add(shares, kind, ALICE, 1, octets);
        assert_false(shares_have_room(shares, kind, ALICE));
        assert_false(shares_are_full(shares, kind));
        assert_true(shares_have_room(shares, kind, NEXT));
        shares_remove(shares, kind, ALICE, octets);
        assert_true(shares_have_room(shares, kind, ALICE));
        add(shares, kind, 0, count, octets);
        assert_int_equal(shares_have_room(shares, kind, 0),
                         !shares_of_one[i].of_root);
        shares_free(shares);
    }
}

/* So many users fill what there is. */
static const struct {
    enum share_kind kind;
    size_t users;
    size_t count;               /* of messages of each */
    uint64_t octets;
    size_t least;               /* one more user may have all the same */
} shares_of_all[] = {
    { SHARE_MEMORY, 2, 128, 1, 0 },
    { SHARE_MEMORY, 4, 16, MEBIBYTE, 0 },
    { SHARE_QUEUE, 6, 50000, 1, 1 },
};

static void bounds_what_all_users_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shares_of_all); i++) {
        enum share_kind kind = shares_of_all[i].kind;
        struct shares *shares = shares_new();
        for (size_t user = 1; user <= shares_of_all[i].users; user++) {
            assert_false(shares_crowd_out(shares, kind, ALICE));
            add(shares, kind, ALICE + (uid_t)user, shares_of_all[i].count,
                shares_of_all[i].octets);
        }
        assert_true(shares_are_full(shares, kind));
        assert_true(shares_crowd_out(shares, kind, ALICE));
        assert_false(shares_crowd_out(shares, kind, ALICE + 1));
        add(shares, kind, ALICE, shares_of_all[i].least, 1);
        assert_false(shares_have_room(shares, kind, ALICE));
        shares_free(shares);
    }
}

/* Each takes a descriptor, and half of them are for other things. */
static void takes_fewer_where_few_files_may_be_open(void **state)
{
    static const struct {
        rlim_t files;
        size_t most;
    } cases[] = {
        { 1024, 256 }, { 576, 256 }, { 256, 96 }, { 64, 4 }, { 20, 4 },
    };
    struct rlimit before, limit;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        limit = before;
        limit.rlim_cur = cases[i].files;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        struct shares *shares = shares_new();
        for (size_t k = 0; k < cases[i].most; k++) {
            assert_false(shares_are_full(shares, SHARE_MEMORY));
            shares_add(shares, SHARE_MEMORY, ALICE + (uid_t)k, 1);
        }
        assert_true(shares_are_full(shares, SHARE_MEMORY));
        shares_free(shares);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void forgets_one_kind(void **state)
{
    struct shares *shares = shares_new();

    (void)state;
    add(shares, SHARE_FAILED, ALICE, 1000, 1);
    add(shares, SHARE_FAILED, NEXT, 1, 1);
    add(shares, SHARE_QUEUE, ALICE, 1, 2048 * MEBIBYTE);
    assert_false(shares_have_room(shares, SHARE_FAILED, ALICE));
    assert_true(shares_have_room(shares, SHARE_FAILED, NEXT));
    shares_clear(shares, SHARE_FAILED);
    assert_true(shares_have_room(shares, SHARE_FAILED, ALICE));
    assert_false(shares_have_room(shares, SHARE_QUEUE, ALICE));
    shares_remove(shares, SHARE_QUEUE, ALICE, 2048 * MEBIBYTE);
    assert_true(shares_have_room(shares, SHARE_QUEUE, ALICE));
    shares_free(shares);
}

static void once_a_minute_each(void **state)
{
    struct askers askers = { 0 };

    (void)state;
    assert_int_equal(askers_note(&askers, 5, 1000), 0);
    assert_int_equal(askers_note(&askers, 5, 11000), 50000);
    assert_int_equal(askers_note(&askers, 6, 11000), 0);
    assert_int_equal(askers_note(&askers, 5, 61000), 0);
    assert_int_equal(askers_note(&askers, 6, 61000), 10000);
}

static void more_users_than_it_notes_wait(void **state)
{
    struct askers askers = { 0 };

    (void)state;
    for (uid_t uid = 0; uid < ASKERS_MAX; uid++)
        assert_int_equal(askers_note(&askers, uid, (int64_t)uid), 0);
    assert_int_equal(askers_note(&askers, 9999, 1000), ASKERS_TIME - 1000);
    assert_int_equal(askers_note(&askers, 9999, ASKERS_TIME), 0);
    assert_int_equal(askers_note(&askers, 9998, ASKERS_TIME), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_what_one_user_has),
        cmocka_unit_test(bounds_what_all_users_have),
        cmocka_unit_test(takes_fewer_where_few_files_may_be_open),
        cmocka_unit_test(forgets_one_kind),
        cmocka_unit_test(once_a_minute_each),
        cmocka_unit_test(more_users_than_it_notes_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
