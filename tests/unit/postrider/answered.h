/*
 * answered.h - a person who answers what is asked
 *
 * Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_ANSWERED_H
#define POSTRIDER_TESTS_UNIT_ANSWERED_H

#include <string.h>
#include <unistd.h>

#include "../printed.h"
#include "util/io.h"

struct answered {
    struct printed printed;
    int before;                 /* standard input */
};

/* From here on these lines are standard input. */
static inline struct answered answered_begin(const char *lines)
{
    struct answered answered = { .before = dup(STDIN_FILENO) };
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_true(io_write_all(ends[1], lines, strlen(lines)));
    close(ends[1]);
    assert_int_not_equal(dup2(ends[0], STDIN_FILENO), -1);
    close(ends[0]);
    answered.printed = printed_begin(stderr);
    return answered;
}

/* The questions, which the caller frees. */
static inline char *answered_end(const struct answered *answered)
{
    dup2(answered->before, STDIN_FILENO);
    close(answered->before);
    return printed_end(&answered->printed);
}

#endif
