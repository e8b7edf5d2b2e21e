/* login_paste.c - a login whose last address is pasted (RFC 8252, RFC 7636) */
#include "oauth/login.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "net/digest.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/meaning.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/alloc.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/random.h"
#include "util/text.h"

#define PASTE_MAX ((size_t)16 << 10)
#define PORT_FIRST 49152U           /* of the ports that have no service */

struct paste {
    const struct client *client;
    char state[RANDOM_ID_LENGTH + 1];
    char verifier[2 * RANDOM_ID_LENGTH + 1];    /* RFC 7636 4.1: 43 to 128 */
    char *redirect;
};

/* S256 of RFC 7636 section 4.2: base64 as in a URL, without padding. */
static bool add_challenge(struct buf *out, const char *verifier)
{
    unsigned char digest[DIGEST_SHA256_SIZE];

    if (!digest_sum(DIGEST_SHA256, verifier, strlen(verifier), digest))
        return false;
    return base64_encode_url(out, digest, sizeof digest);
}

static void begin(struct paste *paste, const struct client *client)
{
    *paste = (struct paste){ .client = client };
    random_id(paste->state);
    random_id(paste->verifier);
    random_id(paste->verifier + RANDOM_ID_LENGTH);
    paste->redirect = alloc_format("http://localhost:%u/", PORT_FIRST +
                                   random_below(65536 - PORT_FIRST));
}

/* The address that the person opens. */
static bool describe(const struct paste *paste, struct buf *url,
                     struct error *err)
{
    const struct oauth *oauth = paste->client->oauth;
    struct buf challenge;

    buf_init(&challenge, SIZE_MAX);
    bool done = add_challenge(&challenge, paste->verifier) ||
                error_set(err, FAULT_SYSTEM, "OpenSSL has no SHA-256");
    buf_add_text(url, oauth->authorize_url);
    if (strchr(oauth->authorize_url, '?') == NULL)
        buf_add_char(url, '?');
    form_add(url, "response_type", "code");
    form_add(url, "client_id", oauth->client_id);
    form_add(url, "redirect_uri", paste->redirect);
    form_add(url, "scope", oauth->scope);
    form_add(url, "state", paste->state);
    form_add(url, "code_challenge", challenge.data);
    form_add(url, "code_challenge_method", "S256");
    /* Google gives a refresh token only then. */
    if (login_is_google(paste->client) &&
        strstr(oauth->authorize_url, "access_type=") == NULL) {
        form_add(url, "access_type", "offline");
        form_add(url, "prompt", "consent");
    }
    buf_free(&challenge);
    return done;
}

static bool read_line(struct buf *line, struct error *err)
{
    int c;

    while ((c = getchar()) != EOF && c != '\n')
        if (!buf_add_char(line, (char)c))
            return error_set(err, FAULT_USAGE, "what was pasted is too long");
    while (line->length > 0 && text_is_space(line->data[line->length - 1]))
        line->data[--line->length] = '\0';
    return line->length > 0 ||
           error_set(err, FAULT_USAGE, "nothing was pasted");
}

/* RFC 9207: an answer that comes from another server is an attack. */
static bool is_issuer(const struct paste *paste, const char *issuer)
{
    const char *host, *expected;
    size_t length = form_host(issuer, &host);
    size_t expected_length =
        form_host(paste->client->oauth->authorize_url, &expected);

    return length > 0 && length == expected_length &&
           text_equal_case_n(host, expected, length);
}

static bool check_error(const struct paste *paste, const char *query,
                        struct error *err)
{
    char *error = form_value(query, "error");
    char *detail = form_value(query, "error_subcode");
    char *description = form_value(query, "error_description");
    const struct words words = { .error = error, .detail = detail,
                                 .description = description };

    bool is_good = error == NULL ||
                   refusal_explain(paste->client, &words, err);
    free(error);
    free(detail);
    free(description);
    return is_good;
}

static bool check_origin(const struct paste *paste, const char *query,
                         struct error *err)
{
    char *state = form_value(query, "state");
    char *issuer = form_value(query, "iss");
    bool done = true;

    if (state == NULL || strcmp(state, paste->state) != 0)
        done = error_set(err, FAULT_USAGE, "the address is of another login: "
                         "its state differs") ||
               error_remedy(err, "log in again, and paste the address that "
                            "the browser shows at the end");
    else if (issuer != NULL && !is_issuer(paste, issuer))
        done = error_set(err, FAULT_PERMISSION, "the address is from another "
                         "server: %.120s", issuer);
    free(state);
    free(issuer);
    return done;
}

/* The code in what was pasted; the caller frees it. */
static char *take_code(const struct paste *paste, const char *text,
                       struct error *err)
{
    const char *query = strchr(text, '?');

    query = query == NULL ? text : query + 1;
    /* A refusal needs no proof of where it comes from. */
    if (!check_error(paste, query, err) || !check_origin(paste, query, err))
        return NULL;
    char *code = form_value(query, "code");
    if (code == NULL)
        error_set(err, FAULT_USAGE, "the address holds no code");
    return code;
}

static char *ask_person(const struct paste *paste, const char *url,
                        struct error *err)
{
    struct buf line;
    char *code = NULL;

    puts("Open this address in any browser, and log in:\n");
    text_print(stdout, "%s\n", url);
    printf("\nAt the end the browser shows that it cannot open %s...\n"
           "Copy the whole address from its address bar, and paste it here:\n",
           paste->redirect);
    fflush(stdout);
    buf_init(&line, PASTE_MAX);
    if (read_line(&line, err))
        code = take_code(paste, line.data, err);
    buf_wipe(&line);
    return code;
}

static bool exchange(const struct paste *paste, const char *code,
                     struct error *err)
{
    struct form_request request;
    struct reply reply = { 0 };

    request_init(&request, paste->client->oauth->token_url);
    form_add(&request.form, "grant_type", "authorization_code");
    form_add(&request.form, "code", code);
    form_add(&request.form, "redirect_uri", paste->redirect);
    form_add(&request.form, "code_verifier", paste->verifier);
    request.secret = code;
    bool done = login_fetch(paste->client, &request, &reply, err);
    reply_free(&reply);
    request_free(&request);
    return done;
}

bool login_by_paste(const struct client *client, struct error *err)
{
    struct paste paste;
    struct buf url;
    char *code = NULL;

    begin(&paste, client);
    buf_init(&url, SIZE_MAX);
    if (describe(&paste, &url, err))
        code = ask_person(&paste, url.data, err);
    bool done = code != NULL && exchange(&paste, code, err);
    buf_free(&url);
    free(code);
    free(paste.redirect);
    return done;
}
