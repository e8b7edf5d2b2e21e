/*
 * opensmtpd_keys.c - make TLS of OpenSMTPD 6.8 work with OpenSSL 3
 *
 * Debian 12's OpenSMTPD keeps the private key out of the process that speaks
 * TLS. That process marks the RSA object that EVP_PKEY_get1_RSA() returns and
 * expects the mark to be in the key when it signs. With OpenSSL 3 the object
 * is a copy, and every handshake fails (OpenSMTPD/OpenSMTPD#1171, mended in
 * later releases). Preloaded into smtpd, this puts the copy into the key.
 */
#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

RSA *EVP_PKEY_get1_RSA(EVP_PKEY *key)
{
    RSA *(*original)(EVP_PKEY *);
    RSA *rsa;

    *(void **)&original = dlsym(RTLD_NEXT, "EVP_PKEY_get1_RSA");
    rsa = original(key);
    if (rsa != NULL)
        EVP_PKEY_set1_RSA(key, rsa);
    return rsa;
}
