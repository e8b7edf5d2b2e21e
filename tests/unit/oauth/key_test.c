#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../in_folder.h"
#include "config/config.h"
#include "oauth/key.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/text.h"

static char token_url[] = "https://oauth2.example/token", scope[] = "mail",
            none[] = "", client_id[] = "id1";

/* A key of RSA, in PEM, with line ends as JSON has them; the caller frees. */
static char *make_pem(bool json)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *memory = BIO_new(BIO_s_mem());
    struct buf out;
    char *data;

    assert_int_equal(PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL,
                                              NULL), 1);
    long length = BIO_get_mem_data(memory, &data);
    buf_init(&out, SIZE_MAX);
    for (long i = 0; i < length; i++)
        if (json && data[i] == '\n')
            buf_add_text(&out, "\\n");
        else
            buf_add_char(&out, data[i]);
    BIO_free(memory);
    EVP_PKEY_free(key);
    return buf_take(&out);
}

/* Read as client_key_file. */
static struct key *read_key(const char *text, enum oauth_flow flow, char *id,
                            struct error *err)
{
    char *here = getcwd(NULL, 0);
    char *path = alloc_format("%s/key", here);
    const struct config config = { .delivery = DELIVERY_QUEUE };
    const struct oauth oauth = {
        .flow = flow, .client_id = id, .client_key_file = path,
        .client_cert_file = none, .token_url = token_url, .scope = scope,
    };

    unlink("key");
    FILE *file = fopen("key", "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod("key", 0400), 0);
    struct key *key = key_read(&config, &oauth, err);
    free(path);
    free(here);
    return key;
}

/* Part i of what was signed, as JSON; the caller frees it. */
static json_t *part_of(const char *token, size_t i)
{
    struct buf text, plain;

    for (; i > 0; i--)
        token = strchr(token, '.') + 1;
    buf_init(&text, SIZE_MAX);
    buf_init(&plain, SIZE_MAX);
    for (; *token != '\0' && *token != '.'; token++)
        buf_add_char(&text, *token == '-' ? '+' : *token == '_' ? '/' : *token);
    while (text.length % 4 != 0)
        buf_add_char(&text, '=');
    assert_true(base64_decode(&plain, text.data, text.length));
    json_t *object = json_loads(plain.data, 0, NULL);
    assert_non_null(object);
    buf_free(&text);
    buf_free(&plain);
    return object;
}

static void assert_member(const json_t *object, const char *name,
                          const char *value)
{
    const char *text = json_string_value(json_object_get(object, name));

    if ((text == NULL) != (value == NULL) ||
        (text != NULL && strcmp(text, value) != 0))
        fail_msg("%s: %s", name, text);
}

/* What Google's console gives has the name of the account. */
static void an_account_asks_for_a_mailbox(void **state)
{
    const struct oauth oauth = { .flow = OAUTH_JWT_BEARER,
                                 .token_url = token_url, .scope = scope };
    char *pem = make_pem(true);
    char *text = alloc_format("\xef\xbb\xbf{\"type\": \"service_account\", "
                              "\"private_key\": \"%s\", \"private_key_id\": "
                              "\"k1\", \"client_email\": \"robot@a.example\"}",
                              pem);
    const json_int_t before = (json_int_t)time(NULL);
    struct error err = { 0 };
    struct buf token;

    (void)state;
    struct key *key = read_key(text, OAUTH_JWT_BEARER, none, &err);
    if (key == NULL)
        fail_msg("%s", err.text);
    buf_init(&token, SIZE_MAX);
    assert_true(key_sign_grant(key, &oauth, "ann@a.example", &token, &err));
    json_t *header = part_of(token.data, 0), *claims = part_of(token.data, 1);
    assert_member(header, "alg", "RS256");
    assert_member(header, "kid", "k1");
    assert_member(header, "x5t#S256", NULL);
    assert_member(claims, "iss", "robot@a.example");
    assert_member(claims, "sub", "ann@a.example");
    assert_member(claims, "aud", token_url);
    assert_member(claims, "scope", "mail");
    json_int_t from = json_integer_value(json_object_get(claims, "nbf"));
    assert_true(from >= before && from <= (json_int_t)time(NULL));
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")) - from,
                     300);
    json_decref(header);
    json_decref(claims);
    buf_free(&token);
    key_free(key);
    key_free(NULL);
    free(text);
    free(pem);
}

/* A key in PEM does not name its client. */
static void a_client_names_itself(void **state)
{
    const struct oauth oauth = { .flow = OAUTH_JWT_BEARER,
                                 .token_url = token_url, .scope = scope };
    char *pem = make_pem(false);
    struct error err = { 0 };
    struct buf token;

    (void)state;
    struct key *key = read_key(pem, OAUTH_JWT_BEARER, client_id, &err);
    if (key == NULL)
        fail_msg("%s", err.text);
    buf_init(&token, SIZE_MAX);
    assert_true(key_sign_client(key, &oauth, &token, &err));
    json_t *claims = part_of(token.data, 1);
    assert_member(claims, "iss", client_id);
    assert_member(claims, "sub", client_id);
    assert_member(claims, "scope", NULL);
    json_decref(claims);
    buf_free(&token);
    key_free(key);
    assert_null(read_key(pem, OAUTH_JWT_BEARER, none, &err));
    assert_non_null(strstr(err.text, "client_id is missing"));
    free(pem);
}

static const struct {
    enum oauth_flow flow;
    const char *text;
    const char *error;
} mistakes[] = {
    { OAUTH_JWT_BEARER, "", "client_key_file " },
    { OAUTH_JWT_BEARER, "{\"type\": \"authorized_user\"}",
      "is not the key of a service account, but of type authorized_user; make "
      "a key of type JSON" },
    { OAUTH_JWT_BEARER, "{}", "but of type none" },
    { OAUTH_JWT_BEARER, "{\"type\": \"service_account\", \"private_key\": "
      "\"x\"}", "holds no private_key, or no client_email" },
    { OAUTH_JWT_BEARER, "{\"type\": \"service_account\", \"private_key\": "
      "\"x\", \"client_email\": \"\"}",
      "holds no private_key, or no client_email" },
    { OAUTH_JWT_BEARER, "{\"type\": \"service_account\", \"private_key\": "
      "\"x\", \"client_email\": \"a@b\"}", "client_key_file " },
    { OAUTH_CLIENT_CREDENTIALS, "{\"type\": \"authorized_user\"}",
      "client_key_file " },
};

static void what_is_no_key_is_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct error err = { 0 };
        struct key *key = read_key(mistakes[i].text, mistakes[i].flow,
                                   client_id, &err);
        assert_null(key);
        if (err.fault != FAULT_CONFIG ||
            strstr(err.text, mistakes[i].error) == NULL)
            fail_msg("row %zu: %d %s", i, (int)err.fault, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(an_account_asks_for_a_mailbox),
        IN_FOLDER(a_client_names_itself),
        IN_FOLDER(what_is_no_key_is_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
