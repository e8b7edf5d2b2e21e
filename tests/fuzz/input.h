/*
 * input.h - the input of a fuzzer, taken apart; and files that hold some of it
 */
#ifndef POSTRIDER_TESTS_FUZZ_INPUT_H
#define POSTRIDER_TESTS_FUZZ_INPUT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/io.h"
#include "util/text.h"

struct input {
    const char *at;
    size_t left;
};

static inline struct input input_of(const uint8_t *data, size_t size)
{
    return (struct input){ (const char *)data, size };
}

/* The next octet; 0 at the end. */
static inline unsigned input_octet(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return (unsigned char)*in->at++;
}

/* Octets up to the next separator, which is passed over, or to the end. */
static inline struct input input_part(struct input *in, char separator)
{
    const char *end = in->left == 0 ? NULL
                                    : memchr(in->at, separator, in->left);
    size_t length = end == NULL ? in->left : (size_t)(end - in->at);
    struct input part = { in->at, length };
    size_t step = length + (end != NULL);

    in->at += step;
    in->left -= step;
    return part;
}

/* The same as a string, which ends at the first NUL. The caller frees it. */
static inline char *input_text(struct input *in, char separator)
{
    struct input part = input_part(in, separator);

    return alloc_bytes(part.at, part.left);
}

/* A file in memory with these octets, to be read from its start. */
static inline int memory_file(const void *data, size_t length)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    PROMISE(fd != -1 && io_write_all(fd, data, length));
    PROMISE(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* How many descriptors are open, of those that a fuzzer has. */
static inline unsigned open_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* One line of UTF-8 that a terminal can show. */
static inline void promise_one_line(const char *text)
{
    PROMISE(text != NULL);
    PROMISE(!text_has_control(text, strlen(text)));
    PROMISE(text_is_utf8(text, strlen(text)));
}

/* All texts of an error are such, and there is one. */
static inline void promise_error(const struct error *err)
{
    PROMISE(err->fault != FAULT_NONE && *err->text != '\0');
    promise_one_line(err->text);
    promise_one_line(err->what);
    promise_one_line(err->remedy);
    promise_one_line(err->file);
}

#endif
