/*
 * sign.h - signatures with an RSA key, as JSON Web Tokens have them (RFC 7518)
 */
#ifndef POSTRIDER_NET_SIGN_H
#define POSTRIDER_NET_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct buf;
struct sign_key;            /* fields: src/net/sign.c */

/* Sections 3.3 and 3.5. */
enum sign_method { SIGN_RS256, SIGN_PS256 };

/* A private key of RSA, in PEM, without a passphrase. The caller owns it. NULL
 * with FAULT_CONFIG, without the name of the file. */
struct sign_key *sign_key_new(const char *pem, size_t length,
                              struct error *err);
void sign_key_free(struct sign_key *key);               /* NULL is allowed */

/* The SHA-256 of the certificate in PEM (RFC 7515 4.1.8), which must be of that
 * key: DIGEST_SHA256_SIZE octets. FAULT_CONFIG, without the name of the
 * file. */
bool sign_certificate(const struct sign_key *key, const char *pem,
                      size_t length, unsigned char *digest, struct error *err);

/* Append the signature of data. FAULT_SYSTEM. */
bool sign_data(const struct sign_key *key, enum sign_method method,
               const struct buf *data, struct buf *out, struct error *err);

#endif
