/*
 * alloc.h - memory that is there or ends the process
 *
 * No caller could do anything useful without memory: the process reports that
 * on standard error and ends with EX_TEMPFAIL. The spool is durable, and a
 * caller tries again.
 */
#ifndef POSTRIDER_UTIL_ALLOC_H
#define POSTRIDER_UTIL_ALLOC_H

#include <stddef.h>

/* Zeroed memory for count objects of size octets; the caller frees. */
void *alloc_zero(size_t count, size_t size) __attribute__((malloc));

/* Like realloc(3) for count objects of size octets; overflow is checked. */
void *alloc_resize(void *old, size_t count, size_t size);

/* Room for one object more than count, all of which were added by this
 * function, one at a time. */
void *alloc_more(void *old, size_t count, size_t size);

char *alloc_string(const char *text);                   /* NULL gives NULL */
char *alloc_bytes(const char *data, size_t length);     /* NUL is appended */
char *alloc_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Return freed memory to the system, after much was in use. */
void alloc_trim(void);

#endif
