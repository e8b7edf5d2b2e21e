/* Files that cannot be read: counted by kind, and what mends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#include "spool_fixture.h"
#include "spool/unread.h"
#include "util/text.h"

enum { OTHER_USER = 4001, OTHER_GROUP = 4002 };

static const char id[] = "0123456789abcdef0123456789abcdef";

/* --- How many there are. --- */

static void counts_by_kind_with_the_first_of_each(void **state)
{
    static const struct {
        enum fault fault;
        enum unread_kind kind;
    } cases[] = {
        { FAULT_PERMISSION, UNREAD_REFUSED }, { FAULT_NEWER, UNREAD_NEWER },
        { FAULT_IO, UNREAD_FAILING }, { FAULT_TEMPORARY, UNREAD_FAILING },
    };
    struct unread unread = { 0 }, copy;
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t before = unread.count[cases[i].kind];
        error_set(&err, cases[i].fault, "number %zu", i);
        unread_add(&unread, &err);
        assert_int_equal(unread.count[cases[i].kind], before + 1);
    }
    assert_int_equal(unread_count(&unread), 4);
    unread_copy(&copy, &unread);
    assert_int_equal(unread_count(&copy), 4);
    assert_string_equal(unread.example[UNREAD_FAILING]->text, "number 2");
    unread_clear(&unread);
    assert_int_equal(unread_count(&unread), 0);
    assert_int_equal(copy.count[UNREAD_FAILING], 2);
    assert_string_equal(copy.example[UNREAD_FAILING]->text, "number 2");
    unread_clear(&copy);
}

/* --- Why a file cannot be opened. --- */

enum place { DROP, QUEUE, STATE, FAILED };

/* A file as it is found, errno of open(2), and what is made of that. */
static const struct refusal {
    enum place place;
    int number;
    mode_t mode;
    bool of_other_user, of_other_group, is_missing;
    enum fault fault;
    const char *text, *remedy;  /* parts of them; "": none */
} refusals[] = {
    { DROP, EACCES, 0640, false, false, false, FAULT_PERMISSION,
      "its owner and mode are right", "getfacl" },
    { DROP, EACCES, 0600, false, false, false, FAULT_PERMISSION,
      "has mode 0600", "chmod g+r " },
    { DROP, EPERM, 0640, false, true, false, FAULT_PERMISSION,
      "has group 4002 instead of", "find " },
    { DROP, EACCES, 0640, false, false, true, FAULT_IO,
      "will be tried again", "" },
    { DROP, EIO, 0640, false, false, false, FAULT_IO,
      "will be tried again", "" },
    { QUEUE, EACCES, 0600, true, false, false, FAULT_PERMISSION,
      "queue/" "0123456789abcdef0123456789abcdef belongs to user 4001",
      "chown -R " },
    { QUEUE, EACCES, 0200, false, false, false, FAULT_PERMISSION,
      "has mode 0200", "chmod -R u+rwX " },
    { STATE, EACCES, 0600, false, false, false, FAULT_PERMISSION,
      "state/", "getfacl" },
    { STATE, EMFILE, 0200, false, false, false, FAULT_IO,
      "will be tried again", "" },
    { FAILED, EACCES, 0600, true, false, false, FAULT_PERMISSION,
      "failed/" "0123456789abcdef0123456789abcdef belongs to user 4001",
      "/failed" },
    { FAILED, EIO, 0600, false, false, false, FAULT_IO,
      "failed/" "0123456789abcdef0123456789abcdef: Input/output error", "" },
};

static int folder_of(const struct spool *spool, enum place place)
{
    const int folders[] = { spool->drop, spool->queue, spool->state,
                            spool->failed };

    return folders[place];
}

static void put_file(int folder, const struct refusal *row)
{
    if (row->is_missing)
        return;
    fixture_write(folder, id, "x", 1);
    assert_int_equal(fchownat(folder, id, row->of_other_user
                              ? OTHER_USER : (uid_t)-1, row->of_other_group
                              ? OTHER_GROUP : getegid(), 0), 0);
    assert_int_equal(fchmodat(folder, id, row->mode, 0), 0);
}

static void knows_what_mends_a_file(void **state)
{
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *row = &refusals[i];
        int folder = folder_of(&fixture->spool, row->place);
        struct error err;
        if ((row->of_other_user || row->of_other_group) && geteuid() != 0)
            continue;
        fixture_empty(fixture);
        put_file(folder, row);
        errno = row->number;
        assert_false(unread_explain(&fixture->spool, folder, id, &err));
        assert_int_equal(errno, row->number);
        if (err.fault != row->fault || strstr(err.what, row->text) == NULL ||
            strstr(err.remedy, row->remedy) == NULL ||
            (*row->remedy == '\0') != (*err.remedy == '\0'))
            fail_msg("row %zu: %s", i, err.text);
    }
}

/* --- A right that its owner took away. --- */

static void knows_a_file_that_its_owner_has_closed(void **state)
{
    static const struct {
        mode_t mode;
        uid_t uid;
        bool of_other_group;
        bool is_closed;
    } cases[] = {
        { 0600, OTHER_USER, false, true },
        { 0640, OTHER_USER, false, false },
        { 0600, OTHER_USER, true, false },
        { 0600, 0, false, false },
    };
    const struct fixture *fixture = *state;
    struct stat folder;

    assert_int_equal(fstat(fixture->spool.drop, &folder), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct stat status = {
            .st_mode = S_IFREG | cases[i].mode, .st_uid = cases[i].uid,
            .st_gid = cases[i].of_other_group ? folder.st_gid + 1
                                              : folder.st_gid,
        };
        if (unread_is_closed(&fixture->spool, &status) != cases[i].is_closed)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_kind_with_the_first_of_each),
        cmocka_unit_test(knows_what_mends_a_file),
        cmocka_unit_test(knows_a_file_that_its_owner_has_closed),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
