/*
 * tls_verify.h - is this the peer we meant, and if not, why
 *
 * RFC 6125 and RFC 5280: only subjectAltName counts, never the common name; a
 * wildcard is the whole leftmost label and matches one label.
 */
#ifndef POSTRIDER_NET_TLS_VERIFY_H
#define POSTRIDER_NET_TLS_VERIFY_H

#include <stdbool.h>

#include "util/error.h"

struct buf;
struct ssl_st;                  /* OpenSSL's SSL, X509, X509_STORE_CTX */
struct x509_st;
struct x509_store_ctx_st;

/* The peer that a handshake is meant to be with: the application data of its
 * SSL. */
struct tls_peer {
    char *host;                 /* a DNS name, or an address without brackets */
    struct error refusal;       /* what is wrong with its certificate */
};

/* Before the handshake: whom to expect. A name is sent as SNI, too. False if
 * OpenSSL takes the host neither as a name nor as an address. */
bool tls_verify_expect(struct ssl_st *ssl, const struct tls_peer *peer);

/*
 * During it: verify chain, validity and name; or, if pin is not NULL, that it
 * is the SHA-256 of the certificate, 32 octets. False with FAULT_TLS in
 * peer->refusal: "certificate of HOST: what is wrong", and what can be done.
 */
bool tls_verify_peer(struct x509_store_ctx_st *ctx, const unsigned char *pin,
                     struct tls_peer *peer);

/* Append "CN=... for a.example, b.example, issued by CN=..., valid until
 * 2027-01-31 (in 67 days), SHA-256 01ab...". */
void tls_verify_describe(const struct x509_st *certificate, struct buf *out);

#endif
