/*
 * digest.h - the hashes that authentication needs
 */
#ifndef POSTRIDER_NET_DIGEST_H
#define POSTRIDER_NET_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_MD5_SIZE 16
#define DIGEST_SHA256_SIZE 32

/* HMAC (RFC 2104). False if the library cannot (MD5 under FIPS). */
bool digest_hmac_md5(const void *key, size_t key_length, const void *data,
                     size_t length, unsigned char out[DIGEST_MD5_SIZE]);
bool digest_hmac_sha256(const void *key, size_t key_length, const void *data,
                        size_t length, unsigned char out[DIGEST_SHA256_SIZE]);
bool digest_sha256(const void *data, size_t length,
                   unsigned char out[DIGEST_SHA256_SIZE]);

/* PBKDF2-HMAC-SHA-256 (RFC 8018), one block of output. */
bool digest_pbkdf2_sha256(const void *password, size_t password_length,
                          const void *salt, size_t salt_length,
                          unsigned iterations,
                          unsigned char out[DIGEST_SHA256_SIZE]);

/* Equal, in time that does not depend on where they differ. */
bool digest_equal(const void *a, const void *b, size_t length);

#endif
