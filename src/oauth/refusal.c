#include "oauth/refusal.h"

#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/request.h"
#include "util/text.h"

#define SECRET_MIN 8            /* octets */
#define WORDS_MAX 240           /* octets of the server's words */

enum meaning {
    PASSES,                     /* by itself */
    NEEDS_LOGIN,                /* a person must log in again */
    NEEDS_CHANGE                /* of the section, or at the server */
};

/* Microsoft Entra's numbers say more than the error beside them. */
static const struct {
    long code;
    enum meaning meaning;
    const char *remedy;         /* NULL: none but that of the meaning */
} entra[] = {
    { 50196, PASSES, "it saw the same request too often, and takes it again "
                     "after some minutes" },
    { 700024, PASSES, "the clock of this machine is wrong: set it" },
    { 90024, PASSES, NULL },        /* the budget of the request was exceeded */
    { 90033, PASSES, NULL },        /* a service is not available */
    { 90055, PASSES, NULL },        /* too many requests of the tenant */
    { 7000215, NEEDS_CHANGE, "put the value of the client secret into "
                             "client_secret_file, not its ID" },
    { 7000222, NEEDS_CHANGE, "the client secret has expired: make a new one in "
                             "the app registration" },
    { 7000218, NEEDS_CHANGE, "set \"Allow public client flows\" to Yes in the "
                             "app registration, or set client_secret_file" },
    { 700025, NEEDS_CHANGE, "a public client sends no secret: unset "
                            "client_secret_file" },
    { 700016, NEEDS_CHANGE, "check client_id, and the tenant in token_url" },
    { 90002, NEEDS_CHANGE, "check the tenant in token_url" },
    { 53003, NEEDS_LOGIN, "Conditional Access blocks it: where that is about "
                          "device codes, use --paste" },
    { 50057, NEEDS_CHANGE, "the account is disabled" },
};

/* RFC 6749 5.2, RFC 8628 3.5, and Microsoft's and Google's own. */
static const struct {
    const char *error;
    enum meaning meaning;
    const char *remedy;
} errors[] = {
    { "invalid_grant", NEEDS_LOGIN, NULL },
    { "interaction_required", NEEDS_LOGIN, NULL },
    { "consent_required", NEEDS_LOGIN, NULL },
    { "login_required", NEEDS_LOGIN, NULL },
    { "access_denied", NEEDS_LOGIN, NULL },
    { "authorization_declined", NEEDS_LOGIN, NULL },
    { "expired_token", NEEDS_LOGIN, NULL },
    { "code_expired", NEEDS_LOGIN, NULL },
    { "bad_verification_code", NEEDS_LOGIN, NULL },
    { "temporarily_unavailable", PASSES, NULL },
    { "server_error", PASSES, NULL },
    { "slow_down", PASSES, NULL },
    { "rate_limit_exceeded", PASSES, NULL },
    { "invalid_client", NEEDS_CHANGE, "check client_id and "
                                      "client_secret_file" },
    { "unauthorized_client", NEEDS_CHANGE, "check what the app registration "
                                           "allows" },
    { "invalid_scope", NEEDS_CHANGE, "check scope" },
};

bool refusal_needs_login(const struct client *client, const char *why,
                         struct error *err)
{
    const char *name = client->oauth->name;

    error_set(err, FAULT_PERMISSION, "oauth \"%s\": %s", name, why);
    if (client->oauth->flow == OAUTH_REFRESH_TOKEN)
        error_remedy(err, "log in again: postrider-oauth login %s", name);
    return false;
}

/* A server may repeat what it was sent. What is shorter is a word by chance. */
static bool holds(const char *text, const char *secret)
{
    return secret != NULL && strlen(secret) >= SECRET_MIN &&
           strstr(text, secret) != NULL;
}

/* The text as it may be shown; "" if there is none. */
static const char *without_secrets(const struct client *client,
                                   const struct form_request *request,
                                   const char *text)
{
    if (text == NULL)
        return "";
    return holds(text, request->secret) || holds(text, client->secret.data)
           ? "***" : text;
}

/* The first line of the description, up to the numbers for support. */
static size_t words_of(const struct client *client,
                       const struct form_request *request,
                       const struct answer *answer, const char **words)
{
    *words = answer_text(answer, "error_description");
    if (*words == NULL || holds(*words, request->secret) ||
        holds(*words, client->secret.data))
        return 0;
    size_t length = strcspn(*words, "\r\n");
    const char *trace = strstr(*words, " Trace ID:");
    if (trace != NULL && (size_t)(trace - *words) < length)
        length = (size_t)(trace - *words);
    return length < WORDS_MAX ? length : WORDS_MAX;
}

static bool set_refusal(const struct client *client, enum meaning meaning,
                        const char *remedy, const char *text,
                        struct error *err)
{
    const char *name = client->oauth->name;

    if (meaning == NEEDS_LOGIN && remedy == NULL)
        return refusal_needs_login(client, text, err);
    error_set(err, meaning == PASSES ? FAULT_TEMPORARY : FAULT_PERMISSION,
              "oauth \"%s\": %s", name, text);
    if (remedy != NULL && meaning == NEEDS_LOGIN)
        error_remedy(err, "%s: postrider-oauth login %s", remedy, name);
    else if (remedy != NULL)
        error_remedy(err, "%s", remedy);
    return false;
}

static bool explain_error(const struct client *client,
                          const struct form_request *request,
                          const struct answer *answer, struct error *err)
{
    const char *error = answer_text(answer, "error");
    const char *suberror = answer_text(answer, "suberror");
    const char *words;
    int length = (int)words_of(client, request, answer, &words);
    enum meaning meaning = NEEDS_CHANGE;
    const char *remedy = NULL;
    struct error text;

    for (size_t i = 0; i < COUNT(errors); i++)
        if (strcmp(errors[i].error, error) == 0) {
            meaning = errors[i].meaning;
            remedy = errors[i].remedy;
        }
    for (size_t i = 0; i < COUNT(entra); i++)
        if (answer_has_code(answer, entra[i].code)) {
            meaning = entra[i].meaning;
            remedy = entra[i].remedy;
        }
    error_set(&text, FAULT_NONE, "the server refused: %.60s%s%.60s%s%.*s%s",
              without_secrets(client, request, error),
              suberror != NULL ? ", " : "",
              without_secrets(client, request, suberror),
              length > 0 ? " (" : "", length, length > 0 ? words : "",
              length > 0 ? ")" : "");
    return set_refusal(client, meaning, remedy, text.text, err);
}

bool refusal_judge(const struct client *client,
                   const struct form_request *request,
                   const struct reply *reply, struct error *err)
{
    const char *name = client->oauth->name;
    const struct answer *answer = reply->answer;

    if (reply->status == 429 || reply->status >= 500)
        return error_set(err, FAULT_TEMPORARY, "oauth \"%s\": %s: status %ld",
                         name, request->url, reply->status);
    if (answer == NULL)
        return error_set(err, FAULT_TEMPORARY, "oauth \"%s\": %s: status %ld: "
                         "%s", name, request->url, reply->status,
                         reply->why.text);
    if (answer_text(answer, "error") != NULL)
        return explain_error(client, request, answer, err);
    if (reply->status < 200 || reply->status > 299)
        return error_set(err, FAULT_TEMPORARY, "oauth \"%s\": %s: status %ld",
                         name, request->url, reply->status);
    return true;
}
