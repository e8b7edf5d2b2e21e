#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/io.h"
#include "util/text.h"

#include "../in_range.h"

/* A file in memory, whose octet i is i modulo 251. */
static int make_file(size_t length)
{
    int fd = memfd_create("io_test", MFD_CLOEXEC);

    assert_int_not_equal(fd, -1);
    for (size_t i = 0; i < length; i++) {
        char octet = (char)(i % 251);
        assert_int_equal(write(fd, &octet, 1), 1);
    }
    return fd;
}

static void reads_blocks_to_the_end(void **state)
{
    static const struct {
        uint64_t from, to;
        int error;
    } cases[] = {
        { 0, 0, 0 }, { 0, 1, 0 }, { 5, 5, 0 }, { 5, 700, 0 },
        { 1, IO_BLOCK, 0 }, { 0, IO_BLOCK, 0 }, { 0, IO_BLOCK + 1, 0 },
        { 3, 2 * IO_BLOCK + 10, 0 },
        { 0, 2 * IO_BLOCK + 11, ENODATA },      /* the file is shorter */
        { 3 * IO_BLOCK, 4 * IO_BLOCK, ENODATA },
    };
    int fd = make_file(2 * IO_BLOCK + 10);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct io_blocks blocks = io_blocks(fd, cases[i].from, cases[i].to);
        uint64_t at = cases[i].from;
        while (io_blocks_next(&blocks)) {
            assert_int_in_range(blocks.length, 1, IO_BLOCK);
            for (size_t k = 0; k < blocks.length; k++)
                assert_int_equal(blocks.data[k], (char)(at++ % 251));
            assert_int_equal(blocks.at, at);
        }
        errno = 0;
        assert_int_equal(io_blocks_end(&blocks), cases[i].error == 0);
        assert_int_equal(errno, cases[i].error);
        if (cases[i].error == 0)
            assert_int_equal(at, cases[i].to);
    }
    close(fd);
}

static void a_loop_may_be_left(void **state)
{
    int fd = make_file(10);
    struct io_blocks blocks = io_blocks(fd, 0, 20);

    (void)state;
    assert_true(io_blocks_next(&blocks));
    assert_true(io_blocks_end(&blocks));
    close(fd);
}

static void tells_why_nothing_can_be_read(void **state)
{
    struct io_blocks blocks = io_blocks(-1, 0, 1);

    (void)state;
    assert_false(io_blocks_next(&blocks));
    assert_false(io_blocks_end(&blocks));
    assert_int_equal(errno, EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_blocks_to_the_end),
        cmocka_unit_test(a_loop_may_be_left),
        cmocka_unit_test(tells_why_nothing_can_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
