/* alloc.c - util/alloc.h: memory is there, or the process ends */
#include "proof.h"

#include <stdarg.h>

#include "util/alloc.h"

void *alloc_zero(size_t count, size_t size)
{
    return calloc(count > 0 ? count : 1, size > 0 ? size : 1);
}

/*
 * Memory of so many octets. Each of the small sizes has a place of its own in
 * the program, so that Eva, which keeps one memory a place once there are
 * several, knows how large it is.
 */
#define SIZE(get, n) case n: return get;
#define SIZES(get, n) SIZE(get, n) SIZE(get, n + 1) SIZE(get, n + 2) \
    SIZE(get, n + 3) SIZE(get, n + 4) SIZE(get, n + 5) SIZE(get, n + 6) \
    SIZE(get, n + 7)
#define ALL_SIZES(get) SIZES(get, 1) SIZES(get, 9) SIZES(get, 17) \
    SIZES(get, 25) SIZE(get, 40) SIZE(get, 48) SIZE(get, 65) \
    SIZE(get, 56) SIZE(get, 64) SIZE(get, 72) SIZE(get, 80)

static char *memory(size_t size)
{
    switch (size) {
    ALL_SIZES(calloc(1, size))
    }
    return calloc(1, size);
}

/* Not set yet. */
static char *new_memory(size_t size)
{
    switch (size) {
    ALL_SIZES(malloc(size))
    }
    return malloc(size);
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
#ifdef PROOF_FRESH
    octets = octets > 0 ? octets : 1;
    /*@ eva_allocate fresh; */
    char *fresh = malloc(octets);
    free(old);
    return fresh;
#endif
    if (old == NULL)
        return new_memory(octets > 0 ? octets : 1);
    return realloc(old, octets > 0 ? octets : 1);
#endif
}

/* Copies up to this length have just as much memory. */
#ifndef PROOF_EXACT_MAX
#define PROOF_EXACT_MAX 80
#endif

/* The largest that the length can be here; a large text is one of any length,
 * as one place in the program has memory of one size only. */
static size_t most_of(size_t length)
{
    size_t most = (size_t)Frama_C_abstract_max((long long)length);

    if (most <= PROOF_EXACT_MAX || most > PROOF_TEXT_MAX)
        return most;
    return PROOF_TEXT_MAX;
}

/* As large as the length can be here, if it is not known exactly. */
char *alloc_bytes(const char *data, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read(data + (0 .. length - 1)); */
        /*@ assert set: \initialized(data + (0 .. length - 1)); */
    }
    size_t most = most_of(length);
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
    if (text == NULL)
        return NULL;
    size_t length = strlen(text);
    size_t most = most_of(length);
    if (most == (size_t)Frama_C_abstract_min((long long)length))
        return alloc_bytes(text, most);
    char *copy = memory(most + 1);
    proof_change(copy, most);
    copy[most] = '\0';
    return copy;
}

#ifdef PROOF_STRINGS
/* Of formats that have nothing but %s: what comes of these, to the octet. */
static size_t join(char *out, const char *format, va_list args)
{
    size_t length = 0;

    /*@ loop unroll 400; */
    for (; *format != '\0'; format++) {
        const char *text = format;
        size_t count = 1;
        if (*format == '%') {
            text = va_arg(args, const char *);
            count = proof_strnlen(text, PROOF_TEXT_MAX);
            format++;
        }
        if (out != NULL)
            memcpy(out + length, text, count);
        length += count;
    }
    return length;
}

char *alloc_format(const char *format, ...)
{
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);
    size_t length = join(NULL, format, args);
    char *text = memory(length + 1);
    (void)join(text, format, again);
    va_end(again);
    va_end(args);
    return text;
}
#else
char *alloc_format(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)proof_format(format, args);
    va_end(args);
    return proof_text(PROOF_TEXT_MAX);
}
#endif
