/*
 * tls.h - TLS for one client connection, verified or not at all
 *
 * The only user of OpenSSL, with its helpers, besides net/digest.h and
 * net/sign.h. A context belongs to a smarthost and is made once per process: it
 * holds the trust store.
 */
#ifndef POSTRIDER_NET_TLS_H
#define POSTRIDER_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/error.h"

struct buf;
struct tls_context;
struct tls;

/* Strings are borrowed for the call; "" means not set. */
struct tls_settings {
    const char *ca_file;        /* instead of the system's store */
    const char *fingerprint;    /* SHA-256 of the certificate: 64 hex digits,
                                 * lower case; replaces chain and name check */
    const char *cert_file;      /* client certificate chain, PEM */
    const char *key_file;
    const char *groups;         /* of the key exchange, as OpenSSL names them:
                                 * "X25519:P-256" */
    unsigned min_version;       /* 12 or 13 */
};

/*
 * FAULT_CONFIG names the file that cannot be used. The system's store: see
 * net/tls_store.h. The certificates in ca_file are trusted as they are,
 * whether they are roots or not. Client certificate and key may be in one
 * file: then key_file is "".
 */
struct tls_context *tls_context_new(const struct tls_settings *settings,
                                    struct error *err);
void tls_context_free(struct tls_context *context);     /* NULL is allowed */

/*
 * Do the work that the first context, key share and certificate of a process
 * cost, and keep none of them: forks of this process need not do it again.
 * Fails in silence, as they then do it themselves.
 */
void tls_warm_up(void);

/*
 * The seconds that are left to the first certificate of a PEM file, negative
 * if it has expired. FAULT_CONFIG if the file cannot be read or holds none.
 */
bool tls_expiry(const char *path, int64_t *left, struct error *err);

/*
 * Handshake on a connected non-blocking socket before the deadline, with SNI
 * for a host that is a name. When it returns, the peer is verified: chain,
 * validity, and host as subjectAltName (name or address), or the fingerprint.
 * NULL with FAULT_TLS; the text has what is wrong with the certificate; number
 * is EPROTO for a peer that answers in something else than TLS.
 * The socket stays the caller's. The process must ignore SIGPIPE.
 *
 * The context keeps the last session; the next handshake with the same host
 * within the hour resumes it, so that a reconnect verifies no chain again.
 */
struct tls *tls_handshake(struct tls_context *context, int fd,
                          const char *host, int64_t deadline,
                          struct error *err);
void tls_free(struct tls *tls);                         /* NULL is allowed */

/*
 * Non-blocking read and write. > 0 octets done; 0 end of file (tls_read);
 * -1 error (err set: FAULT_TEMPORARY, or FAULT_TLS for an alert and what
 * OpenSSL finds wrong); otherwise what to poll for first:
 */
#define TLS_WANT_READ (-2)
#define TLS_WANT_WRITE (-3)
ssize_t tls_read(struct tls *tls, void *data, size_t length,
                 struct error *err);
ssize_t tls_write(struct tls *tls, const void *data, size_t length,
                  struct error *err);
bool tls_pending(const struct tls *tls);    /* decrypted octets wait inside */

/* Send close_notify if that needs no waiting. Errors do not matter. */
void tls_close(struct tls *tls);

/* "TLSv1.3", "TLS_AES_256_GCM_SHA384", "x25519": static. The group of the key
 * exchange is "none" where there was none, as with RSA in TLS 1.2. */
const char *tls_version(const struct tls *tls);
const char *tls_cipher(const struct tls *tls);
const char *tls_group(const struct tls *tls);

/*
 * Channel binding for SCRAM-PLUS: name is "tls-exporter" (TLS 1.3, RFC 9266)
 * or "tls-unique" (TLS 1.2 with extended master secret, RFC 5929). False if
 * there is none.
 */
bool tls_channel_binding(const struct tls *tls, const char **name,
                         struct buf *data);

/* When the peer's certificate ends, in seconds since 1970; 0: unknown. */
int64_t tls_certificate_end(const struct tls *tls);

/* The peer's certificate for people: subject, names, issuer, not after and the
 * days left, SHA-256. */
void tls_describe(const struct tls *tls, struct buf *out);

#endif
