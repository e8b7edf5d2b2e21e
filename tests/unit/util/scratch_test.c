#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/io.h"
#include "util/scratch.h"
#include "util/text.h"

#define LIMIT (1u << 20)            /* octets in memory */

/* In so many parts of that size. */
static const struct {
    size_t parts, size;
    bool in_memory;
} cases[] = {
    { 0, 0, true }, { 1, 5, true }, { 16, LIMIT / 16, true },
    { 16, LIMIT / 16 + 1, false }, { 1, LIMIT + 1, false },
};

static void assert_content(const struct scratch *scratch, char first,
                           char last)
{
    char octet = '\0';

    assert_int_equal(io_read_at(scratch->fd, &octet, 1, 0), 1);
    assert_int_equal(octet, first);
    assert_int_equal(io_read_at(scratch->fd, &octet, 1,
                                (off_t)scratch->length - 1), 1);
    assert_int_equal(octet, last);
}

static void what_is_large_leaves_the_memory(void **state)
{
    char *part = alloc_zero(1, LIMIT + 1);
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct scratch scratch = SCRATCH_NONE;
        struct stat status;
        assert_true(scratch_open(&scratch, &err));
        for (size_t k = 0; k < cases[i].parts; k++) {
            memset(part, (int)('a' + k), cases[i].size);
            assert_true(scratch_write(&scratch, part, cases[i].size));
        }
        assert_int_equal(scratch.in_memory, cases[i].in_memory);
        assert_int_equal(scratch.length, cases[i].parts * cases[i].size);
        assert_int_equal(fstat(scratch.fd, &status), 0);
        assert_int_equal(status.st_size, scratch.length);
        if (cases[i].parts > 0)
            assert_content(&scratch, 'a', (char)('a' + cases[i].parts - 1));
        scratch_close(&scratch);
        assert_int_equal(scratch.fd, -1);
    }
    free(part);
}

static void a_part_of_another_file_is_copied(void **state)
{
    struct scratch from = SCRATCH_NONE, to = SCRATCH_NONE;
    struct error err;

    (void)state;
    assert_true(scratch_open(&from, &err));
    assert_true(scratch_open(&to, &err));
    assert_true(scratch_write(&from, "0123456789", 10));
    assert_true(scratch_write(&to, "x", 1));
    assert_true(scratch_copy(&to, from.fd, 3, 4));
    assert_int_equal(to.length, 5);
    assert_content(&to, 'x', '6');
    assert_false(scratch_copy(&to, from.fd, 3, 8));     /* it is shorter */
    scratch_close(&from);
    scratch_close(&to);
}

static void a_descriptor_takes_the_place_of_another(void **state)
{
    struct error err;
    struct stat first, second;
    int fd = -1;

    (void)state;
    assert_true(scratch_keep(&fd, 0400, "secret", 6, &err));
    assert_int_equal(fstat(fd, &first), 0);
    assert_int_equal(first.st_size, 6);
    assert_int_equal(first.st_mode & 07777, 0400);
    assert_true(scratch_keep(&fd, 0444, "", 0, &err));
    assert_int_equal(fstat(fd, &second), 0);
    assert_true(first.st_ino != second.st_ino || first.st_dev != second.st_dev);
    assert_int_equal(second.st_size, 0);
    io_close(&fd);
}

/* A relative one would be another folder's, wherever a caller is. */
static void the_users_folder_comes_first(void **state)
{
    (void)state;
    setenv("TMPDIR", "/chosen", 1);
    assert_string_equal(scratch_place(0), "/chosen");
    setenv("TMPDIR", "chosen", 1);
    assert_string_equal(scratch_place(0), "/var/tmp");
    unsetenv("TMPDIR");
    assert_string_equal(scratch_place(0), "/var/tmp");
    assert_string_equal(scratch_place(2), "/tmp");
    assert_null(scratch_place(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_large_leaves_the_memory),
        cmocka_unit_test(a_part_of_another_file_is_copied),
        cmocka_unit_test(a_descriptor_takes_the_place_of_another),
        cmocka_unit_test(the_users_folder_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
