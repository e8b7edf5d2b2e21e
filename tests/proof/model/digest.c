/* digest.c - net/digest.h and util/random.h: octets that nothing is known of */
#include "proof.h"

#include "net/digest.h"
#include "util/random.h"

void random_bytes(void *data, size_t length)
{
    proof_change(data, length);
}

size_t digest_size(enum digest digest)
{
    return digest == DIGEST_MD5 ? 16 : digest == DIGEST_SHA256 ? 32 : 64;
}

static void read(const void *data, size_t length)
{
    if (length > 0) {
        /*@ assert readable: \valid_read((char *)data + (0 .. length - 1)); */
        /*@ assert set: \initialized((char *)data + (0 .. length - 1)); */
    }
}

static bool result(enum digest digest, unsigned char *out)
{
    proof_change(out, digest_size(digest));
    return proof_any();
}

bool digest_sum(enum digest digest, const void *data, size_t length,
                unsigned char *out)
{
    read(data, length);
    return result(digest, out);
}

bool digest_hmac(const struct digest_key *key, const void *data,
                 size_t length, unsigned char *out)
{
    read(key->data, key->length);
    read(data, length);
    return result(key->digest, out);
}

bool digest_pbkdf2(const struct digest_key *password, const void *salt,
                   size_t salt_length, unsigned iterations,
                   unsigned char *out)
{
    /*@ assert work: 0 < iterations <= 0x7fffffff; */
    read(password->data, password->length);
    read(salt, salt_length);
    return result(password->digest, out);
}

bool digest_equal(const void *a, const void *b, size_t length)
{
    read(a, length);
    read(b, length);
    return proof_any();
}
