/*
 * digest.h - the hashes that authentication needs
 */
#ifndef POSTRIDER_NET_DIGEST_H
#define POSTRIDER_NET_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum digest { DIGEST_MD5, DIGEST_SHA256, DIGEST_SHA512 };

#define DIGEST_SHA256_SIZE 32
#define DIGEST_SIZE_MAX 64

size_t digest_size(enum digest digest);

/* The key of a MAC, or a password, for this digest. Octets are borrowed. */
struct digest_key {
    enum digest digest;
    const void *data;
    size_t length;
};

/* out has room for the digest. All are false if the library cannot (MD5 under
 * FIPS). */
bool digest_sum(enum digest digest, const void *data, size_t length,
                unsigned char *out);
bool digest_hmac(const struct digest_key *key, const void *data,
                 size_t length, unsigned char *out);    /* RFC 2104 */

/* Append the SHA-256 of a secret text in hexadecimal: it names a token without
 * showing it. Not for what could be guessed, like a password. */
bool digest_name(struct buf *out, const char *secret);

/* PBKDF2 (RFC 8018), one block of output. */
bool digest_pbkdf2(const struct digest_key *password, const void *salt,
                   size_t salt_length, unsigned iterations,
                   unsigned char *out);

/* Equal, in time that does not depend on where they differ. */
bool digest_equal(const void *a, const void *b, size_t length);

#endif
