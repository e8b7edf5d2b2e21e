/*
 * fuzz.h - what each fuzzer of this folder has, and may use
 *
 * tests/fuzz/LAYER/NAME_fuzz.c has the function below, which feeds octets to
 * the code under test, and ends the process where a promise is broken. Beside it
 * a folder NAME holds inputs: each one that found a fault stays there. `make
 * fuzz-replay`, of `make check`, runs these; `make fuzz` looks for others.
 */
#ifndef POSTRIDER_TESTS_FUZZ_H
#define POSTRIDER_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise; assert() would be left out where NDEBUG is set. */
#define PROMISE(condition)                                                  \
    ((condition) ? (void)0                                                  \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,      \
                            #condition), abort()))

#endif
