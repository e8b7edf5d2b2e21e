#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../in_folder.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/file.h"
#include "util/text.h"

static const struct {
    const char *path;
    const char *folder;
    const char *name;
    const char *beside;         /* "x" */
} cases[] = {
    { "/a/b", "/a", "b", "/a/x" },
    { "/a",   "/",  "a", "/x"   },
    { "a/b",  "a",  "b", "a/x"  },
    { "a",    ".",  "a", "x"    },
    { "/a/",  "/a", "",  "/a/x" },
    { "",     ".",  "",  "x"    },
};

static void takes_a_path_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *folder = path_folder(cases[i].path);
        char *beside = path_beside(cases[i].path, "x");
        assert_string_equal(folder, cases[i].folder);
        assert_string_equal(path_name(cases[i].path), cases[i].name);
        assert_string_equal(beside, cases[i].beside);
        free(folder);
        free(beside);
    }
}

static void make_file(const char *path, size_t length)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    for (size_t i = 0; i < length; i++)
        putc('x', file);
    fclose(file);
}

/* A FIFO without a writer would hang the test. */
static void opens_only_regular_files(void **state)
{
    struct stat status;
    struct error err;

    (void)state;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(file_open("fifo", &status, &err), -1);
    assert_int_equal(errno, 0);
    assert_string_equal(err.text, "fifo: not a regular file");
    assert_int_equal(file_open(".", &status, &err), -1);
    assert_string_equal(err.text, ".: not a regular file");
    assert_int_equal(file_open("none", &status, &err), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(err.fault, FAULT_CONFIG);

    make_file("file", 3);
    assert_int_equal(symlink("file", "link"), 0);
    int fd = file_open("link", &status, &err);
    assert_int_not_equal(fd, -1);
    assert_int_equal(status.st_size, 3);
    close(fd);
}

static void reads_up_to_the_limit(void **state)
{
    static const struct {
        size_t limit, length;
        const char *why;            /* NULL: it is read */
    } readings[] = {
        { 1024, 0, NULL }, { 1024, 1023, NULL }, { 1024, 1024, NULL },
        { 1024, 1025, "file: is larger than 1 KB" },
        { 5 << 20, 5 << 20, NULL },
        { 5 << 20, (5 << 20) + 1, "file: is larger than 5 MB" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(readings); i++) {
        struct error err;
        struct buf text;
        make_file("file", readings[i].length);
        buf_init(&text, readings[i].limit);
        bool read = file_read("file", &text, &err);
        assert_int_equal(read, readings[i].why == NULL);
        if (read)
            assert_int_equal(text.length, readings[i].length);
        else
            assert_string_equal(err.text, readings[i].why);
        buf_free(&text);
    }
}

static void replaces_a_file_or_leaves_it(void **state)
{
    struct replacement to = { .folder = AT_FDCWD, .name = "file",
                              .draft = "file.new", .mode = 0640 };
    struct stat status;
    struct buf text;

    (void)state;
    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, "abc");
    assert_true(file_replace(&to, &text));
    assert_int_equal(stat("file", &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(status.st_mode & 07777, 0640);

    /* A folder cannot be replaced by a file. */
    assert_int_equal(mkdir("folder", 0700), 0);
    to.name = "folder";
    assert_false(file_replace(&to, &text));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(access("file.new", F_OK), -1);
    buf_free(&text);
}

/* Where the file system has no files without a name, it has one that begins as
 * is wanted. */
static void creates_a_file_without_a_name(void **state)
{
    struct stat status;
    char *name;

    (void)state;
    int fd = file_create_nameless(AT_FDCWD, ".t", O_RDWR, 0640, &name);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_nlink, name == NULL ? 0 : 1);
    free(name);
    close(fd);

    fd = file_create_named(AT_FDCWD, ".t", O_WRONLY, 0640, &name);
    assert_int_not_equal(fd, -1);
    assert_true(text_starts(name, ".t"));
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_mode & 0777 & ~0640u, 0);
    free(name);
    close(fd);

    /* A folder that is not there has neither. */
    assert_int_equal(file_create_named(-1, ".t", O_RDWR, 0640, &name), -1);
    assert_null(name);
    assert_int_equal(file_create_nameless(-1, ".t", O_RDWR, 0640, &name), -1);
    assert_int_equal(errno, EBADF);
    assert_null(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_path_apart),
        IN_FOLDER(opens_only_regular_files),
        IN_FOLDER(reads_up_to_the_limit),
        IN_FOLDER(replaces_a_file_or_leaves_it),
        IN_FOLDER(creates_a_file_without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
