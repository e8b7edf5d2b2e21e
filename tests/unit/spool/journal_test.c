#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool/journal.h"
#include "spool_fixture.h"
#include "util/text.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "ffffffffffffffffffffffffffffffff"

/* All that was read, as "ID:0,2;" */
static bool collect(void *context, const char *id, const size_t *indices,
                    size_t count)
{
    struct buf *out = context;

    buf_add_format(out, "%.4s:", id);
    for (size_t i = 0; i < count; i++)
        buf_add_format(out, "%s%zu", i == 0 ? "" : ",", indices[i]);
    buf_add_char(out, ';');
    return strncmp(id, "ffff", 4) != 0;
}

static void remembers_acceptances(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    static const size_t indices[] = { 0, 2, 100000 };
    struct error err;
    struct buf out;

    unsigned one = 1, other = 22;
    int first = journal_create(spool, "main", &one, &err);
    int second = journal_create(spool, "main", &other, &err);
    journal_note(first, A, indices, 1);
    journal_note(first, B, indices, 3);
    journal_note(first, B, indices, 0);
    journal_note(second, A, indices + 1, 1);
    journal_note(-1, A, indices, 1);
    buf_init(&out, SIZE_MAX);
    assert_false(journal_read(spool, 1, collect, &out));
    assert_string_equal(out.data, "0123:0;ffff:0,2,100000;");
    buf_clear(&out);
    assert_false(journal_read(spool, 7, collect, &out));
    assert_string_equal(out.data, "");
    assert_true(journal_read(spool, 22, collect, &out));
    journal_remove(spool, 1);
    journal_remove(spool, 22);
    assert_int_equal(fixture_count(spool->state), 0);
    close(first);
    close(second);
    buf_free(&out);
}

/* A worker may outlive its daemon: the next one finds that out by the lock,
 * which copies of the descriptor have in common. */
static void is_held_for_a_smarthost(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    unsigned number = 1;
    struct strings names;
    struct error err;
    size_t count;

    int ours = journal_create(spool, "main", &number, &err);
    int workers = dup(ours);
    close(ours);
    assert_true(journal_list(spool, &names, &err));
    free(journal_find_held(spool, &names, "other", &count));
    assert_int_equal(count, 0);
    int *held = journal_find_held(spool, &names, "main", &count);
    assert_int_equal(count, 1);
    assert_true(journal_is_held(held[0], "main"));
    close(workers);
    assert_false(journal_is_held(held[0], "main"));
    close(held[0]);
    free(held);
    free(journal_find_held(spool, &names, "main", &count));
    assert_int_equal(count, 0);
    strings_free(&names);
    journal_remove(spool, 1);
}

/* Many smarthosts have many workers; what another wrote is not emptied. */
static void takes_no_journal_that_is_there(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    static const size_t index = 0;
    unsigned one = 3, other = 3;
    struct error err;
    struct buf out;

    int first = journal_create(spool, "main", &one, &err);
    journal_note(first, A, &index, 1);
    int second = journal_create(spool, "main", &other, &err);
    assert_int_not_equal(second, -1);
    assert_int_equal(one, 3);
    assert_int_equal(other, 4);
    buf_init(&out, SIZE_MAX);
    journal_read(spool, 3, collect, &out);
    assert_string_equal(out.data, "0123:0;");
    journal_remove(spool, 3);
    journal_remove(spool, 4);
    close(first);
    close(second);
    buf_free(&out);
}

/* What could not be recorded is there at the next start. */
static void keeps_what_was_not_taken(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct strings names;
    struct error err;
    struct buf out;

    buf_init(&out, SIZE_MAX);
    fixture_write(spool->state, "journal.0", B " 1\n", strlen(B " 1\n"));
    fixture_write(spool->state, "journal.9", A " 0\n", strlen(A " 0\n"));
    for (int start = 0; start < 2; start++) {
        assert_true(journal_list(spool, &names, &err));
        assert_int_equal(journal_take_all(spool, &names, collect, &out), 1);
        strings_free(&names);
        assert_int_equal(fixture_count(spool->state), 1);
        assert_true(fixture_exists(spool->state, "journal.0"));
    }
    assert_non_null(strstr(out.data, "0123:0;"));
    assert_int_equal(out.length, strlen("0123:0;ffff:1;ffff:1;"));
    journal_remove(spool, 0);
    buf_free(&out);
}

/* The states of messages are there, too, and what was taken is removed. */
static void takes_journals_alone(void **state)
{
    static const char *const names[] = { A, "." B, "findings", "journal",
                                         "journal.", "journal.1x" };
    const struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    struct strings found;
    struct error err;
    struct buf out;

    fixture_empty(fixture);
    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < COUNT(names); i++)
        fixture_write(spool->state, names[i], A " 0\n", strlen(A " 0\n"));
    fixture_write(spool->state, "journal.12", A " 7\n", strlen(A " 7\n"));
    assert_true(journal_list(spool, &found, &err));
    assert_int_equal(journal_take_all(spool, &found, collect, &out), 0);
    assert_string_equal(out.data, "0123:7;");
    assert_int_equal(fixture_count(spool->state), COUNT(names));
    strings_free(&found);
    buf_free(&out);
    fixture_empty(fixture);
}

/* The writer may be killed in the midst of a line. */
static const struct {
    const char *text;
    const char *read;
} cases[] = {
    { A " 0\n" B " 1",          "0123:0;" },
    { A " 0\n" B " 1,\n",       "0123:0;ffff:1;" },
    { A " 0\n" B " \n",         "0123:0;" },
    { A " 0\n" B "\n",          "0123:0;" },
    { A " 0\n" B,               "0123:0;" },
    { A " 0\nffff 1\n",         "0123:0;" },
    { A " 0\n\n\n" B " 1\n",    "0123:0;ffff:1;" },
    { A " -1\n",                "" },
    { A " 1x\n",                "" },
    { A " 99999999999999999999999\n", "" },
    { "",                       "" },
};

static void skips_what_is_not_whole(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        fixture_write(spool->state, "journal.5", cases[i].text,
                      strlen(cases[i].text));
        buf_init(&out, SIZE_MAX);
        journal_read(spool, 5, collect, &out);
        if (strcmp(out.data, cases[i].read) != 0)
            fail_msg("%s: %s", cases[i].text, out.data);
        buf_free(&out);
    }
    journal_remove(spool, 5);
}

/* A number that ends at a hole was a longer one, of another recipient: taken for
 * delivered, that one would never get the message. */
static void skips_what_a_power_cut_left_out(void **state)
{
    static const char text[] = A " 1\0\0\0\0,7\n" B " 2\n";
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct buf out;

    fixture_write(spool->state, "journal.5", text, sizeof text - 1);
    buf_init(&out, SIZE_MAX);
    journal_read(spool, 5, collect, &out);
    assert_string_equal(out.data, "ffff:2;");
    buf_free(&out);
    journal_remove(spool, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_acceptances),
        cmocka_unit_test(is_held_for_a_smarthost),
        cmocka_unit_test(takes_no_journal_that_is_there),
        cmocka_unit_test(keeps_what_was_not_taken),
        cmocka_unit_test(takes_journals_alone),
        cmocka_unit_test(skips_what_is_not_whole),
        cmocka_unit_test(skips_what_a_power_cut_left_out),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
