/*
 * crc32c.h - the Castagnoli checksum (RFC 3720 section 12.1)
 *
 * Finds torn and cut files, not forgers.
 */
#ifndef POSTRIDER_UTIL_CRC32C_H
#define POSTRIDER_UTIL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue a checksum with more octets; start with 0. */
uint32_t crc32c(uint32_t sum, const void *data, size_t length);

/* The same with so many zero octets, those of a hole, without a loop over
 * them. */
uint32_t crc32c_zeros(uint32_t sum, uint64_t length);

#endif
