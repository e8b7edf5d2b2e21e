/*
 * search.c - libc's searches and comparisons, one answer at a time
 *
 * The analysis goes on separately for each place where a search can end, until
 * the next search but one of its kind: what is found is known to the octet. An
 * answer that the octets do not rule out is possible.
 */
#include "proof.h"

#define NOWHERE 350             /* beyond all places */

/* Where the last search of a kind ended, and the one before it. */
static size_t blanks_end, blanks_before, word_end, word_before;
static size_t char_place, char_before, octet_place, octet_before, part_place;
static size_t nul_place;

static bool is_one_of(char c, const char *set)
{
    for (; *set != '\0'; set++)
        if (*set == c)
            return true;
    return false;
}

size_t strspn(const char *text, const char *set)
{
    size_t i = 0;

    blanks_before = blanks_end;
    /*@ split blanks_before; */
    /*@ loop unroll 300; */
    while (text[i] != '\0' && is_one_of(text[i], set))
        i++;
    blanks_end = Frama_C_offset(text + i);
    /*@ split blanks_end; */
    return i;
}

size_t strcspn(const char *text, const char *set)
{
    size_t i = 0;

    word_before = word_end;
    /*@ split word_before; */
    /*@ loop unroll 300; */
    while (text[i] != '\0' && !is_one_of(text[i], set))
        i++;
    word_end = Frama_C_offset(text + i);
    /*@ split word_end; */
    return i;
}

char *proof_strchr(const char *text, int c)
{
    char_before = char_place;
    /*@ split char_before; */
    /*@ loop unroll 300; */
    while (*text != '\0' && *text != (char)c)
        text++;
    char_place = *text == (char)c ? Frama_C_offset(text) : NOWHERE;
    /*@ split char_place; */
    return char_place == NOWHERE ? NULL : (char *)text;
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

    octet_before = octet_place;
    /*@ split octet_before; */
    /*@ loop unroll 300; */
    while (i < length && text[i] != (char)c)
        i++;
    octet_place = i < length ? Frama_C_offset(text + i) : NOWHERE;
    /*@ split octet_place; */
    return octet_place == NOWHERE ? NULL : (char *)text + i;
}

static bool is_there(const char *text, const char *part, size_t length)
{
    /*@ loop unroll 100; */
    for (size_t i = 0; i < length; i++)
        if (text[i] != part[i])
            return false;
    return true;
}

void *memmem(const void *hay, size_t n, const void *needle, size_t m)
{
    const char *text = hay;
    size_t i = 0;

    if (n > 0) {
        /*@ assert readable: \valid_read(text + (0 .. n - 1)); */
        /*@ assert set: \initialized(text + (0 .. n - 1)); */
    }
    if (m > 0) {
        /*@ assert wanted: \valid_read((char *)needle + (0 .. m - 1)); */
    }
    if (m > n)
        return NULL;
    /*@ loop unroll 300; */
    while (i <= n - m && !is_there(text + i, needle, m))
        i++;
    part_place = i <= n - m ? Frama_C_offset(text + i) : NOWHERE;
    /*@ split part_place; */
    return part_place == NOWHERE ? NULL : (char *)text + i;
}

size_t proof_strnlen(const char *text, size_t most)
{
    size_t i = 0;

    /*@ loop unroll 300; */
    while (i < most && text[i] != '\0')
        i++;
    nul_place = i;
    /*@ split nul_place; */
    return i;
}

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
    /*@ loop unroll 100; */
    for (size_t i = 0; ; i++) {
        if (a[i] != b[i])
            return 1;
        if (a[i] == '\0')
            return 0;
    }
}

int memcmp(const void *a, const void *b, size_t length)
{
    const char *one = a, *other = b;

    if (length > 0) {
        /*@ assert one: \valid_read(one + (0 .. length - 1)); */
        /*@ assert other: \valid_read(other + (0 .. length - 1)); */
    }
    /*@ loop unroll 100; */
    for (size_t i = 0; i < length; i++)
        if (one[i] != other[i])
            return 1;
    return 0;
}
