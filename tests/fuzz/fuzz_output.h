/*
 * fuzz_output.h - what the code under test writes to standard error, read back
 */
#ifndef POSTRIDER_TESTS_FUZZ_OUTPUT_H
#define POSTRIDER_TESTS_FUZZ_OUTPUT_H

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/text.h"

struct fuzz_output {
    int before;             /* standard error as it was */
    int file;
};

static inline struct fuzz_output fuzz_begin_output(void)
{
    struct fuzz_output output = { dup(STDERR_FILENO),
                                  memfd_create("fuzz", MFD_CLOEXEC) };

    fflush(stderr);
    PROMISE(output.before != -1 && output.file != -1);
    dup2(output.file, STDERR_FILENO);
    return output;
}

/* All that was written; standard error is as it was. */
static inline void fuzz_end_output(struct fuzz_output *output,
                                   struct buf *text)
{
    struct error err;

    fflush(stderr);
    dup2(output->before, STDERR_FILENO);
    close(output->before);
    buf_init(text, SIZE_MAX);
    lseek(output->file, 0, SEEK_SET);
    PROMISE(io_read_all(output->file, text, &err));
    close(output->file);
}

/* Lines for a terminal: all of their characters are seen. */
static inline void fuzz_check_output(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        PROMISE(text[i] == '\n' || text[i] == '\t' ||
                !text_is_control(text[i]));
    PROMISE(text_is_utf8(text, length));
}

#endif
