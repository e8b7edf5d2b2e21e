/*
 * tls_bundle.h - trust a PEM file of many certificates without parsing it all
 *
 * OpenSSL parses all authorities of a bundle, their keys too, before the first
 * connection: 15-35 ms of CPU and 2 MB. Here the file is read at once, but only
 * the subject names are looked at, when a chain asks for an issuer for the
 * first time; only the one that fits becomes a certificate.
 */
#ifndef POSTRIDER_NET_TLS_BUNDLE_H
#define POSTRIDER_NET_TLS_BUNDLE_H

#include <stdbool.h>

struct x509_store_st;           /* OpenSSL's X509_STORE */

/*
 * Trust the certificates of a file. It is not opened again later. A small file
 * is left to OpenSSL, as is one with "TRUSTED CERTIFICATE" (X509_AUX) in it.
 * False if the file cannot be read or holds no certificate.
 */
bool tls_bundle_use(struct x509_store_st *store, const char *path);

#endif
