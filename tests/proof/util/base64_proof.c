/*
 * base64_proof.c - any octets encoded, any text decoded
 *
 * about: util/base64.c
 * shows: decoding: up to 65536 octets; encoding: 1022 to 1024; both: 0 to 24
 * of: util/base64.c
 * with: model/format.c model/alloc.c model/buf.c
 * longest: 24
 * exact: -eva-slevel 20 -eva-min-loop-unroll 40 -eva-split-return-function
 *      decode_quad:0
 * part: -eva-slevel 10 -eva-min-loop-unroll 350
 * limit: -eva-precision 2 -eva-split-return-function decode_quad:0
 */
#include "proof.h"
#include "util/base64.h"
#include "util/buf.h"

static void encode(const char *data, size_t length)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    (void)base64_encode(&out, data, length);
    (void)base64_encode_url(&out, data, length);
    buf_free(&out);
}

static void decode(const char *text, size_t length)
{
    struct buf out;

    buf_init(&out, SIZE_MAX);
    (void)base64_decode(&out, text, length);
    buf_free(&out);
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++) {
        encode(proof_octets(length), length);
        decode(proof_octets(length), length);
    }
}

void limit(void)
{
    decode(proof_octets(PROOF_TEXT_MAX), proof_length(PROOF_TEXT_MAX));
}

/* Longer than any password, and each rest of three. */
void part(void)
{
    for (size_t length = 1022; length <= 1024; length++)
        encode(proof_octets(length), length);
}
