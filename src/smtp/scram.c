#include "smtp/scram.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/alloc.h"
#include "util/base64.h"
#include "util/random.h"
#include "util/secret.h"
#include "util/text.h"

#define ITERATIONS_MAX 1000000u /* a server must not keep us busy */
#define ITERATIONS_MIN 4096u    /* RFC 7677 section 4: fewer help a thief */
#define NONCE_OCTETS 18

void scram_free(struct scram *scram)
{
    buf_free(&scram->header);
    buf_free(&scram->first);
    buf_free(&scram->nonce);
    explicit_bzero(scram->signature, sizeof scram->signature);
}

void scram_add_name(struct buf *out, const char *user)
{
    for (; *user != '\0'; user++)
        if (*user == ',')
            buf_add_text(out, "=2C");
        else if (*user == '=')
            buf_add_text(out, "=3D");
        else
            buf_add_char(out, *user);
}

static void make_nonce(struct buf *out)
{
    unsigned char octets[NONCE_OCTETS];

    random_bytes(octets, sizeof octets);
    base64_encode(out, octets, sizeof octets);
}

bool scram_start(struct scram *scram, const struct scram_settings *settings,
                 struct buf *out, struct error *err)
{
    const char *user = settings->user;

    *scram = (struct scram){ .digest = settings->digest };
    buf_init(&scram->header, SIZE_MAX);
    buf_init(&scram->first, SIZE_MAX);
    buf_init(&scram->nonce, SIZE_MAX);
    if (text_has_control(user, strlen(user)))
        return error_set(err, FAULT_CONFIG, "user holds a control character");
    if (settings->nonce != NULL)
        buf_add_text(&scram->nonce, settings->nonce);
    else
        make_nonce(&scram->nonce);

    if (settings->binding != NULL)
        buf_add_format(&scram->header, "p=%s,,", settings->binding);
    else
        buf_add_text(&scram->header,
                     settings->binding_not_offered ? "y,," : "n,,");
    buf_add_text(&scram->first, "n=");
    scram_add_name(&scram->first, user);
    buf_add_format(&scram->first, ",r=%s", scram->nonce.data);
    buf_add(out, scram->header.data, scram->header.length);
    buf_add(out, scram->first.data, scram->first.length);
    if (settings->binding != NULL)
        buf_add(&scram->header, settings->binding_data->data,
                settings->binding_data->length);
    return true;
}

/* The fields of the server-first-message; pieces of a copy. */
struct challenge {
    const struct buf *message;  /* as it came */
    const char *nonce;
    struct buf salt;
    unsigned iterations;
};

/* The value of "x=value" at *text, cut off; NULL if another attribute is
 * there. */
static char *take_attribute(char **text, char name)
{
    char *value = *text;

    if (value == NULL || value[0] != name || value[1] != '=')
        return NULL;
    char *comma = strchr(value, ',');
    if (comma != NULL)
        *comma++ = '\0';
    *text = comma;
    return value + 2;
}

static bool parse_challenge(const struct scram *scram, char *text,
                            struct challenge *challenge)
{
    uint64_t iterations;

    challenge->nonce = take_attribute(&text, 'r');
    const char *salt = take_attribute(&text, 's');
    const char *count = take_attribute(&text, 'i');
    if (challenge->nonce == NULL || salt == NULL || count == NULL ||
        !text_starts(challenge->nonce, scram->nonce.data) ||
        strlen(challenge->nonce) == scram->nonce.length ||
        !base64_decode(&challenge->salt, salt, strlen(salt)) ||
        challenge->salt.length == 0 ||
        !text_to_number(count, ITERATIONS_MAX, &iterations) ||
        iterations < ITERATIONS_MIN)
        return false;
    challenge->iterations = (unsigned)iterations;
    return true;
}

/* HMAC with a key of the digest's size. */
static bool compute_mac(const struct scram *scram, const unsigned char *key,
                        const char *text, size_t length, unsigned char *out)
{
    return digest_hmac(&(struct digest_key){ scram->digest, key,
                                             digest_size(scram->digest) },
                       text, length, out);
}

/* ClientProof and ServerSignature of RFC 5802 section 3. */
static bool compute_proof(struct scram *scram, const struct secret *secret,
                          const struct challenge *challenge,
                          unsigned char *proof)
{
    enum { MAX = DIGEST_SIZE_MAX };
    unsigned char salted[MAX] = { 0 }, client[MAX] = { 0 };
    unsigned char stored[MAX] = { 0 }, server[MAX] = { 0 };
    const struct digest_key password = { scram->digest, secret->data,
                                         secret->length };
    const struct buf *message = &scram->first;
    size_t size = digest_size(scram->digest);

    bool done =
        digest_pbkdf2(&password, challenge->salt.data, challenge->salt.length,
                      challenge->iterations, salted) &&
        compute_mac(scram, salted, "Client Key", 10, client) &&
        digest_sum(scram->digest, client, size, stored) &&
        compute_mac(scram, stored, message->data, message->length, proof) &&
        compute_mac(scram, salted, "Server Key", 10, server) &&
        compute_mac(scram, server, message->data, message->length,
                    scram->signature);
    for (size_t i = 0; i < size; i++)
        proof[i] ^= client[i];
    explicit_bzero(salted, MAX);
    explicit_bzero(client, MAX);
    explicit_bzero(stored, MAX);
    explicit_bzero(server, MAX);
    return done;
}

static bool answer_challenge(struct scram *scram, const struct secret *secret,
                             const struct challenge *challenge,
                             struct buf *out, struct error *err)
{
    unsigned char proof[DIGEST_SIZE_MAX] = { 0 };
    size_t start = out->length;

    buf_add_text(out, "c=");
    base64_encode(out, scram->header.data, scram->header.length);
    buf_add_format(out, ",r=%s", challenge->nonce);
    buf_add_char(&scram->first, ',');
    buf_add(&scram->first, challenge->message->data,
            challenge->message->length);
    buf_add_char(&scram->first, ',');
    buf_add(&scram->first, out->data + start, out->length - start);
    if (!compute_proof(scram, secret, challenge, proof))
        return error_set(err, FAULT_SYSTEM, "OpenSSL cannot do this hash") ||
               error_remedy(err, "set another auth");
    buf_add_text(out, ",p=");
    base64_encode(out, proof, digest_size(scram->digest));
    return true;
}

bool scram_answer(struct scram *scram, const struct secret *secret,
                  const struct buf *challenge, struct buf *out,
                  struct error *err)
{
    struct challenge parsed = { .message = challenge };
    char *text = alloc_bytes(challenge->data, challenge->length);

    buf_init(&parsed.salt, SIZE_MAX);
    bool done = parse_challenge(scram, text, &parsed)
                ? answer_challenge(scram, secret, &parsed, out, err)
                : error_set(err, FAULT_PROTOCOL, "an invalid SCRAM challenge");
    buf_free(&parsed.salt);
    free(text);
    return done;
}

bool scram_check(const struct scram *scram, const char *message,
                 size_t length, struct error *err)
{
    struct buf signature;

    buf_init(&signature, SIZE_MAX);
    const char *comma = memchr(message, ',', length);
    size_t end = comma != NULL ? (size_t)(comma - message) : length;
    bool right = end > 2 && memcmp(message, "v=", 2) == 0 &&
                 base64_decode(&signature, message + 2, end - 2) &&
                 signature.length == digest_size(scram->digest) &&
                 digest_equal(signature.data, scram->signature,
                              signature.length);
    buf_free(&signature);
    return right || error_set(err, FAULT_PROTOCOL, "the server did not prove "
                              "that it knows the password");
}
