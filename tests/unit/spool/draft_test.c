#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

#include "spool_fixture.h"
#include "util/text.h"

static bool write_body(struct draft *draft, size_t size, size_t piece,
                       struct error *err)
{
    struct envelope env;
    char *data = alloc_zero(piece, 1);
    bool done;

    memset(data, 'y', piece);
    fixture_envelope(&env);
    done = draft_envelope(draft, &env, err);
    for (size_t at = 0; done && at < size; at += piece)
        done = draft_add(draft, data, piece < size - at ? piece : size - at,
                         err);
    done = done && draft_end(draft, true, err);
    envelope_free(&env);
    free(data);
    return done;
}

/* In pieces of any size, around the size of the buffer and that of what is
 * kept in memory. */
static void holds_messages_of_any_size(void **state)
{
    static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 200000,
                                    1048576, 3000000 };
    static const size_t pieces[] = { 100, 65536, 65537, 4000000 };

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (size_t p = 0; p < COUNT(pieces); p++) {
            struct error err;
            struct draft *draft = draft_new_unnamed(&err);
            assert_non_null(draft);
            assert_true(write_body(draft, sizes[i], pieces[p], &err));
            struct entry *entry = entry_open(dup(draft_descriptor(draft)),
                                             draft_id(draft), &err);
            if (entry == NULL)
                fail_msg("%zu in %zu: %s", sizes[i], pieces[p], err.text);
            assert_int_equal(entry->content_length, sizes[i]);
            assert_true(entry->is_8bit);
            entry_free(entry);
            draft_free(draft);
        }
}

static void has_its_mode_with_any_umask(void **state)
{
    static const mode_t masks[] = { 0, 022, 077, 0177, 0777 };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(masks); i++) {
        struct error err;
        struct stat status;
        fixture_empty(fixture);
        mode_t before = umask(masks[i]);
        struct draft *draft = draft_new_dropped(fixture->path, &err);
        umask(before);
        if (draft == NULL)
            fail_msg("umask %03o: %s", (unsigned)masks[i], err.text);
        assert_true(write_body(draft, 10, 10, &err));
        assert_int_equal(fixture_count(fixture->spool.drop), 0);
        assert_true(draft_commit(draft, &err));
        assert_int_equal(fstatat(fixture->spool.drop, draft_id(draft),
                                 &status, 0), 0);
        assert_int_equal(status.st_mode & 07777, 0640);
        draft_free(draft);
        assert_int_equal(fixture_count(fixture->spool.drop), 1);
    }
}

static void leaves_nothing_uncommitted(void **state)
{
    struct fixture *fixture = *state;
    struct error err;

    fixture_empty(fixture);
    struct draft *draft = draft_new_dropped(fixture->path, &err);
    assert_true(write_body(draft, 100000, 1000, &err));
    draft_free(draft);
    assert_int_equal(fixture_count(fixture->spool.drop), 0);
}

/* A queue-id that exists is never replaced. */
static void never_replaces(void **state)
{
    struct fixture *fixture = *state;
    struct error err;

    fixture_empty(fixture);
    struct draft *draft = draft_new_dropped(fixture->path, &err);
    assert_true(write_body(draft, 10, 10, &err));
    fixture_write(fixture->spool.drop, draft_id(draft), "other", 5);
    assert_false(draft_commit(draft, &err));
    assert_int_equal(error_exit_status(err.fault), 75);
    draft_free(draft);
    assert_int_equal(fixture_count(fixture->spool.drop), 1);
}

static void refuses_a_directory_that_lost_its_setgid_bit(void **state)
{
    struct fixture *fixture = *state;
    struct error err;

    if (geteuid() != 0)
        skip();
    assert_int_equal(fchown(fixture->spool.drop, 0, 65534), 0);
    assert_int_equal(fchmod(fixture->spool.drop, 01733), 0);
    assert_null(draft_new_dropped(fixture->path, &err));
    assert_int_equal(error_exit_status(err.fault), 78);
    assert_int_equal(fchmod(fixture->spool.drop, 03733), 0);
    struct draft *draft = draft_new_dropped(fixture->path, &err);
    assert_non_null(draft);
    draft_free(draft);
    assert_int_equal(fchown(fixture->spool.drop, 0, getegid()), 0);
    assert_int_equal(fchmod(fixture->spool.drop, 03733), 0);
}

static void refuses_a_spool_that_is_missing(void **state)
{
    struct error err;

    (void)state;
    assert_null(draft_new_dropped("/nonexistent/spool", &err));
    assert_int_equal(error_exit_status(err.fault), 75);
}

/* SIGXFSZ is ignored by sendmail, as here: then write(2) fails. */
static void refuses_what_a_small_file_limit_cuts(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, small;
    struct error err;

    fixture_empty(fixture);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    struct draft *draft = draft_new_dropped(fixture->path, &err);
    setrlimit(RLIMIT_FSIZE, &small);
    bool done = write_body(draft, 100000, 1000, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(done);
    assert_int_equal(error_exit_status(err.fault), 75);
    draft_free(draft);
    assert_int_equal(fixture_count(fixture->spool.drop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_messages_of_any_size),
        cmocka_unit_test(has_its_mode_with_any_umask),
        cmocka_unit_test(leaves_nothing_uncommitted),
        cmocka_unit_test(never_replaces),
        cmocka_unit_test(refuses_a_directory_that_lost_its_setgid_bit),
        cmocka_unit_test(refuses_a_spool_that_is_missing),
        cmocka_unit_test(refuses_what_a_small_file_limit_cuts),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
