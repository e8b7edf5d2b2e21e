/*
 * form.h - names and values as application/x-www-form-urlencoded has them
 */
#ifndef POSTRIDER_OAUTH_FORM_H
#define POSTRIDER_OAUTH_FORM_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Append a value: what is not a letter, a digit or one of "-._~" as %XX. */
void form_encode(struct buf *out, const char *text);

/* Append name=value, after "&" unless out is empty or ends with "?". */
void form_add(struct buf *out, const char *name, const char *value);

/* The first value of that name in a query, decoded; the caller frees it. NULL
 * if there is none, or if it is there twice or not rightly encoded. */
char *form_value(const char *query, const char *name);

/* "https://HOST:PORT/..." -> where HOST begins, and its length; 0 if it is not
 * such an address. */
size_t form_host(const char *url, const char **host);

#endif
