/* What a failing system call does to these is in tests/fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "util/text.h"

#define RECEIVED 1700000000

static const struct drop_limits limits = { 100000, 100000 };
static const struct drop_limits on_disk = { 100000, 0 };

static struct entry *take_one(const struct fixture *fixture, char *id)
{
    struct entry *entry = NULL;
    struct error err;

    fixture_drop(fixture, id);
    assert_int_equal(drop_take(&fixture->spool, id, &limits, &entry, &err),
                     DROP_TAKEN);
    return entry;
}

static void store_one(const struct fixture *fixture, char *id)
{
    struct entry *entry = take_one(fixture, id);
    struct error err;

    entry->uid = 4242;
    if (!queue_store(&fixture->spool, entry, RECEIVED, NULL, &err))
        fail_msg("%s", err.text);
    entry_free(entry);
}

static void keeps_time_and_owner(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    int64_t received;

    fixture_empty(fixture);
    store_one(fixture, id);
    assert_false(fixture_exists(fixture->spool.drop, id));
    assert_int_equal(fixture_count(fixture->spool.queue), 1);
    struct entry *entry = queue_file_open(&fixture->spool, id, &received, &err);
    assert_non_null(entry);
    assert_int_equal(received, RECEIVED);
    assert_int_equal(entry->uid, 4242);
    assert_int_equal(entry->content_length, strlen(FIXTURE_BODY));
    entry_free(entry);
}

static void tells_damaged_from_missing(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    int64_t received;

    fixture_empty(fixture);
    random_id(id);
    assert_null(queue_file_open(&fixture->spool, id, &received, &err));
    assert_int_equal(err.fault, FAULT_IO);
    fixture_write(fixture->spool.queue, id, "postrider 1 ", 12);
    assert_null(queue_file_open(&fixture->spool, id, &received, &err));
    assert_int_equal(err.fault, FAULT_DATA);
    assert_true(queue_fail(&fixture->spool, id, &err));
    assert_true(fixture_exists(fixture->spool.failed, id));
    assert_false(queue_fail(&fixture->spool, id, &err));
}

/* Callers choose the names of their messages. */
static void replaces_nothing_in_failed(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct stat status;
    struct error err;

    fixture_empty(fixture);
    store_one(fixture, id);
    fixture_write(fixture->spool.failed, id, "other", 5);
    assert_false(queue_fail(&fixture->spool, id, &err));
    assert_int_equal(err.fault, FAULT_IO);
    assert_true(fixture_exists(fixture->spool.queue, id));
    assert_int_equal(fstatat(fixture->spool.failed, id, &status, 0), 0);
    assert_int_equal(status.st_size, 5);
}

/* What an earlier move left under the name of its state is not believed. */
static void takes_its_own_state_to_failed(void **state)
{
    struct fixture *fixture = *state;

    for (int has_state = 0; has_state < 2; has_state++) {
        char id[RANDOM_ID_LENGTH + 1];
        struct error err;
        struct state *known = state_new(2);
        known->attempts = 3;
        fixture_empty(fixture);
        store_one(fixture, id);
        char *name = alloc_format("%s.state", id);
        fixture_write(fixture->spool.failed, name, "old", 3);
        if (has_state)
            assert_true(state_save(&fixture->spool, id, known, &err));
        assert_true(queue_fail(&fixture->spool, id, &err));
        assert_int_equal(fixture_count(fixture->spool.state), 0);
        assert_int_equal(fixture_exists(fixture->spool.failed, name),
                         has_state);
        state_free(known);
        known = state_load_failed(&fixture->spool, id, 2, &err);
        assert_non_null(known);
        assert_int_equal(known->attempts, has_state ? 3 : 0);
        state_free(known);
        free(name);
    }
}

static void removes_every_trace(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    struct state *known = state_new(2);

    fixture_empty(fixture);
    store_one(fixture, id);
    assert_true(state_save(&fixture->spool, id, known, &err));
    assert_true(queue_remove(&fixture->spool, id, &QUEUE_ALL_FILES, true));
    assert_true(queue_remove(&fixture->spool, id, &QUEUE_ALL_FILES, false));
    assert_int_equal(fixture_count(fixture->spool.queue), 0);
    assert_int_equal(fixture_count(fixture->spool.state), 0);
    state_free(known);
}

/* A file of that name in drop/: the same as was taken, or another's. */
static void drop_again(const struct fixture *fixture, const char *id,
                       const char *body)
{
    struct buf text;

    fixture_text(id, body, &text);
    fixture_write(fixture->spool.drop, id, text.data, text.length);
    buf_free(&text);
}

static const struct {
    const char *body;
    uid_t uid;                  /* whose message is in queue/ */
    bool original;
} again[] = {
    { FIXTURE_BODY, 0, true },
    { FIXTURE_BODY "more\r\n", 0, false },
    { FIXTURE_BODY, 4242, false },
};

static void store_then_drop_again(const struct fixture *fixture, size_t i,
                                  char *id)
{
    struct error err;

    fixture_empty(fixture);
    struct entry *entry = take_one(fixture, id);
    entry->uid = again[i].uid == 0 ? geteuid() : again[i].uid;
    assert_true(queue_store(&fixture->spool, entry, RECEIVED, NULL, &err));
    entry_free(entry);
    drop_again(fixture, id, again[i].body);
}

static void leaves_others_of_that_name_in_drop(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct entry *entry = NULL;
    struct error err;

    for (size_t i = 0; i < COUNT(again); i++) {
        store_then_drop_again(fixture, i, id);
        assert_int_equal(drop_take(&fixture->spool, id, &on_disk, &entry, &err),
                         again[i].original ? DROP_GONE : DROP_LATER);
        assert_int_equal(fixture_count(fixture->spool.queue), 1);
        assert_int_equal(fixture_count(fixture->spool.drop),
                         again[i].original ? 0 : 1);
        store_then_drop_again(fixture, i, id);
        assert_true(queue_remove(&fixture->spool, id, &QUEUE_ALL_FILES, true));
        assert_int_equal(fixture_count(fixture->spool.queue), 0);
        assert_int_equal(fixture_count(fixture->spool.drop),
                         again[i].original ? 0 : 1);
    }
}

/* Nor what is known of it, which would be about another message then. */
static void replaces_no_other_message(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    struct state *known = state_new(2);

    fixture_empty(fixture);
    struct entry *entry = take_one(fixture, id);
    struct buf text;
    fixture_text(id, "Subject: other\r\n\r\n", &text);
    fixture_write(fixture->spool.queue, id, text.data, text.length);
    assert_false(queue_store(&fixture->spool, entry, RECEIVED, known, &err));
    assert_int_equal(fixture_count(fixture->spool.queue), 1);
    assert_int_equal(fixture_count(fixture->spool.state), 0);
    assert_true(fixture_exists(fixture->spool.drop, id));
    struct buf kept;
    buf_init(&kept, SIZE_MAX);
    int fd = openat(fixture->spool.queue, id, O_RDONLY | O_CLOEXEC);
    assert_true(io_read_all(fd, &kept, &err));
    assert_string_equal(kept.data, text.data);
    close(fd);
    buf_free(&kept);
    buf_free(&text);
    entry_free(entry);
    state_free(known);
}

/* Its copy, or the message itself, may have no name yet, and no ticket. */
static void takes_no_name_that_a_state_has(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    struct entry *entry = NULL;
    struct error err;

    fixture_empty(fixture);
    fixture_drop(fixture, id);
    char *temporary = alloc_format(".%s", id);
    fixture_write(fixture->spool.queue, temporary, "kept", 4);
    fixture_write(fixture->spool.state, id, "kept", 4);
    assert_int_equal(drop_take(&fixture->spool, id, &on_disk, &entry, &err),
                     DROP_LATER);
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
    struct stat status;
    assert_int_equal(fstatat(fixture->spool.queue, temporary, &status, 0), 0);
    assert_int_equal(status.st_size, 4);
    free(temporary);
}

/* A directory with other owners or modes is no spool. */
static void is_strict_about_modes(void **state)
{
    static const struct {
        const char *name;
        mode_t wrong, right;
    } cases[] = {
        { "drop", 0777, 03733 }, { "drop", 01733, 03733 },
        { "queue", 0755, 0700 }, { "state", 0770, 0700 },
        { "failed", 0701, 0700 }, { ".", 0777, 0755 }, { ".", 0775, 0755 },
    };
    struct fixture *fixture = *state;
    struct error err;

    /* Only one daemon has it open. */
    spool_close(&fixture->spool);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct spool spool;
        char *path = alloc_format("%s/%s", fixture->path, cases[i].name);
        assert_int_equal(chmod(path, cases[i].wrong), 0);
        if (spool_open(&spool, fixture->path, true, &err))
            fail_msg("%s with mode %o", cases[i].name,
                     (unsigned)cases[i].wrong);
        assert_int_equal(err.fault, FAULT_CONFIG);
        assert_non_null(strstr(err.text, "chmod"));
        assert_int_equal(chmod(path, cases[i].right), 0);
        if (!spool_open(&spool, fixture->path, true, &err))
            fail_msg("%s", err.text);
        spool_close(&spool);
        free(path);
    }
    assert_true(spool_open(&fixture->spool, fixture->path, true, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_time_and_owner),
        cmocka_unit_test(tells_damaged_from_missing),
        cmocka_unit_test(replaces_nothing_in_failed),
        cmocka_unit_test(takes_its_own_state_to_failed),
        cmocka_unit_test(removes_every_trace),
        cmocka_unit_test(leaves_others_of_that_name_in_drop),
        cmocka_unit_test(replaces_no_other_message),
        cmocka_unit_test(takes_no_name_that_a_state_has),
        cmocka_unit_test(is_strict_about_modes),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
