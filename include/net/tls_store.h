/*
 * tls_store.h - the authorities to trust
 *
 * A hashed directory (openssl-rehash(1)) costs nothing: an authority is read
 * when a chain needs it. A bundle of all authorities is read at once, but only
 * looked at (2 ms of CPU, net/tls_bundle.h) for one that the directory lacks.
 * The system's store therefore is both, as with OpenSSL:
 *
 *   - the first of OpenSSL's directory, /etc/ssl/certs and /etc/pki/tls/certs
 *     that has a hashed name ("1a2b3c4d.0");
 *   - the first of OpenSSL's file and the usual bundles that is there.
 *
 * $SSL_CERT_DIR and $SSL_CERT_FILE count as for other programs: what they name
 * is used in place of these directories or files. If only one is set, of the
 * other kind OpenSSL's own default counts, but none of the usual places: an
 * administrator who restricts trust must not get more than they asked for.
 * $SSL_CERT_FILE alone with the name of a usual bundle changes nothing.
 */
#ifndef POSTRIDER_NET_TLS_STORE_H
#define POSTRIDER_NET_TLS_STORE_H

#include <stdbool.h>

struct error;
struct landlock_rules;
struct x509_store_st;           /* OpenSSL's X509_STORE */

/* Trust the system's authorities. FAULT_CONFIG if there is no store at all. */
bool tls_store_system(struct x509_store_st *store, struct error *err);

/* Allow to read where the system's authorities are, also once the process has
 * given up other rights: one in a directory is read when a peer names it. */
void tls_store_allow(struct landlock_rules *rules);

/* Trust the certificates of a PEM file, roots or not. FAULT_CONFIG. */
bool tls_store_file(struct x509_store_st *store, const char *path,
                    struct error *err);

#endif
