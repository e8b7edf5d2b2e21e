/*
 * secret.h - a password in memory, wiped after use
 */
#ifndef POSTRIDER_UTIL_SECRET_H
#define POSTRIDER_UTIL_SECRET_H

#include <stddef.h>

struct secret {
    char *data;             /* NUL-terminated; NULL if there is none */
    size_t length;
};

/* Take over octets the caller allocated with util/alloc.h or util/buf.h. */
void secret_take(struct secret *secret, char *data, size_t length);
void secret_wipe(struct secret *secret);        /* overwritten, then freed */

#endif
