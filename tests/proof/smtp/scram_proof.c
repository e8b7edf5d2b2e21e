/*
 * scram_proof.c - the challenges of a server
 *
 * about: smtp/scram.c
 * shows: messages up to 4096 octets; challenges of 0 to 9, and of 20 and 22
 *      with all attributes; final messages of 0 to 9
 * with in exact: util/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/base64.c model/digest.c model/search.c
 * with in limit: model/text.c model/format.c model/alloc.c model/buf.c
 *      model/error.c model/base64.c model/digest.c model/scan.c
 * longest: 9
 * exact: -eva-slevel 300 -eva-min-loop-unroll 14
 *      -eva-split-return-function parse_challenge:0
 * limit: -eva-slevel 50 -eva-split-return-function parse_challenge:0
 */
#include "proof.h"

#include "net/stream.h"

#include "../../../src/smtp/scram.c"

static struct scram started(size_t length)
{
    char *nonce = proof_text(length);
    struct scram scram = {
        .digest = proof_any() ? DIGEST_SHA256 : DIGEST_SHA512,
        .nonce = { .data = nonce, .length = length, .limit = length },
    };

    buf_init(&scram.header, SIZE_MAX);
    buf_init(&scram.first, SIZE_MAX);
    return scram;
}

/* A challenge of each length: its attributes anywhere in it. */
static void parse(size_t length)
{
    struct scram scram = started(1);
    struct challenge challenge = { 0 };

    buf_init(&challenge.salt, SIZE_MAX);
    (void)parse_challenge(&scram, proof_text(length), &challenge);
    buf_free(&challenge.salt);
}

static void answer(size_t length)
{
    struct scram scram = started(4);
    struct secret secret = { proof_text(8), 8 };
    struct buf message = { .data = proof_text(length), .length = length };
    struct challenge challenge = { .message = &message,
                                   .nonce = proof_text(length / 3),
                                   .iterations = ITERATIONS_MIN };
    struct buf out;
    struct error err;

    buf_init(&challenge.salt, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    out.length = 5;             /* AUTH, for one */
    (void)answer_challenge(&scram, &secret, &challenge, &out, &err);
    buf_free(&out);
    buf_free(&challenge.salt);
    scram_free(&scram);
}

static void check(size_t length)
{
    struct scram scram = started(4);
    struct error err;

    (void)scram_check(&scram, proof_octets(length), length, &err);
    scram_free(&scram);
}

static void start(size_t length)
{
    struct buf binding = { .data = proof_octets(4), .length = 4 };
    struct scram_settings settings = {
        .digest = DIGEST_SHA256, .user = proof_text(length),
        .binding = proof_any() ? "tls-exporter" : NULL,
        .binding_data = &binding, .binding_not_offered = proof_any(),
        .nonce = proof_any() ? proof_text(4) : NULL,
    };
    struct scram scram;
    struct buf out;
    struct error err;

    buf_init(&out, SIZE_MAX);
    (void)scram_start(&scram, &settings, &out, &err);
    scram_free(&scram);
    buf_free(&out);
}

/* A challenge with all its attributes, of any octets: r=ab*,s=****,i=*******. */
static char *attributes(void)
{
    char *text = proof_text(22);

    memcpy(text, "r=ab", 4);
    memcpy(text + 5, ",s=", 3);
    memcpy(text + 12, ",i=", 3);
    return text;
}

static struct scram begun(void)
{
    struct scram scram = started(2);

    memcpy(scram.nonce.data, "ab", 2);
    return scram;
}

/* A nonce that is longer than what follows it: r=ab********,s=*,i=*. */
static char *long_nonce(void)
{
    char *text = proof_text(20);

    memcpy(text, "r=ab", 4);
    memcpy(text + 12, ",s=", 3);
    memcpy(text + 16, ",i=", 3);
    return text;
}

static void parse_all(char *text)
{
    struct scram scram = begun();
    struct challenge challenge = { 0 };

    buf_init(&challenge.salt, SIZE_MAX);
    (void)parse_challenge(&scram, text, &challenge);
}

static void whole(void)
{
    struct scram scram = begun();
    struct secret secret = { proof_text(8), 8 };
    struct buf message = { .data = attributes(), .length = 22 };
    struct buf out;
    struct error err;

    buf_init(&out, SIZE_MAX);
    (void)scram_answer(&scram, &secret, &message, &out, &err);
    buf_free(&out);
}

void exact(void)
{
    for (size_t length = 0; length <= LONGEST; length++) {
        if (proof_any()) {
            check(length);
            return;
        }
        if (proof_any()) {
            parse(length);
            return;
        }
    }
    switch (Frama_C_interval(0, 4)) {
    case 0: start(3); break;
    case 1: answer(24); break;
    case 2: parse_all(attributes()); break;
    case 3: parse_all(long_nonce()); break;
    default: whole();
    }
}

/* A line of a server has at most so many octets, and its base64 more than what
 * that is of. */
void limit(void)
{
    switch (Frama_C_interval(0, 3)) {
    case 2: answer(STREAM_LINE_MAX); break;
    case 0: check(STREAM_LINE_MAX); break;
    case 1: parse(STREAM_LINE_MAX); break;
    default: start(STREAM_LINE_MAX);
    }
}
