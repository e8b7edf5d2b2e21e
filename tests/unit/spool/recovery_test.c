/* What a failing system call does to these is in tests/fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "spool/recovery.h"

static const struct drop_limits limits = { 100000, 100000 };

/* A message of drop/ with a copy in queue/. */
static void drop_and_store(const struct fixture *fixture, char *id)
{
    struct entry *entry = NULL;
    struct buf text;
    struct error err;

    fixture_drop(fixture, id);
    assert_int_equal(drop_take(&fixture->spool, id, &limits, &entry, &err),
                     DROP_TAKEN);
    if (!queue_store(&fixture->spool, entry, 1700000000, NULL, &err))
        fail_msg("%s", err.text);
    entry_free(entry);
    fixture_text(id, FIXTURE_BODY, &text);
    fixture_write(fixture->spool.drop, id, text.data, text.length);
    buf_free(&text);
}

static struct recovery *begin(const struct fixture *fixture)
{
    struct error err;

    struct recovery *recovery = recovery_new(&fixture->spool, &err);
    assert_non_null(recovery);
    return recovery;
}

static void finds_only_messages(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    char id[RANDOM_ID_LENGTH + 1], found[RANDOM_ID_LENGTH + 1] = "";
    enum recovery_step step;

    fixture_empty(fixture);
    drop_and_store(fixture, id);
    fixture_write(spool->queue, "README", "x", 1);
    fixture_write(spool->state, "ffffffffffffffffffffffffffffffff", "x", 1);
    fixture_write(spool->state, ".ffffffffffffffffffffffffffffffff", "x", 1);
    fixture_write(spool->state, "journal.1", "x", 1);
    struct recovery *recovery = begin(fixture);
    assert_int_equal(recovery_left(recovery), 1);
    assert_int_equal(recovery_go_on(recovery, found), RECOVERY_FOUND);
    assert_string_equal(found, id);
    assert_int_equal(recovery_left(recovery), 0);
    assert_false(fixture_exists(spool->drop, id));
    while ((step = recovery_go_on(recovery, found)) != RECOVERY_DONE)
        assert_int_equal(step, RECOVERY_MORE);
    assert_int_equal(fixture_count(spool->state), 1);
    assert_true(fixture_exists(spool->state, "journal.1"));
    assert_int_equal(fixture_count(spool->queue), 2);
    recovery_free(recovery);
}

static void finds_before_its_turn(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    char id[RANDOM_ID_LENGTH + 1], other[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    drop_and_store(fixture, id);
    fixture_drop(fixture, other);
    fixture_write(spool->state, other, "x", 1);
    struct recovery *recovery = begin(fixture);
    assert_true(recovery_find(recovery, id));
    assert_false(fixture_exists(spool->drop, id));
    /* What is left of an earlier one is not about that in drop/. */
    assert_false(recovery_find(recovery, other));
    assert_false(fixture_exists(spool->state, other));
    assert_true(fixture_exists(spool->drop, other));
    recovery_free(recovery);
}

/* A message is done before its turn, and its name used again. */
static void leaves_a_later_one_of_that_name(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    char id[RANDOM_ID_LENGTH + 1], found[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    drop_and_store(fixture, id);
    struct recovery *recovery = begin(fixture);
    assert_int_equal(unlinkat(spool->queue, id, 0), 0);
    assert_int_equal(recovery_go_on(recovery, found), RECOVERY_FOUND);
    assert_true(fixture_exists(spool->drop, id));
    assert_false(recovery_find(recovery, id));
    assert_true(fixture_exists(spool->drop, id));
    recovery_free(recovery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_only_messages),
        cmocka_unit_test(finds_before_its_turn),
        cmocka_unit_test(leaves_a_later_one_of_that_name),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
