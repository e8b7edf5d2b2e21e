#include "util/hash.h"

#include <string.h>
#include <sys/auxv.h>

/* FNV-1a; the seed is what the kernel gives to each process. */
uint64_t hash_start(void)
{
    const char *octets = (const char *)(uintptr_t)getauxval(AT_RANDOM);
    uint64_t seed = 0;

    if (octets != NULL)
        memcpy(&seed, octets, sizeof seed);
    return seed ^ 0xcbf29ce484222325u;
}

uint64_t hash_octet(uint64_t hash, char octet)
{
    return (hash ^ (unsigned char)octet) * 0x100000001b3u;
}

size_t hash_slot(uint64_t hash, size_t count)
{
    return (size_t)(hash ^ hash >> 32) & (count - 1);
}
