#include "util/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static void *must(void *memory)
{
    static const char text[] = "postrider: out of memory: try again later\n";

    if (memory == NULL) {
        /* stdio may need memory, too. */
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
        _exit(EX_TEMPFAIL);
    }
    return memory;
}

void *alloc_zero(size_t count, size_t size)
{
    return must(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *alloc_resize(void *old, size_t count, size_t size)
{
    size_t octets;

    if (__builtin_mul_overflow(count, size, &octets))
        return must(NULL);
    return must(realloc(old, octets > 0 ? octets : 1));
}

void *alloc_more(void *old, size_t count, size_t size)
{
    bool is_full = (count & (count - 1)) == 0;      /* 0, 1, 2, 4, ... */

    return is_full ? alloc_resize(old, count == 0 ? 1 : 2 * count, size) : old;
}

char *alloc_string(const char *text)
{
    return text == NULL ? NULL : alloc_bytes(text, strlen(text));
}

char *alloc_bytes(const char *data, size_t length)
{
    if (length == SIZE_MAX)
        must(NULL);
    char *copy = must(malloc(length + 1));
    if (length > 0)
        memcpy(copy, data, length);
    copy[length] = '\0';
    return copy;
}

char *alloc_format(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return must(length == -1 ? NULL : text);
}

/* Other C libraries keep less, and have no such call. */
void alloc_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
