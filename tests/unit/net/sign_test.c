#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "net/sign.h"
#include "util/buf.h"
#include "util/text.h"

static EVP_PKEY *key, *other;

static int set_up(void **state)
{
    (void)state;
    key = EVP_RSA_gen(2048);
    other = EVP_EC_gen("P-256");
    return key != NULL && other != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    return 0;
}

/* The key in PEM, or a certificate of it that it has signed. */
static void write_pem(struct buf *out, EVP_PKEY *of, bool certificate)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *data;

    if (certificate) {
        X509 *made = X509_new();
        X509_set_pubkey(made, of);
        X509_gmtime_adj(X509_getm_notBefore(made), 0);
        X509_gmtime_adj(X509_getm_notAfter(made), 86400);
        assert_true(X509_sign(made, of, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509(memory, made), 1);
        X509_free(made);
    } else {
        assert_int_equal(PEM_write_bio_PrivateKey(memory, of, NULL, NULL, 0,
                                                  NULL, NULL), 1);
    }
    long length = BIO_get_mem_data(memory, &data);
    buf_init(out, SIZE_MAX);
    buf_add(out, data, (size_t)length);
    BIO_free(memory);
}

/* As a server would. */
static bool is_right(enum sign_method method, const struct buf *data,
                     const struct buf *signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how;

    assert_int_equal(EVP_DigestVerifyInit(context, &how, EVP_sha256(), NULL,
                                          key), 1);
    if (method == SIGN_PS256) {
        EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST);
    }
    bool right = EVP_DigestVerify(context,
                                  (const unsigned char *)signature->data,
                                  signature->length,
                                  (const unsigned char *)data->data,
                                  data->length) == 1;
    EVP_MD_CTX_free(context);
    return right;
}

static void a_signature_is_what_the_method_says(void **state)
{
    struct buf pem, data, signature;
    struct error err = { 0 };

    (void)state;
    write_pem(&pem, key, false);
    struct sign_key *sign = sign_key_new(pem.data, pem.length, &err);
    assert_non_null(sign);
    buf_init(&data, SIZE_MAX);
    buf_add_text(&data, "header.claims");
    for (int method = SIGN_RS256; method <= SIGN_PS256; method++) {
        buf_init(&signature, SIZE_MAX);
        assert_true(sign_data(sign, (enum sign_method)method, &data, &signature,
                              &err));
        assert_true(is_right((enum sign_method)method, &data, &signature));
        assert_false(is_right(method == SIGN_RS256 ? SIGN_PS256 : SIGN_RS256,
                              &data, &signature));
        buf_free(&signature);
    }
    buf_free(&data);
    buf_free(&pem);
    sign_key_free(sign);
    sign_key_free(NULL);
}

static void only_a_private_key_of_rsa_signs(void **state)
{
    struct buf pem;
    struct error err = { 0 };

    (void)state;
    write_pem(&pem, other, false);
    assert_null(sign_key_new(pem.data, pem.length, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    buf_free(&pem);
    write_pem(&pem, key, true);
    assert_null(sign_key_new(pem.data, pem.length, &err));
    assert_null(sign_key_new("nothing", 7, &err));
    assert_null(sign_key_new("", 0, &err));
    buf_free(&pem);
}

/* The server knows the key by it. */
static void a_certificate_is_of_its_key(void **state)
{
    unsigned char digest[32] = { 0 }, none[32] = { 0 };
    struct buf pem, certificate;
    struct error err = { 0 };

    (void)state;
    write_pem(&pem, key, false);
    struct sign_key *sign = sign_key_new(pem.data, pem.length, &err);
    assert_non_null(sign);
    write_pem(&certificate, key, true);
    assert_true(sign_certificate(sign, certificate.data, certificate.length,
                                 digest, &err));
    assert_memory_not_equal(digest, none, sizeof digest);
    buf_free(&certificate);
    write_pem(&certificate, other, true);
    assert_false(sign_certificate(sign, certificate.data, certificate.length,
                                  digest, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_false(sign_certificate(sign, pem.data, pem.length, digest, &err));
    buf_free(&certificate);
    buf_free(&pem);
    sign_key_free(sign);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_what_the_method_says),
        cmocka_unit_test(only_a_private_key_of_rsa_signs),
        cmocka_unit_test(a_certificate_is_of_its_key),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
