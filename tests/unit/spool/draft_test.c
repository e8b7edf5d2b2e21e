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

/* An envelope whose lines have that many octets: each of its recipients'
 * lines has 200 of them, but for the last, which has what is left. */
static void make_envelope(struct envelope *env, size_t octets)
{
    const size_t line = 200, words = strlen("to - - \n");
    size_t rest = octets - strlen("postrider 1 \nfrom \n\n") -
                  RANDOM_ID_LENGTH;
    struct error err;
    char path[256];

    *env = (struct envelope){ 0 };
    for (unsigned i = 0; rest > 0; i++) {
        size_t length = rest >= 2 * line ? line : rest < line + 50
                        ? rest : rest / 2;
        int at = snprintf(path, sizeof path, "%07u", i);
        memset(path + at, 'x', length);
        memcpy(path + length - words - 2, "@y", 3);
        assert_true(envelope_add_recipient(env, path, NULL, 0, &err));
        rest -= length;
    }
}

/* What a writer may write, every reader takes. */
static void bounds_are_those_of_the_reader(void **state)
{
    (void)state;
    for (size_t over = 0; over < 3; over++) {
        size_t octets = DRAFT_ENVELOPE_MAX - 1 + over;
        struct envelope env;
        struct error err;
        struct draft *draft = draft_new_unnamed(&err);
        make_envelope(&env, octets);
        if (draft_envelope(draft, &env, &err) != (over < 2))
            fail_msg("%zu octets: %s", octets, err.text);
        if (over < 2) {
            assert_true(draft_end(draft, false, &err));
            struct entry *entry = entry_open(dup(draft_descriptor(draft)),
                                             draft_id(draft), &err);
            if (entry == NULL || !entry_check(entry, &err))
                fail_msg("%zu octets: %s", octets, err.text);
            assert_int_equal(entry->content_start, octets);
            assert_int_equal(entry->envelope.count, env.count);
            entry_free(entry);
        }
        draft_free(draft);
        envelope_free(&env);
    }
}

static void keeps_to_its_limit(void **state)
{
    static const uint64_t limits[] = { 0, 1, 65536, 100000, UINT64_MAX };

    (void)state;
    for (size_t i = 0; i < COUNT(limits); i++)
        for (uint64_t size = limits[i] > 0 && limits[i] < UINT64_MAX
                             ? limits[i] - 1 : 0;
             size <= 100001 && size <= limits[i] + (limits[i] < UINT64_MAX);
             size++) {
            struct error err;
            struct draft *draft = draft_new_unnamed(&err);
            draft_set_limit(draft, limits[i]);
            bool taken = write_body(draft, size, 4096, &err);
            if (taken != (size <= limits[i]))
                fail_msg("%llu of %llu", (unsigned long long)size,
                         (unsigned long long)limits[i]);
            if (!taken)
                assert_int_equal(err.fault, FAULT_SIZE);
            draft_free(draft);
            if (limits[i] == UINT64_MAX)
                break;
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
        cmocka_unit_test(bounds_are_those_of_the_reader),
        cmocka_unit_test(keeps_to_its_limit),
        cmocka_unit_test(has_its_mode_with_any_umask),
        cmocka_unit_test(leaves_nothing_uncommitted),
        cmocka_unit_test(never_replaces),
        cmocka_unit_test(refuses_a_directory_that_lost_its_setgid_bit),
        cmocka_unit_test(refuses_a_spool_that_is_missing),
        cmocka_unit_test(refuses_what_a_small_file_limit_cuts),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
