/* any.c - values that nothing is known of */
#include "proof.h"

bool proof_any(void)
{
    return Frama_C_interval(0, 1) != 0;
}

/* Of memcpy() and its like: libc.h. */
size_t proof_within(size_t size, size_t length)
{
    /*@ assert within: length <= size; */
    return length;
}

size_t proof_length(size_t max)
{
    return Frama_C_unsigned_long_interval(0, max);
}

void proof_change(void *data, size_t length)
{
    if (length > 0)
        Frama_C_make_unknown(data, length);
}

char *proof_octets(size_t length)
{
    /*@ eva_allocate fresh; */
    char *octets = malloc(length);

    proof_change(octets, length);
    return octets;
}

char *proof_text(size_t length)
{
    /*@ eva_allocate fresh; */
    char *text = malloc(length + 1);

    proof_change(text, length);
    text[length] = '\0';
    return text;
}

char *proof_string(size_t length)
{
    char *text = proof_text(length);

    /*@ loop unroll 100; */
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = 'a';
    return text;
}
