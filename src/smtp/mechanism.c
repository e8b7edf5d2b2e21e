#include "smtp/mechanism.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/digest.h"
#include "net/stream.h"
#include "net/tls.h"
#include "smtp/scram.h"
#include "smtp/session.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/sasl.h"
#include "util/secret.h"
#include "util/text.h"

#define COMMAND_MAX 510         /* octets of a command line (RFC 4954 4) */
#define CHALLENGE_MAX 4096      /* octets of a challenge, as base64 */

static bool send_line(struct exchange *x, const char *shown, struct error *err)
{
    bool sent = session_ask_secret(x->session, &x->reply, &x->line, shown,
                                   err);

    buf_wipe(&x->line);
    buf_init(&x->line, SIZE_MAX);
    return sent;
}

static bool send_data(struct exchange *x, const char *data, size_t length,
                      struct error *err)
{
    base64_encode(&x->line, data, length);
    return send_line(x, "***", err);
}

/* "AUTH NAME", with the initial response where it fits into a command line;
 * otherwise it answers an empty challenge. data NULL: the server is first. */
static bool begin_exchange(struct exchange *x, const char *data, size_t length,
                           struct error *err)
{
    size_t coded = length == 0 ? 1 : (length + 2) / 3 * 4;
    size_t start = strlen("AUTH ") + strlen(x->mechanism->name);
    char *shown = alloc_format("AUTH %s%s", x->mechanism->name,
                               data != NULL ? " ***" : "");

    buf_add_format(&x->line, "AUTH %s", x->mechanism->name);
    bool fits = data != NULL && start + 1 + coded <= COMMAND_MAX;
    if (fits) {
        buf_add_char(&x->line, ' ');
        if (length == 0)
            buf_add_char(&x->line, '=');
        else
            base64_encode(&x->line, data, length);
    }
    bool sent = send_line(x, shown, err);
    free(shown);
    x->answered = sent && data != NULL && !fits && x->reply.code == 334;
    return x->answered ? send_data(x, data, length, err) : sent;
}

bool mechanism_cancel(struct exchange *x, const char *why, struct error *err)
{
    struct error ignored;

    if (x->reply.code == 334) {
        buf_add_char(&x->line, '*');
        send_line(x, "*", &ignored);
    }
    session_spoil(x->session);
    return error_set(err, FAULT_PROTOCOL, "%s: AUTH %s: %s",
                     x->settings->host, x->mechanism->name, why);
}

/* The challenge of a 334 into x->data; cancels if there is none. */
static bool take_challenge(struct exchange *x, struct error *err)
{
    const struct buf *text = &x->reply.text;

    buf_clear(&x->data);
    if (text->length > CHALLENGE_MAX)
        return mechanism_cancel(x, "a challenge of more than 4096 octets", err);
    if (!base64_decode(&x->data, text->data, text->length))
        return mechanism_cancel(x, "a challenge that is not base64", err);
    return true;
}

static bool is_challenge(const struct exchange *x)
{
    return x->reply.code == 334;
}

static bool run_login(struct exchange *x, struct error *err)
{
    const struct secret *secret = x->settings->secret;

    /* The prompts may be any text, in any language. */
    if (!begin_exchange(x, NULL, 0, err))
        return false;
    if (is_challenge(x) &&
        !send_data(x, x->settings->user, strlen(x->settings->user), err))
        return false;
    return !is_challenge(x) ||
           send_data(x, secret->data, secret->length, err);
}

static bool run_plain(struct exchange *x, struct error *err)
{
    struct buf data;

    buf_init(&data, SIZE_MAX);
    buf_add_char(&data, '\0');
    buf_add_text(&data, x->settings->user);
    buf_add_char(&data, '\0');
    buf_add(&data, x->settings->secret->data, x->settings->secret->length);
    bool sent = begin_exchange(x, data.data, data.length, err);
    /* Some take the initial response for nothing, and ask; others cannot read
     * it in the command line. */
    if (sent && x->reply.code == 501)
        sent = begin_exchange(x, NULL, 0, err);
    if (sent && is_challenge(x) && !x->answered)
        sent = send_data(x, data.data, data.length, err);
    buf_wipe(&data);
    return sent;
}

static bool run_cram_md5(struct exchange *x, struct error *err)
{
    unsigned char digest[DIGEST_SIZE_MAX];
    const struct secret *secret = x->settings->secret;
    const struct digest_key key = { DIGEST_MD5, secret->data, secret->length };
    struct buf data;

    if (!begin_exchange(x, NULL, 0, err))
        return false;
    if (!is_challenge(x))
        return true;
    if (!take_challenge(x, err))
        return false;
    if (!digest_hmac(&key, x->data.data, x->data.length, digest))
        return mechanism_cancel(x, "OpenSSL cannot do MD5: set another auth",
                                err);
    buf_init(&data, SIZE_MAX);
    buf_add_format(&data, "%s ", x->settings->user);
    text_add_hex(&data, digest, digest_size(DIGEST_MD5));
    bool sent = send_data(x, data.data, data.length, err);
    buf_wipe(&data);
    return sent;
}

/* The next challenge of a server that has to prove that it knows the password:
 * acceptance without proof is what an impostor would give. */
static bool take_scram_challenge(struct exchange *x, struct error *err)
{
    if (reply_class(&x->reply) == 2)
        return mechanism_cancel(x, "the server did not prove that it knows "
                                "the password", err);
    return take_challenge(x, err);
}

static bool is_refused(const struct exchange *x)
{
    return reply_class(&x->reply) > 3;
}

/* The server sends why it refuses (RFC 5802 section 7), then that it does. */
static bool take_scram_error(struct exchange *x, struct error *err)
{
    return send_data(x, "", 0, err) &&
           (is_refused(x) ||
            mechanism_cancel(x, "an error followed by success", err));
}

/* The client-first-message is on its way: go on to the end. */
static bool finish_scram(struct exchange *x, struct scram *scram,
                         struct error *err)
{
    struct buf out;
    struct error why = { 0 };

    if (is_refused(x))
        return true;
    if (!take_scram_challenge(x, err))
        return false;
    buf_init(&out, SIZE_MAX);
    bool done = scram_answer(scram, x->settings->secret, &x->data, &out, &why)
                ? send_data(x, out.data, out.length, err)
                : mechanism_cancel(x, why.text, err);
    buf_wipe(&out);
    if (!done || is_refused(x))
        return done;
    if (!take_scram_challenge(x, err))
        return false;
    if (text_starts(x->data.data, "e="))
        return take_scram_error(x, err);
    if (!scram_check(scram, x->data.data, x->data.length, &why))
        return mechanism_cancel(x, why.text, err);
    return send_data(x, "", 0, err);
}

/* Does the server list a mechanism, known here or not, that binds a channel? */
static bool offers_binding(const struct exchange *x)
{
    static const char suffix[] = "-PLUS";       /* RFC 5802 section 4 */
    const struct strings *offered =
        &session_capabilities(x->session)->mechanisms;

    for (size_t i = 0; i < offered->count; i++) {
        const char *name = offered->items[i];
        size_t length = strlen(name);
        if (length > strlen(suffix) &&
            text_equal_case(name + length - strlen(suffix), suffix))
            return true;
    }
    return false;
}

static bool run_scram(struct exchange *x, enum digest digest,
                      struct error *err)
{
    const struct tls *tls = stream_tls(session_stream(x->session));
    const struct secret *secret = x->settings->secret;
    struct scram_settings settings = { .digest = digest,
                                       .user = x->settings->user };
    struct buf binding_data, out;
    struct scram scram;

    /* RFC 4013 prohibits them; other octets go as they are. */
    if (text_has_control(secret->data, secret->length))
        return error_set(err, FAULT_CONFIG, "%s: AUTH %s: the password holds "
                         "a control character", x->settings->host,
                         x->mechanism->name);
    buf_init(&binding_data, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    bool has = tls != NULL &&
               tls_channel_binding(tls, &settings.binding, &binding_data);
    settings.binding_data = &binding_data;
    /* "y" lets a server know that it was made to look weaker than it is. */
    settings.binding_not_offered = has && !offers_binding(x) &&
                                   strcmp(x->settings->auth, "auto") == 0;
    if (!has || !x->mechanism->binds)
        settings.binding = NULL;
    bool done = scram_start(&scram, &settings, &out, err) &&
                begin_exchange(x, out.data, out.length, err) &&
                finish_scram(x, &scram, err);
    scram_free(&scram);
    buf_free(&binding_data);
    buf_wipe(&out);
    return done;
}

static bool run_scram_sha_256(struct exchange *x, struct error *err)
{
    return run_scram(x, DIGEST_SHA256, err);
}

static bool run_scram_sha_512(struct exchange *x, struct error *err)
{
    return run_scram(x, DIGEST_SHA512, err);
}

/* {"status":"401","schemes":"bearer"}: the status, of which a reply that
 * follows means nothing. Only what can be one is shown. */
static void note_status(struct exchange *x)
{
    static const char key[] = "\"status\"";
    struct buf json;

    buf_init(&json, CHALLENGE_MAX);
    if (base64_decode(&json, x->reply.text.data, x->reply.text.length)) {
        const char *value = memmem(json.data, json.length, key, strlen(key));
        if (value != NULL) {
            value += strlen(key);
            value += strspn(value, " \t\r\n:\"");
            size_t length = strspn(value, "abcdefghijklmnopqrstuvwxyz_"
                                          "0123456789");
            if (length > 0 && length <= 40)
                snprintf(x->detail, sizeof x->detail, "status %.*s",
                         (int)length, value);
        }
    }
    buf_free(&json);
}

/* A refused token gets a challenge with the reason, which wants an answer. */
static bool run_token(struct exchange *x, const struct buf *data,
                      const char *dismissal, struct error *err)
{
    if (!begin_exchange(x, data->data, data->length, err))
        return false;
    if (is_challenge(x))
        note_status(x);
    return !is_challenge(x) ||
           send_data(x, dismissal, strlen(dismissal), err);
}

static bool run_xoauth2(struct exchange *x, struct error *err)
{
    struct buf data;

    buf_init(&data, SIZE_MAX);
    buf_add_format(&data, "user=%s\001auth=Bearer ", x->settings->user);
    buf_add(&data, x->settings->secret->data, x->settings->secret->length);
    buf_add_text(&data, "\001\001");
    bool sent = run_token(x, &data, "", err);
    buf_wipe(&data);
    return sent;
}

/* RFC 7628 section 3.1. */
static bool run_oauthbearer(struct exchange *x, struct error *err)
{
    struct buf data;

    buf_init(&data, SIZE_MAX);
    buf_add_text(&data, "n,a=");
    scram_add_name(&data, x->settings->user);
    buf_add_format(&data, ",\001host=%s\001auth=Bearer ", x->settings->host);
    buf_add(&data, x->settings->secret->data, x->settings->secret->length);
    buf_add_text(&data, "\001\001");
    bool sent = run_token(x, &data, "\001", err);
    buf_wipe(&data);
    return sent;
}

static bool run_external(struct exchange *x, struct error *err)
{
    return begin_exchange(x, x->settings->user, strlen(x->settings->user), err);
}

static const struct {
    const char *key;            /* as in util/sasl.c */
    bool (*run)(struct exchange *x, struct error *err);
} exchanges[] = {
    { "scram-sha-512", run_scram_sha_512 },
    { "scram-sha-256", run_scram_sha_256 },
    { "cram-md5", run_cram_md5 },
    { "plain", run_plain },
    { "login", run_login },
    { "oauthbearer", run_oauthbearer },
    { "xoauth2", run_xoauth2 },
    { "external", run_external },
};

bool mechanism_run(struct exchange *x, struct error *err)
{
    size_t i = 0;

    while (i < COUNT(exchanges) &&
           strcmp(exchanges[i].key, x->mechanism->key) != 0)
        i++;
    assert(i < COUNT(exchanges));               /* auth_test.c begins each */
    return exchanges[i].run(x, err);
}
