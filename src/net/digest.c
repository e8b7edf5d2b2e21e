#include "net/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "util/buf.h"
#include "util/text.h"

static const EVP_MD *method(enum digest digest)
{
    switch (digest) {
    case DIGEST_MD5:
        return EVP_md5();
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

size_t digest_size(enum digest digest)
{
    return (size_t)EVP_MD_size(method(digest));
}

bool digest_sum(enum digest digest, const void *data, size_t length,
                unsigned char *out)
{
    return EVP_Digest(data, length, out, NULL, method(digest), NULL) == 1;
}

bool digest_name(struct buf *out, const char *secret)
{
    unsigned char sum[DIGEST_SHA256_SIZE];

    if (!digest_sum(DIGEST_SHA256, secret, strlen(secret), sum))
        return false;
    text_add_hex(out, sum, sizeof sum);
    return true;
}

bool digest_hmac(const struct digest_key *key, const void *data,
                 size_t length, unsigned char *out)
{
    unsigned size = 0;

    if (key->length > INT_MAX)
        return false;
    /* HMAC() takes a NULL key for "the key of last time". */
    return HMAC(method(key->digest), key->length == 0 ? "" : key->data,
                (int)key->length, data, length, out, &size) != NULL;
}

bool digest_pbkdf2(const struct digest_key *password, const void *salt,
                   size_t salt_length, unsigned iterations,
                   unsigned char *out)
{
    if (password->length > INT_MAX || salt_length > INT_MAX ||
        iterations == 0 || iterations > INT_MAX)
        return false;
    return PKCS5_PBKDF2_HMAC(password->length == 0 ? "" : password->data,
                             (int)password->length, salt, (int)salt_length,
                             (int)iterations, method(password->digest),
                             (int)digest_size(password->digest), out) == 1;
}

bool digest_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
