/*
 * hash.h - where a text goes in a table
 *
 * The daemon keeps texts that strangers chose. They must not be able to choose
 * many that all have the same slot: each process hashes in its own way.
 *
 *     uint64_t hash = hash_start();
 *     for (; *text != '\0'; text++)
 *         hash = hash_octet(hash, *text);
 *     slot = hash_slot(hash, slot_count);
 */
#ifndef POSTRIDER_UTIL_HASH_H
#define POSTRIDER_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_start(void);
uint64_t hash_octet(uint64_t hash, char octet);

/* From 0 up to count, which is a power of two. */
size_t hash_slot(uint64_t hash, size_t count);

#endif
