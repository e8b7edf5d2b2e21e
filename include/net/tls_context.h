/*
 * tls_context.h - what net/tls.c and net/tls_context.c use of each other
 *
 * The public side of a context is in net/tls.h.
 */
#ifndef POSTRIDER_NET_TLS_CONTEXT_H
#define POSTRIDER_NET_TLS_CONTEXT_H

#include <stdbool.h>

struct ssl_st;                  /* OpenSSL's SSL, X509_STORE_CTX */
struct tls;
struct tls_context;
struct x509_store_ctx_st;

/* A connection with the context's settings, not connected yet, or NULL. Its
 * application data must be set to its struct tls before the handshake. */
struct ssl_st *tls_context_start(struct tls_context *context);

/* Offer the session that was kept, if it was with this host and is fresh. */
void tls_context_resume(struct tls_context *context, struct ssl_st *ssl,
                        const char *host);

/* Called by the context during a handshake: is this the peer we meant? pin is
 * NULL if chain and name count. Defined in net/tls.c, as is tls_host(). */
bool tls_check_peer(struct tls *tls, struct x509_store_ctx_st *ctx,
                    const unsigned char *pin);
const char *tls_host(const struct tls *tls);

#endif
