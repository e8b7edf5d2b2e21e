/*
 * printed.h - what a call prints to standard output or standard error
 *
 * Between printed_begin() and printed_end() nothing may be asserted: what
 * cmocka prints would be lost.
 */
#ifndef POSTRIDER_TESTS_UNIT_PRINTED_H
#define POSTRIDER_TESTS_UNIT_PRINTED_H

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"

struct printed {
    FILE *stream;
    FILE *file;
    int before;                 /* where the stream went */
};

static inline struct printed printed_begin(FILE *stream)
{
    struct printed printed = { .stream = stream, .file = tmpfile() };

    assert_non_null(printed.file);
    fflush(stream);
    printed.before = dup(fileno(stream));
    assert_int_not_equal(printed.before, -1);
    assert_int_not_equal(dup2(fileno(printed.file), fileno(stream)), -1);
    return printed;
}

/* The text, which the caller frees. */
static inline char *printed_end(const struct printed *printed)
{
    struct error err;
    struct buf text;

    fflush(printed->stream);
    dup2(printed->before, fileno(printed->stream));
    close(printed->before);
    buf_init(&text, SIZE_MAX);
    rewind(printed->file);
    assert_int_equal(lseek(fileno(printed->file), 0, SEEK_SET), 0);
    assert_true(io_read_all(fileno(printed->file), &text, &err));
    fclose(printed->file);
    return buf_take(&text);
}

#endif
