/*
 * opensmtpd_keys.c - make TLS of OpenSMTPD 6.8 work with OpenSSL 3
 *
 * Debian 12's OpenSMTPD, whose TLS process does not hold the private key,
 * marks the RSA object that EVP_PKEY_get1_RSA() returns, and expects to find
 * the mark in the key when it signs. In OpenSSL 3 that object is only a copy,
 * so that every handshake fails as a server (OpenSMTPD issue 1171, mended in
 * 7.3). Preloaded into smtpd, this puts the copy in the key's place.
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
