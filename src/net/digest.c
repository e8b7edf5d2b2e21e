#include "net/digest.h"

#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* HMAC() takes a NULL key for "the key of last time". */
static bool hmac(const EVP_MD *md, const void *key, size_t key_length,
                 const void *data, size_t length, unsigned char *out)
{
    unsigned size = 0;

    if (key_length > INT_MAX)
        return false;
    return HMAC(md, key_length == 0 ? "" : key, (int)key_length, data, length,
                out, &size) != NULL;
}

bool digest_hmac_md5(const void *key, size_t key_length, const void *data,
                     size_t length, unsigned char out[DIGEST_MD5_SIZE])
{
    return hmac(EVP_md5(), key, key_length, data, length, out);
}

bool digest_hmac_sha256(const void *key, size_t key_length, const void *data,
                        size_t length, unsigned char out[DIGEST_SHA256_SIZE])
{
    return hmac(EVP_sha256(), key, key_length, data, length, out);
}

bool digest_sha256(const void *data, size_t length,
                   unsigned char out[DIGEST_SHA256_SIZE])
{
    return EVP_Digest(data, length, out, NULL, EVP_sha256(), NULL) == 1;
}

bool digest_pbkdf2_sha256(const void *password, size_t password_length,
                          const void *salt, size_t salt_length,
                          unsigned iterations,
                          unsigned char out[DIGEST_SHA256_SIZE])
{
    if (password_length > INT_MAX || salt_length > INT_MAX ||
        iterations == 0 || iterations > INT_MAX)
        return false;
    return PKCS5_PBKDF2_HMAC(password_length == 0 ? "" : password,
                             (int)password_length, salt, (int)salt_length,
                             (int)iterations, EVP_sha256(),
                             DIGEST_SHA256_SIZE, out) == 1;
}

bool digest_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}
