/*
 * encode.h - text with overlong lines, as quoted-printable (RFC 2045 6.7)
 *
 * Common servers refuse lines of over 998 octets (RFC 5322 section 2.1.1). A
 * text that has such lines and no encoding yet is encoded, so that it arrives
 * as it was written.
 */
#ifndef POSTRIDER_MAIL_ENCODE_H
#define POSTRIDER_MAIL_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct header;
struct io_blocks;

/* The lines of a body, as it streams: { 0 } before the first piece. */
struct line_lengths {
    size_t column;
    bool has_overlong;
};
void line_lengths_add(struct line_lengths *lines, const char *data,
                      size_t length);

/* May the body be encoded? It is one text, without a transfer encoding and
 * without a signature over its octets. */
bool encode_is_allowed(const struct header *header);

/* Declare in the header section that it is; and, where nothing does, what
 * charset it is in: of the length octets of a file from start on, which are
 * CRLF lines. FAULT_TEMPORARY, here and below, if it cannot be read. */
bool encode_declare(struct header *header, int fd, uint64_t start,
                    uint64_t length, struct error *err);

/* Where the encoded body goes: called with pieces of it, in order. */
typedef bool encode_sink(void *context, const char *data, size_t length,
                         struct error *err);

/* Encode what the blocks have. Also the sink's faults. */
bool encode_body(struct io_blocks *blocks, encode_sink *sink, void *context,
                 struct error *err);

#endif
