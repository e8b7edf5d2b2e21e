/*
 * random.h - numbers that cannot be guessed
 */
#ifndef POSTRIDER_UTIL_RANDOM_H
#define POSTRIDER_UTIL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANDOM_ID_LENGTH 32     /* hexadecimal digits of 128 bits */

/* From getrandom(2), else from /dev/urandom. Without either the process ends
 * with EX_TEMPFAIL and a line on standard error. */
void random_bytes(void *data, size_t length);

/* A fresh queue-id: 32 lower-case hexadecimal digits and a NUL. */
void random_id(char id[RANDOM_ID_LENGTH + 1]);

bool random_is_id(const char *text);            /* ^[0-9a-f]{32}$ */

uint32_t random_below(uint32_t limit);          /* for jitter */

#endif
