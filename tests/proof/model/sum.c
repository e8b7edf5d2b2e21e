/* sum.c - a checksum is any number; it reads what it is of */
#include "proof.h"

#include "util/crc32c.h"

uint32_t crc32c(uint32_t sum, const void *data, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read((char *)data + (0 .. length - 1)); */
        /*@ assert set: \initialized((char *)data + (0 .. length - 1)); */
    }
    return Frama_C_unsigned_int_interval(0, UINT32_MAX);
}

uint32_t crc32c_zeros(uint32_t sum, uint64_t length)
{
    return Frama_C_unsigned_int_interval(0, UINT32_MAX);
}
