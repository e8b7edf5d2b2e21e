/* The folders of the spool: made as they must be, and verified to be so, with
 * the command that mends what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "util/text.h"

enum { OTHER_USER = 4001, OTHER_GROUP = 4002 };

static const char *const names[SPOOL_FOLDERS] = { "", "drop", "queue", "state",
                                                  "failed" };

struct subject {
    char *path;                 /* of a spool that is right */
    struct spool spool;         /* if it is open */
};

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);
    struct error err;
    char *folder = alloc_string("/tmp/spool_test.XXXXXX");

    assert_non_null(mkdtemp(folder));
    subject->path = alloc_format("%s/spool", folder);
    if (!spool_make(subject->path, geteuid(), getegid(), &err))
        fail_msg("%s", err.text);
    *state = subject;
    free(folder);
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;
    char *command = alloc_format("rm -rf %s", subject->path);

    int status = system(command);
    *strrchr(subject->path, '/') = '\0';
    rmdir(subject->path);
    free(command);
    free(subject->path);
    free(subject);
    return status;
}

static char *folder_of(const struct subject *subject, const char *name)
{
    return alloc_format("%s/%s", subject->path, name);
}

static void makes_what_it_can_open(void **state)
{
    struct subject *subject = *state;
    struct error err;

    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        assert_true(spool_verify(subject->path, i, &err));
    assert_true(spool_open(&subject->spool, subject->path, true, &err));
    spool_close(&subject->spool);
}

/* As the administrator has changed them: that is left alone. */
static void makes_only_what_is_missing(void **state)
{
    struct subject *subject = *state;
    char *queue = folder_of(subject, "queue");
    char *drop = folder_of(subject, "drop");
    struct stat status;
    struct error err;

    assert_int_equal(chmod(queue, 0750), 0);
    assert_int_equal(rmdir(drop), 0);
    assert_true(spool_make(subject->path, geteuid(), getegid(), &err));
    assert_int_equal(stat(queue, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0750);
    assert_int_equal(stat(drop, &status), 0);
    assert_int_equal(status.st_mode & 07777, 03733);
    free(queue);
    free(drop);
}

/* One of the folders is changed, and what mends it. */
static const struct changed {
    const char *name;
    int mode;                   /* -1: it stays; -2: there is none */
    bool of_other_user, of_other_group;
    const char *text, *remedy;  /* parts; "": it is right */
} changes[] = {
    { "",      0775, false, false, "has mode 0775",  "chmod 0755 " },
    { "",      0700, false, false, "",               "" },
    { "",      -1,   true,  false, "belongs to user 4001", "chown 0 " },
    { "drop",  0733, false, false, "has mode 0733",  "chmod 3733 " },
    { "drop",  -1,   false, true,  "belongs to group 4002", "chgrp " },
    { "drop",  -1,   true,  false, "belongs to user 4001", "chown 0 " },
    { "drop",  -2,   false, false, "does not exist", "-m 3733 " },
    { "queue", 0755, false, false, "has mode 0755",  "chmod 0700 " },
    { "queue", -1,   true,  false, "belongs to user 4001", "chown -R 0 " },
    { "state", -1,   false, true,  "",               "" },
    { "state", -2,   false, false, "does not exist", "install -d " },
    { "failed", 0500, false, false, "has mode 0500", "chmod 0700 " },
};

static void change(const struct subject *subject, const struct changed *row)
{
    char *folder = folder_of(subject, row->name);

    if (row->mode == -2)
        assert_int_equal(rmdir(folder), 0);
    if (row->mode >= 0)
        assert_int_equal(chmod(folder, (mode_t)row->mode), 0);
    if (row->of_other_user || row->of_other_group) {
        assert_int_equal(chown(folder, row->of_other_user
                               ? OTHER_USER : (uid_t)-1, row->of_other_group
                               ? OTHER_GROUP : (gid_t)-1), 0);
        if (strcmp(row->name, "drop") == 0)
            assert_int_equal(chmod(folder, 03733), 0);
    }
    free(folder);
}

static size_t index_of(const char *name)
{
    size_t i = 0;

    while (strcmp(names[i], name) != 0)
        i++;
    return i;
}

/* Is the folder right, as the daemon and as another program finds it? */
static bool is_right(struct subject *subject, const struct changed *row,
                     struct error *err)
{
    struct error ignored;
    bool right = spool_verify(subject->path, index_of(row->name), err);
    bool opened = spool_open(&subject->spool, subject->path, true, &ignored);

    assert_int_equal(opened, right);
    if (opened)
        spool_close(&subject->spool);
    else
        assert_int_equal(ignored.fault, FAULT_CONFIG);
    return right;
}

static void verifies_each_folder(void **state)
{
    for (size_t i = 0; i < COUNT(changes); i++) {
        const struct changed *row = &changes[i];
        struct error err = { 0 };
        if ((row->of_other_user || row->of_other_group) && geteuid() != 0)
            continue;
        change(*state, row);
        if (is_right(*state, row, &err) != (*row->text == '\0') ||
            strstr(err.what, row->text) == NULL ||
            strstr(err.remedy, row->remedy) == NULL)
            fail_msg("row %zu: %s", i, err.text);
        tear_down(state);
        set_up(state);
    }
}

/* Root looks at a spool whose daemon is down, whatever its modes are. */
static void opens_any_spool_to_look_at_it(void **state)
{
    struct subject *subject = *state;
    char *queue = folder_of(subject, "queue");
    struct error err;

    assert_int_equal(chmod(queue, 0755), 0);
    assert_true(spool_open(&subject->spool, subject->path, false, &err));
    spool_close(&subject->spool);
    assert_int_equal(rmdir(queue), 0);
    assert_false(spool_open(&subject->spool, subject->path, false, &err));
    assert_int_equal(subject->spool.drop, -1);
    free(queue);
}

/* A link could lead to a folder of the user who made it. */
static void follows_no_link(void **state)
{
    struct subject *subject = *state;
    char *queue = folder_of(subject, "queue");
    struct error err;

    assert_int_equal(rmdir(queue), 0);
    assert_int_equal(symlink("state", queue), 0);
    assert_false(spool_open(&subject->spool, subject->path, false, &err));
    assert_false(spool_open(&subject->spool, subject->path, true, &err));
    free(queue);
}

/* Callers use what the path leads to. */
static void notices_another_folder_in_its_place(void **state)
{
    struct subject *subject = *state;
    char *drop = folder_of(subject, "drop");
    char *moved = folder_of(subject, "moved");
    struct error err;

    assert_true(spool_open(&subject->spool, subject->path, true, &err));
    assert_true(spool_is_in_place(&subject->spool));
    assert_int_equal(rename(drop, moved), 0);
    assert_false(spool_is_in_place(&subject->spool));
    assert_int_equal(mkdir(drop, 0700), 0);
    assert_false(spool_is_in_place(&subject->spool));
    assert_int_equal(rmdir(drop), 0);
    assert_int_equal(rename(moved, drop), 0);
    assert_true(spool_is_in_place(&subject->spool));
    spool_close(&subject->spool);
    free(drop);
    free(moved);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(makes_what_it_can_open),
        ON_SPOOL(makes_only_what_is_missing),
        ON_SPOOL(verifies_each_folder),
        ON_SPOOL(opens_any_spool_to_look_at_it),
        ON_SPOOL(follows_no_link),
        ON_SPOOL(notices_another_folder_in_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
