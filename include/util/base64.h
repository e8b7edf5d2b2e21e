/*
 * base64.h - RFC 4648 section 4, with padding, on one line
 */
#ifndef POSTRIDER_UTIL_BASE64_H
#define POSTRIDER_UTIL_BASE64_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Append the encoding of data. False if the limit of out is exceeded. */
bool base64_encode(struct buf *out, const void *data, size_t length);

/* The same as URLs have it: section 5, without padding. */
bool base64_encode_url(struct buf *out, const void *data, size_t length);

/* Append the octets that text encodes. False, with out as it was, if text
 * is not base64 to the letter (no white space, right padding). */
bool base64_decode(struct buf *out, const char *text, size_t length);

#endif
