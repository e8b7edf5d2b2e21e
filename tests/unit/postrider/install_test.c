#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "postrider/install.h"

#include "../in_folder.h"

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_text(const char *path, const char *expected)
{
    char text[100] = "";
    FILE *file = fopen(path, "r");

    if (file == NULL)
        fail_msg("%s: not there", path);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, expected);
}

static void stage(struct install *install, const char *path, const char *text,
                  mode_t mode)
{
    struct error err;

    const struct install_file file = {
        .path = path, .data = text, .length = strlen(text), .mode = mode,
        .owner = (uid_t)-1, .group = (gid_t)-1,
    };
    if (!install_stage(install, &file, &err))
        fail_msg("%s", err.text);
}

/* A configuration and the password that it names. */
static void stage_both(struct install *install)
{
    stage(install, "etc/password", "secret", 0600);
    stage(install, "etc/conf", "new", 0644);
}

/* How many names are in etc/, all of them counted? */
static size_t count_names(void)
{
    glob_t found;

    if (glob("etc/*", 0, NULL, &found) == GLOB_NOMATCH)
        return 0;
    size_t count = found.gl_pathc;
    globfree(&found);
    return count;
}

static void files_take_their_places(void **state)
{
    struct install install = { 0 };
    struct error err;
    struct stat status;

    (void)state;
    stage_both(&install);
    assert_int_equal(access("etc/conf", F_OK), -1);
    assert_int_equal(access("etc/password", F_OK), -1);
    assert_true(install_commit(&install, false, &err));
    install_free(&install);
    assert_text("etc/conf", "new");
    assert_text("etc/password", "secret");
    assert_int_equal(stat("etc/password", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(count_names(), 2);
}

static void what_is_not_committed_is_gone(void **state)
{
    struct install install = { 0 };

    (void)state;
    stage(&install, "etc/conf", "new", 0644);
    assert_int_equal(count_names(), 1);
    install_free(&install);
    assert_int_equal(count_names(), 0);
}

/* One of them is enough, and none is touched. */
static void what_is_there_stays_unless_it_is_to_be_replaced(void **state)
{
    struct install install = { 0 };
    struct error err = { 0 };

    (void)state;
    stage_both(&install);
    write_text("etc/password", "old");
    assert_false(install_commit(&install, false, &err));
    assert_int_equal(err.fault, FAULT_CREATE);
    assert_string_equal(err.text, "etc/password exists: --replace keeps it as "
                        "etc/password.old");
    install_free(&install);
    assert_text("etc/password", "old");
    assert_int_equal(count_names(), 1);
}

static void what_is_replaced_is_kept(void **state)
{
    struct install install = { 0 };
    struct error err;

    (void)state;
    stage_both(&install);
    write_text("etc/conf", "old");
    write_text("etc/conf.old", "older");
    if (!install_commit(&install, true, &err))
        fail_msg("%s", err.text);
    install_free(&install);
    assert_text("etc/conf", "new");
    assert_text("etc/conf.old", "old");
    assert_text("etc/password", "secret");
    assert_int_equal(count_names(), 3);
}

static void a_folder_is_not_replaced(void **state)
{
    struct install install = { 0 };
    struct error err = { 0 };

    (void)state;
    stage_both(&install);
    write_text("etc/password", "old");
    assert_int_equal(mkdir("etc/conf", 0755), 0);
    assert_false(install_commit(&install, true, &err));
    assert_non_null(strstr(err.text, "etc/conf: is a folder"));
    install_free(&install);
    assert_text("etc/password", "old");
}

static void folders_are_made(void **state)
{
    char *here = getcwd(NULL, 0);
    char *expected = alloc_format("%s/a/b", here);
    char *folder = install_folder("a/b/file");
    struct stat status;

    (void)state;
    assert_string_equal(folder, expected);
    assert_true(install_private_folder("a/b"));
    assert_true(install_private_folder("a/b"));
    assert_int_equal(stat("a/b", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    free(folder);
    folder = install_folder("file");
    assert_string_equal(folder, here);
    free(folder);
    folder = install_folder("/etc/file");
    assert_string_equal(folder, "/etc");
    free(folder);
    free(expected);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_take_their_places),
        IN_FOLDER(what_is_not_committed_is_gone),
        IN_FOLDER(what_is_there_stays_unless_it_is_to_be_replaced),
        IN_FOLDER(what_is_replaced_is_kept),
        IN_FOLDER(a_folder_is_not_replaced),
        IN_FOLDER(folders_are_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
