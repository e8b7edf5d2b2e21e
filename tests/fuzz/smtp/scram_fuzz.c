/* The server's side of SCRAM: its first message and, in the next line, its last
 * one. The first octet chooses the digest. */
#include "../input.h"
#include "smtp/scram.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/secret.h"

#define ITERATIONS_MAX 4200     /* more take too long here */

static char password[] = "secret-of-the-user";
static const struct secret secret = { password, sizeof password - 1 };

static bool is_slow(const char *message)
{
    const char *count = strstr(message, "i=");

    return count != NULL && strtoul(count + 2, NULL, 10) > ITERATIONS_MAX;
}

/* "c=biws,r=NONCE,p=PROOF": of our own nonce and more. */
static void check_answer(const struct buf *answer)
{
    static const char start[] = "c=biws,r=nonce";
    const char *proof = strstr(answer->data, ",p=");

    PROMISE(strlen(answer->data) == answer->length);
    PROMISE(strncmp(answer->data, start, sizeof start - 1) == 0);
    PROMISE(proof != NULL && answer->data[sizeof start - 1] != ',');
}

/* Only the one right signature proves that the server knows the password. */
static void check_end(const struct scram *scram, const char *message,
                      size_t length)
{
    struct buf right;
    struct error err;

    buf_init(&right, SIZE_MAX);
    buf_add_text(&right, "v=");
    base64_encode(&right, scram->signature, digest_size(scram->digest));
    PROMISE(scram_check(scram, right.data, right.length, &err));
    bool is_right = length >= right.length &&
                    memcmp(message, right.data, right.length) == 0 &&
                    (length == right.length || message[right.length] == ',');
    PROMISE(scram_check(scram, message, length, &err) == is_right);
    /* Its first octets alone do not. */
    PROMISE(!scram_check(scram, right.data, 6, &err));
    buf_free(&right);
}

static void check_exchange(enum digest digest, struct input first,
                           struct input last)
{
    const struct scram_settings settings = { .digest = digest, .user = "us,er",
                                             .nonce = "nonce" };
    struct scram scram;
    struct buf challenge, out;
    struct error err;

    buf_init(&challenge, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    buf_add(&challenge, first.at, first.left);
    PROMISE(scram_start(&scram, &settings, &out, &err));
    PROMISE(strcmp(out.data, "n,,n=us=2Cer,r=nonce") == 0);
    buf_clear(&out);
    if (scram_answer(&scram, &secret, &challenge, &out, &err)) {
        check_answer(&out);
        check_end(&scram, last.at, last.left);
    } else {
        promise_error(&err);
        PROMISE(err.fault == FAULT_PROTOCOL);
    }
    scram_free(&scram);
    buf_free(&out);
    buf_free(&challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = input_of(data, size);
    enum digest digest = input_octet(&in) % 2 == 0 ? DIGEST_SHA256
                                                   : DIGEST_SHA512;
    struct input first = input_part(&in, '\n');
    char *message = alloc_bytes(first.at, first.left);

    if (!is_slow(message))
        check_exchange(digest, first, in);
    free(message);
    return 0;
}
