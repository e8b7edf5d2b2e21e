/*
 * tls_expiry.h - until when a certificate file can be used
 */
#ifndef POSTRIDER_NET_TLS_EXPIRY_H
#define POSTRIDER_NET_TLS_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/*
 * The seconds that are left to the first certificate of a PEM file, negative
 * if it has expired. FAULT_CONFIG if the file cannot be read or holds none.
 */
bool tls_expiry(const char *path, int64_t *left, struct error *err);

#endif
