#include "oauth/key.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "config/password.h"
#include "net/digest.h"
#include "net/sign.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/file.h"
#include "util/lines.h"
#include "util/random.h"
#include "util/text.h"

#define FILE_MAX ((size_t)64 << 10)
#define LIFE 300                    /* seconds of what is signed */

struct key {
    struct sign_key *sign;
    enum sign_method method;
    char *issuer;                   /* whose it is */
    char *id;                       /* what the server calls it, or NULL */
    char *certificate;              /* x5t#S256, or NULL */
};

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    sign_key_free(key->sign);
    free(key->issuer);
    free(key->id);
    free(key->certificate);
    free(key);
}

static bool take_pem(struct key *key, const char *pem, size_t length,
                     struct error *err)
{
    key->sign = sign_key_new(pem, length, err);
    return key->sign != NULL;
}

/* The file that Google's console has to download, once. */
static bool take_json(struct key *key, const json_t *root, struct error *err)
{
    const char *type = json_string_value(json_object_get(root, "type"));
    const char *pem = json_string_value(json_object_get(root, "private_key"));
    const char *email =
        json_string_value(json_object_get(root, "client_email"));

    if (type == NULL || strcmp(type, "service_account") != 0)
        return error_set(err, FAULT_CONFIG, "is not the key of a service "
                         "account, but of type %s",
                         type != NULL ? type : "none") ||
               error_remedy(err, "make a key of type JSON for the service "
                            "account");
    if (pem == NULL || email == NULL || *email == '\0')
        return error_set(err, FAULT_CONFIG, "holds no private_key, or no "
                         "client_email");
    free(key->issuer);
    key->issuer = alloc_string(email);
    key->id = alloc_string(
        json_string_value(json_object_get(root, "private_key_id")));
    return take_pem(key, pem, strlen(pem), err);
}

static bool take_text(struct key *key, const struct oauth *oauth,
                      const struct buf *text, struct error *err)
{
    size_t mark = lines_mark_length(text->data, text->length);
    json_t *root = oauth->flow != OAUTH_JWT_BEARER ? NULL
                   : json_loadb(text->data + mark, text->length - mark,
                                JSON_REJECT_DUPLICATES, &(json_error_t){ 0 });
    bool done = json_is_object(root)
                ? take_json(key, root, err)
                : take_pem(key, text->data, text->length, err);

    json_decref(root);
    if (done && *key->issuer == '\0')
        return error_set(err, FAULT_CONFIG, "the key in PEM does not name its "
                         "client, and client_id is missing");
    return done;
}

/* Google takes the other method, and knows its keys by their names. */
static bool read_certificate(struct key *key, const struct oauth *oauth,
                             struct error *err)
{
    const char *path = oauth->client_cert_file;
    unsigned char digest[DIGEST_SHA256_SIZE];
    struct buf text, name;

    if (oauth->flow == OAUTH_JWT_BEARER)
        return true;
    buf_init(&text, FILE_MAX);
    buf_init(&name, SIZE_MAX);
    bool done = file_read(path, &text, err);
    if (!done)
        err->fault = FAULT_CONFIG;
    else
        done = sign_certificate(key->sign, text.data, text.length, digest,
                                err) ||
               error_prefix(err, "client_cert_file %s", path);
    if (done && base64_encode_url(&name, digest, sizeof digest)) {
        key->certificate = buf_take(&name);
        key->method = SIGN_PS256;
    }
    buf_free(&text);
    buf_free(&name);
    return done;
}

struct key *key_read(const struct config *config, const struct oauth *oauth,
                     struct error *err)
{
    const char *path = oauth->client_key_file;
    struct key *key = alloc_zero(1, sizeof *key);
    struct buf text;

    key->issuer = alloc_string(oauth->client_id);
    buf_init(&text, FILE_MAX);
    bool done = password_read_key(config, path, &text, err) &&
                (take_text(key, oauth, &text, err) ||
                 error_prefix(err, "client_key_file %s", path)) &&
                read_certificate(key, oauth, err);
    buf_wipe(&text);
    if (done)
        return key;
    key_free(key);
    return NULL;
}

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text != NULL && *text != '\0')
        json_object_set_new(object, name, json_string(text));
}

static void set_time(json_t *object, const char *name, time_t when)
{
    json_object_set_new(object, name, json_integer((json_int_t)when));
}

static json_t *header_of(const struct key *key)
{
    json_t *header = json_object();

    set_text(header, "typ", "JWT");
    set_text(header, "alg", key->method == SIGN_PS256 ? "PS256" : "RS256");
    set_text(header, "kid", key->id);
    set_text(header, "x5t#S256", key->certificate);
    return header;
}

/* The claims of all: for whom it is, from when to when. */
static json_t *claims_of(const struct key *key, const struct oauth *oauth,
                         const char *subject)
{
    json_t *claims = json_object();
    char id[RANDOM_ID_LENGTH + 1];
    time_t now = time(NULL);

    random_id(id);
    set_text(claims, "iss", key->issuer);
    set_text(claims, "sub", subject);
    set_text(claims, "aud", oauth->token_url);
    set_text(claims, "jti", id);
    set_time(claims, "iat", now);
    set_time(claims, "nbf", now);
    set_time(claims, "exp", now + LIFE);
    return claims;
}

static bool add_json(struct buf *out, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    bool done = text != NULL && base64_encode_url(out, text, strlen(text));

    free(text);
    json_decref(object);
    return done;
}

/* RFC 7515 section 3.1. */
static bool add_signed(const struct key *key, json_t *claims, struct buf *out,
                       struct error *err)
{
    struct buf signature;

    buf_init(&signature, SIZE_MAX);
    bool done = add_json(out, header_of(key));
    buf_add_char(out, '.');
    done = add_json(out, claims) && done;
    if (!done)
        error_set(err, FAULT_CONFIG, "what is to be signed is not UTF-8");
    done = done && sign_data(key->sign, key->method, out, &signature, err);
    buf_add_char(out, '.');
    done = done && base64_encode_url(out, signature.data, signature.length);
    buf_free(&signature);
    return done;
}

bool key_sign_client(const struct key *key, const struct oauth *oauth,
                     struct buf *out, struct error *err)
{
    return add_signed(key, claims_of(key, oauth, key->issuer), out, err);
}

bool key_sign_grant(const struct key *key, const struct oauth *oauth,
                    const char *subject, struct buf *out, struct error *err)
{
    json_t *claims = claims_of(key, oauth, subject);

    set_text(claims, "scope", oauth->scope);
    return add_signed(key, claims, out, err);
}
