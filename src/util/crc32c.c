#include "util/crc32c.h"

#include <string.h>

/* Reflected polynomial 0x1EDC6F41. */
#define POLYNOMIAL 0x82f63b78u

#if defined(__x86_64__)
/* SSE 4.2 has an instruction for just this sum. */
__attribute__((target("sse4.2")))
static uint32_t sum_by_instruction(uint32_t sum, const unsigned char *data,
                                   size_t length)
{
    uint64_t wide = sum;

    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    sum = (uint32_t)wide;
    for (; length > 0; data++, length--)
        sum = __builtin_ia32_crc32qi(sum, *data);
    return sum;
}
#endif

static uint32_t sum_by_nibbles(uint32_t sum, const unsigned char *data,
                               size_t length)
{
    uint32_t table[16];

    for (uint32_t i = 0; i < 16; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 4; bit++)
            value = value >> 1 ^ ((value & 1) != 0 ? POLYNOMIAL : 0);
        table[i] = value;
    }
    for (; length > 0; data++, length--) {
        sum ^= *data;
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return sum;
}

uint32_t crc32c(uint32_t sum, const void *data, size_t length)
{
    sum = ~sum;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~sum_by_instruction(sum, data, length);
#endif
    return ~sum_by_nibbles(sum, data, length);
}

/* The product of two polynomials over GF(2), modulo that of the sum; the
 * highest bit is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if ((a & bit) != 0)
            product ^= b;
        b = b >> 1 ^ ((b & 1) != 0 ? POLYNOMIAL : 0);
    }
    return product;
}

uint32_t crc32c_zeros(uint32_t sum, uint64_t length)
{
    uint32_t power = 1u << 23;  /* x^8: one octet; then two, four... */

    sum = ~sum;
    for (; length > 0; length >>= 1) {
        if ((length & 1) != 0)
            sum = multiply(sum, power);
        power = multiply(power, power);
    }
    return ~sum;
}
