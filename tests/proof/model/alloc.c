/* alloc.c - util/alloc.h: memory is there, or the process ends */
#include "proof.h"

#include <stdarg.h>

#include "util/alloc.h"

void *alloc_zero(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

/*
 * Zeroed memory of so many octets. Each of the small sizes has a place of its
 * own in the program, so that Eva, which keeps one memory a place once there
 * are several, knows how large it is.
 */
#define SIZE(n) case n: return calloc(1, n);
#define SIZES(n) SIZE(n) SIZE(n + 1) SIZE(n + 2) SIZE(n + 3) SIZE(n + 4) \
                 SIZE(n + 5) SIZE(n + 6) SIZE(n + 7)
static char *memory(size_t size)
{
    switch (size) {
    SIZES(1) SIZES(9) SIZE(24) SIZE(32) SIZE(40) SIZE(48)
    }
    return calloc(1, size);
}

/* What an array of numbers holds is forgotten; one of pointers keeps it. */
void *alloc_resize(void *old, size_t count, size_t size)
{
    size_t octets = count * size;           /* it must not wrap */

#ifdef PROOF_NUMBERS
    char *numbers = memory(octets > 0 ? octets : 1);
    free(old);
    proof_change(numbers, octets);
    return numbers;
#else
    return realloc(old, octets > 0 ? octets : 1);
#endif
}

/* As large as the length can be here, if it is not known exactly. */
char *alloc_bytes(const char *data, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read(data + (0 .. length - 1)); */
        /*@ assert set: \initialized(data + (0 .. length - 1)); */
    }
    size_t most = (size_t)Frama_C_abstract_max((long long)length);
    char *copy = memory(most + 1);
    if (most > 0 &&
        most == (size_t)Frama_C_abstract_min((long long)length))
        memcpy(copy, data, most);
    else
        proof_change(copy, most);
    copy[length] = '\0';
    copy[most] = '\0';
    return copy;
}

char *alloc_string(const char *text)
{
    return text == NULL ? NULL : alloc_bytes(text, strlen(text));
}

char *alloc_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return proof_text(PROOF_TEXT_MAX);
}
