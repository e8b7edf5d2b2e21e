#include "net/sign.h"

#include <limits.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "util/alloc.h"
#include "util/buf.h"

struct sign_key {
    EVP_PKEY *key;
};

/* Asks no person. */
static int no_passphrase(char *out, int size, int writing, void *asked)
{
    (void)out;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static BIO *open_text(const char *pem, size_t length)
{
    return length > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)length);
}

static EVP_PKEY *read_key(const char *pem, size_t length, struct error *err)
{
    bool asked = false;
    BIO *text = open_text(pem, length);
    EVP_PKEY *key = text == NULL
        ? NULL : PEM_read_bio_PrivateKey(text, NULL, no_passphrase, &asked);

    BIO_free(text);
    ERR_clear_error();
    if (key != NULL)
        return key;
    error_set(err, FAULT_CONFIG, asked ? "is protected by a passphrase"
                                       : "holds no private key in PEM");
    if (asked)
        error_remedy(err, "store it without");
    return NULL;
}

struct sign_key *sign_key_new(const char *pem, size_t length,
                              struct error *err)
{
    EVP_PKEY *key = read_key(pem, length, err);

    if (key == NULL)
        return NULL;
    if (EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        error_set(err, FAULT_CONFIG, "the private key is not an RSA key");
        return NULL;
    }
    struct sign_key *made = alloc_zero(1, sizeof *made);
    made->key = key;
    return made;
}

void sign_key_free(struct sign_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

bool sign_certificate(const struct sign_key *key, const char *pem,
                      size_t length, unsigned char *digest, struct error *err)
{
    bool asked = false;
    BIO *text = open_text(pem, length);
    X509 *certificate = text == NULL
        ? NULL : PEM_read_bio_X509(text, NULL, no_passphrase, &asked);
    bool done = false;

    BIO_free(text);
    if (certificate == NULL)
        error_set(err, FAULT_CONFIG, "holds no certificate in PEM");
    else if (X509_check_private_key(certificate, key->key) != 1)
        error_set(err, FAULT_CONFIG, "does not belong to the private key");
    else if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1)
        error_set(err, FAULT_SYSTEM, "OpenSSL has no SHA-256");
    else
        done = true;
    X509_free(certificate);
    ERR_clear_error();
    return done;
}

/* The salt is as long as the digest (RFC 7518 section 3.5). */
static bool choose(EVP_PKEY_CTX *settings, enum sign_method method)
{
    return method == SIGN_RS256 ||
           (EVP_PKEY_CTX_set_rsa_padding(settings,
                                         RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(settings,
                                             RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool sign_data(const struct sign_key *key, enum sign_method method,
               const struct buf *data, struct buf *out, struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *settings;
    size_t size = (size_t)EVP_PKEY_size(key->key);
    unsigned char *signature = alloc_zero(1, size);
    bool done = context != NULL &&
                EVP_DigestSignInit(context, &settings, EVP_sha256(), NULL,
                                   key->key) == 1 &&
                choose(settings, method) &&
                EVP_DigestSign(context, signature, &size,
                               (const unsigned char *)data->data,
                               data->length) == 1 &&
                buf_add(out, signature, size);

    EVP_MD_CTX_free(context);
    free(signature);
    if (!done)
        error_set(err, FAULT_SYSTEM, "OpenSSL cannot sign (error %08lx)",
                  ERR_peek_error());
    ERR_clear_error();
    return done;
}
