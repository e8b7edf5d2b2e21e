/*
 * buf.h - text that grows, up to a limit given at its birth
 *
 * The octets are in data[0..length), may include NUL, and are always followed
 * by a NUL, so that text without one can be used as a string.
 */
#ifndef POSTRIDER_UTIL_BUF_H
#define POSTRIDER_UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;             /* never NULL after buf_init */
    size_t length;
    size_t capacity;
    size_t limit;           /* length never exceeds it; SIZE_MAX for none */
};

/* Make an empty buffer that grows up to limit octets. */
void buf_init(struct buf *buf, size_t limit);
void buf_free(struct buf *buf);         /* usable again after buf_init */
void buf_clear(struct buf *buf);        /* empty, memory kept */
void buf_wipe(struct buf *buf);         /* overwrite all memory, then free */

/* Append. False if that would exceed the limit; nothing is added then. */
bool buf_add(struct buf *buf, const void *data, size_t length);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_add_char(struct buf *buf, char c);
bool buf_add_format(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool buf_add_vformat(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Remove count octets at position from the start; close the gap. */
void buf_remove(struct buf *buf, size_t position, size_t count);

/* Replace count octets at position by text. False if the limit is exceeded. */
bool buf_replace(struct buf *buf, size_t position, size_t count,
                 const char *text, size_t length);

/* Room for at least size more octets at data + length, or NULL at the limit.
 * The caller writes there and adds what it wrote to length. */
char *buf_reserve(struct buf *buf, size_t size);

/* Hand the text over: the caller frees it; the buffer is as after buf_free. */
char *buf_take(struct buf *buf);

#endif
