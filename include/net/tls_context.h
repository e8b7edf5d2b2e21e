/*
 * tls_context.h - connections with the settings of a smarthost
 *
 * For net/tls.c; the public side of a context is in net/tls.h.
 */
#ifndef POSTRIDER_NET_TLS_CONTEXT_H
#define POSTRIDER_NET_TLS_CONTEXT_H

struct ssl_st;                  /* OpenSSL's SSL */
struct tls_context;
struct tls_peer;

/* A connection that is to be with peer, which must outlive it; not connected
 * yet. NULL: it cannot be made. */
struct ssl_st *tls_context_start(struct tls_context *context,
                                 struct tls_peer *peer);

/* Offer the session that was kept, if it was with this host and is fresh. */
void tls_context_resume(struct tls_context *context, struct ssl_st *ssl,
                        const struct tls_peer *peer);

#endif
