/*
 * scan.c - libc's searches and comparisons in texts of any length
 *
 * As model/search.c, but all places where a search can end are kept together,
 * as an interval: so the text can have any length. An answer that the octets do
 * not rule out is possible.
 */
#include "proof.h"

static bool is_one_of(char c, const char *set)
{
    /*@ loop unroll 80; */
    for (; *set != '\0'; set++)
        if (*set == c)
            return true;
    return false;
}

size_t strspn(const char *text, const char *set)
{
    const char *end = text;

    /*@ loop unroll 0; */
    while (*end != '\0' && is_one_of(*end, set))
        end++;
    return (size_t)(end - text);
}

#ifdef PROOF_SPLIT_WORDS
/* Where the first word ends, one place at a time. */
static size_t word_end;

size_t strcspn(const char *text, const char *set)
{
    size_t i = 0;

    /*@ loop unroll 5000; */
    while (text[i] != '\0' && !is_one_of(text[i], set))
        i++;
    word_end = Frama_C_offset(text) + i;
    /*@ split word_end; */
    return i;
}
#else
size_t strcspn(const char *text, const char *set)
{
    const char *end = text;

    /*@ loop unroll 0; */
    while (*end != '\0' && !is_one_of(*end, set))
        end++;
    return (size_t)(end - text);
}
#endif

char *proof_strchr(const char *text, int c)
{
    /*@ loop unroll 0; */
    while (*text != '\0' && *text != (char)c)
        text++;
    return *text == (char)c ? (char *)text : NULL;
}

/* Not where it is, but what is there: c, or none of the set. */
char *proof_member(const char *set, char c)
{
    /*@ loop unroll 300; */
    while (*set != '\0' && *set != c)
        set++;
    return *set == c ? (char *)set : NULL;
}

void *proof_memchr(const void *data, int c, size_t length)
{
    const char *text = data;
    size_t i = 0;

    /*@ loop unroll 0; */
    while (i < length && text[i] != (char)c)
        i++;
    return i < length ? (char *)text + i : NULL;
}

void *memmem(const void *hay, size_t n, const void *needle, size_t m)
{
    const char *text = hay;

    if (n > 0) {
        /*@ assert readable: \valid_read(text + (0 .. n - 1)); */
        /*@ assert set: \initialized(text + (0 .. n - 1)); */
    }
    if (m > 0) {
        /*@ assert wanted: \valid_read((char *)needle + (0 .. m - 1)); */
    }
    if (m > n || proof_any())
        return NULL;
    return (char *)text + proof_length(n - m);
}

size_t proof_strnlen(const char *text, size_t most)
{
    size_t i = 0;

    /*@ loop unroll 0; */
    while (i < most && text[i] != '\0')
        i++;
    return i;
}

/* Equal texts end in the same place. */
int strncmp(const char *a, const char *b, size_t length)
{
    /*@ loop unroll 100; */
    for (size_t i = 0; i < length; i++) {
        if (a[i] != b[i])
            return 1;
        if (a[i] == '\0')
            return 0;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    (void)strlen(a);
    (void)strlen(b);
    return Frama_C_interval(-1, 1);
}

int memcmp(const void *a, const void *b, size_t length)
{
    if (length > 0) {
        /*@ assert one: \valid_read((char *)a + (0 .. length - 1)); */
        /*@ assert other: \valid_read((char *)b + (0 .. length - 1)); */
    }
    return Frama_C_interval(-1, 1);
}
