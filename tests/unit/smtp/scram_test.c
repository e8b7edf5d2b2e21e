#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/scram.h"
#include "util/secret.h"
#include "util/text.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define CHALLENGE "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

static char pencil[] = "pencil";
static const struct secret password = { pencil, 6 };

static void start(struct scram *scram, const char *user, struct buf *out)
{
    struct error err;

    buf_init(out, SIZE_MAX);
    assert_true(scram_start(scram, &(struct scram_settings){
        .digest = DIGEST_SHA256, .user = user, .nonce = NONCE }, out, &err));
}

static bool answer(struct scram *scram, const char *challenge, struct buf *out,
                   struct error *err)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_text(&text, challenge);
    bool done = scram_answer(scram, &password, &text, out, err);
    buf_free(&text);
    return done;
}

/* The example of RFC 7677 section 3. */
static void agrees_with_the_rfc(void **state)
{
    struct scram scram;
    struct error err;
    struct buf out;
    const char *proof = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    (void)state;
    start(&scram, "user", &out);
    assert_string_equal(out.data, "n,,n=user,r=" NONCE);
    buf_clear(&out);
    assert_true(answer(&scram, CHALLENGE, &out, &err));
    assert_string_equal(out.data, "c=biws,r=" SERVER_NONCE
                        ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_true(scram_check(&scram, proof, strlen(proof), &err));
    buf_free(&out);
    scram_free(&scram);
}

/* The same exchange with SHA-512, which no RFC has an example of: computed with
 * Python's hashlib by the formulas of RFC 5802 section 3. */
static void knows_sha_512(void **state)
{
    struct scram scram;
    struct error err;
    struct buf out;
    const char *proof = "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDane"
                        "kLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
    const char *shorter = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    (void)state;
    buf_init(&out, SIZE_MAX);
    assert_true(scram_start(&scram, &(struct scram_settings){
        .digest = DIGEST_SHA512, .user = "user", .nonce = NONCE }, &out, &err));
    assert_string_equal(out.data, "n,,n=user,r=" NONCE);
    buf_clear(&out);
    assert_true(answer(&scram, CHALLENGE, &out, &err));
    assert_string_equal(out.data, "c=biws,r=" SERVER_NONCE
                        ",p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xN"
                        "JdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==");
    assert_true(scram_check(&scram, proof, strlen(proof), &err));
    assert_false(scram_check(&scram, shorter, strlen(shorter), &err));
    buf_free(&out);
    scram_free(&scram);
}

static const char *const bad_proofs[] = {
    "", "v", "v=", "v=AAAA", "x=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4= ",
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==", "e=other-error",
};

static void refuses_a_server_without_proof(void **state)
{
    struct scram scram;
    struct error err;
    struct buf out;

    (void)state;
    start(&scram, "user", &out);
    assert_true(answer(&scram, CHALLENGE, &out, &err));
    for (size_t i = 0; i < COUNT(bad_proofs); i++) {
        const char *proof = bad_proofs[i];
        if (scram_check(&scram, proof, strlen(proof), &err))
            fail_msg("taken: %s", proof);
        assert_int_equal(err.fault, FAULT_PROTOCOL);
    }
    buf_free(&out);
    scram_free(&scram);
}

static const char *const bad_challenges[] = {
    "", "r=", "r=" NONCE, ",,,", "=", "r", "e=other-error",
    "r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",    /* only ours */
    "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "r=x" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    "r=" SERVER_NONCE ",i=4096,s=W22ZaJ0SNY7soEsUEjb6gQ==",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==",
    "r=" SERVER_NONCE ",s=,i=4096",
    "r=" SERVER_NONCE ",s=W22Z!,i=4096",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=x",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-4096",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",
    "r=" SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967297",
    "m=must," CHALLENGE,            /* an extension that must be known */
};

static void refuses_challenges_that_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_challenges); i++) {
        struct scram scram;
        struct error err;
        struct buf out;
        const char *challenge = bad_challenges[i];
        start(&scram, "user", &out);
        buf_clear(&out);
        if (answer(&scram, challenge, &out, &err))
            fail_msg("taken: %s", challenge);
        assert_int_equal(err.fault, FAULT_PROTOCOL);
        assert_null(strstr(out.data, "p="));
        buf_free(&out);
        scram_free(&scram);
    }
}

static void writes_names_as_saslnames(void **state)
{
    struct scram scram;
    struct error err;
    struct buf out;

    (void)state;
    start(&scram, "a,b=c \xc3\xa4", &out);
    assert_string_equal(out.data, "n,,n=a=2Cb=3Dc \xc3\xa4,r=" NONCE);
    buf_free(&out);
    scram_free(&scram);

    buf_init(&out, SIZE_MAX);
    assert_false(scram_start(&scram, &(struct scram_settings){
        .digest = DIGEST_SHA256, .user = "a\tb" }, &out, &err));
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_int_equal(out.length, 0);
    buf_free(&out);
    scram_free(&scram);
}

static void binds_the_channel(void **state)
{
    struct scram scram;
    struct error err;
    struct buf out, data;

    (void)state;
    buf_init(&out, SIZE_MAX);
    buf_init(&data, SIZE_MAX);
    buf_add_text(&data, "channel");
    assert_true(scram_start(&scram, &(struct scram_settings){
        .digest = DIGEST_SHA256, .user = "u", .nonce = NONCE,
        .binding = "tls-exporter", .binding_data = &data }, &out, &err));
    assert_string_equal(out.data, "p=tls-exporter,,n=u,r=" NONCE);
    buf_clear(&out);
    assert_true(answer(&scram, CHALLENGE, &out, &err));
    /* base64 of "p=tls-exporter,,channel" */
    assert_true(text_starts(out.data, "c=cD10bHMtZXhwb3J0ZXIsLGNoYW5uZWw=,"));
    scram_free(&scram);

    buf_clear(&out);
    assert_true(scram_start(&scram, &(struct scram_settings){
        .digest = DIGEST_SHA256, .user = "u", .nonce = NONCE,
        .binding_not_offered = true }, &out, &err));
    assert_true(text_starts(out.data, "y,,n=u,"));
    scram_free(&scram);
    buf_free(&out);
    buf_free(&data);
}

static void never_uses_a_nonce_twice(void **state)
{
    const struct scram_settings settings = { .digest = DIGEST_SHA256,
                                             .user = "u" };
    struct scram one, two;
    struct error err;
    struct buf out;

    (void)state;
    buf_init(&out, SIZE_MAX);
    assert_true(scram_start(&one, &settings, &out, &err));
    assert_true(scram_start(&two, &settings, &out, &err));
    assert_int_equal(one.nonce.length, 24);
    assert_string_not_equal(one.nonce.data, two.nonce.data);
    scram_free(&one);
    scram_free(&two);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_rfc),
        cmocka_unit_test(knows_sha_512),
        cmocka_unit_test(refuses_a_server_without_proof),
        cmocka_unit_test(refuses_challenges_that_cannot_be),
        cmocka_unit_test(writes_names_as_saslnames),
        cmocka_unit_test(binds_the_channel),
        cmocka_unit_test(never_uses_a_nonce_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
