/*
 * tls_verify.h - is this the peer we meant, and if not, why
 *
 * RFC 6125 and RFC 5280: only subjectAltName counts, never the common name; a
 * wildcard is the whole leftmost label and stands for one label.
 */
#ifndef POSTRIDER_NET_TLS_VERIFY_H
#define POSTRIDER_NET_TLS_VERIFY_H

#include <stdbool.h>

struct buf;
struct error;
struct ssl_st;                  /* OpenSSL's SSL, X509, X509_STORE_CTX */
struct x509_st;
struct x509_store_ctx_st;

/*
 * Before the handshake: whom to expect. host is a DNS name (then it is sent as
 * SNI, too) or an address, without brackets. False if OpenSSL takes neither.
 */
bool tls_verify_expect(struct ssl_st *ssl, const char *host);

/* Verify chain, validity and name. False with FAULT_TEMPORARY and a text that
 * says "certificate of HOST: what is wrong and what can be done". */
bool tls_verify_chain(struct x509_store_ctx_st *ctx, const char *host,
                      struct error *err);

/* Compare the SHA-256 of the peer's certificate with a pin of 32 octets. */
bool tls_verify_pin(const struct x509_st *certificate,
                    const unsigned char *pin, const char *host,
                    struct error *err);

/* Append "CN=... for a.example, b.example, issued by CN=..., valid until
 * 2027-01-31 (in 67 days), SHA-256 01ab...". */
void tls_verify_describe(const struct x509_st *certificate, struct buf *out);

#endif
