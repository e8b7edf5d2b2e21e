#include "oauth/refusal.h"

#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/meaning.h"
#include "oauth/request.h"
#include "util/text.h"

#define SECRET_MIN 8            /* octets */
#define WORDS_MAX 240           /* octets of the server's words */
#define LOG_IN "log in again: postrider-oauth login %s"

bool refusal_needs_login(const struct client *client, const char *why,
                         struct error *err)
{
    const char *name = client->oauth->name;

    error_set(err, FAULT_PERMISSION, "oauth \"%s\": %s", name, why);
    if (client->oauth->flow == OAUTH_REFRESH_TOKEN)
        error_remedy(err, LOG_IN, name);
    return false;
}

/* A server may repeat what it was sent. A short one is there by chance. */
static bool holds(const char *text, const char *secret)
{
    return secret != NULL && strlen(secret) >= SECRET_MIN &&
           strstr(text, secret) != NULL;
}

static bool repeats(const struct client *client,
                    const struct form_request *request, const char *text)
{
    return holds(text, request->secret) || holds(text, client->secret.data) ||
           holds(text, request->assertion.data);
}

/* The first line of the description, up to the numbers for support. */
static int length_of(const char *description)
{
    size_t length = strcspn(description, "\r\n");
    const char *trace = strstr(description, " Trace ID:");

    if (trace != NULL && (size_t)(trace - description) < length)
        length = (size_t)(trace - description);
    return (int)(length < WORDS_MAX ? length : WORDS_MAX);
}

bool refusal_explain(const struct client *client, const struct words *words,
                     struct error *err)
{
    const struct verdict verdict = meaning_of(words, client->oauth->flow);
    const char *name = client->oauth->name;
    const char *detail = words->detail != NULL ? words->detail : "";
    const char *text = words->description != NULL ? words->description : "";
    bool needs_login = verdict.meaning == MEANS_LOGIN &&
                       client->oauth->flow == OAUTH_REFRESH_TOKEN;

    error_set(err, verdict.meaning == MEANS_PASSES ? FAULT_TEMPORARY
                                                   : FAULT_PERMISSION,
              "oauth \"%s\": the server refused: %.60s%s%.60s%s%.*s%s", name,
              words->error, *detail != '\0' ? ", " : "", detail,
              *text != '\0' ? " (" : "", length_of(text), text,
              *text != '\0' ? ")" : "");
    if (needs_login)
        return error_remedy(err, "%s%s" LOG_IN,
                            verdict.remedy != NULL ? verdict.remedy : "",
                            verdict.remedy != NULL ? "; " : "", name);
    if (verdict.remedy != NULL)
        error_remedy(err, "%s", verdict.remedy);
    return false;
}

/* A text as it may be shown. */
static const char *shown(const struct client *client,
                         const struct form_request *request, const char *text)
{
    return text != NULL && repeats(client, request, text) ? "***" : text;
}

static bool explain_answer(const struct client *client,
                           const struct form_request *request,
                           const struct answer *answer, struct error *err)
{
    const char *suberror = answer_text(answer, "suberror");
    const struct words words = {
        .error = shown(client, request, answer_text(answer, "error")),
        .detail = shown(client, request, suberror != NULL ? suberror
                        : answer_text(answer, "error_subtype")),
        .description = shown(client, request,
                             answer_text(answer, "error_description")),
        .answer = answer };

    return refusal_explain(client, &words, err);
}

/* A server that is busy; or a page, or nothing, in the place of an answer: of
 * another server, or one whose gateway failed. */
static bool explain_status(const struct client *client,
                           const struct form_request *request,
                           const struct reply *reply, struct error *err)
{
    bool is_elsewhere = (reply->status >= 300 && reply->status < 400) ||
                        reply->status == 404 || reply->status == 405;

    const char *why = "";
    if (reply->answer != NULL)
        why = shown(client, request, answer_text(reply->answer, "error"));
    else if (reply->status < 300)
        why = reply->why.text;
    bool is_said = why != NULL && *why != '\0';

    error_set(err, FAULT_TEMPORARY, "oauth \"%s\": %s: status %ld%s%.120s",
              client->oauth->name, request->url, reply->status,
              is_said ? ": " : "", is_said ? why : "");
    if (is_elsewhere)
        error_remedy(err, "check the address");
    return false;
}

bool refusal_judge(const struct client *client,
                   const struct form_request *request,
                   const struct reply *reply, struct error *err)
{
    bool is_busy = reply->status == 429 || reply->status >= 500;

    if (!is_busy && reply->answer != NULL &&
        answer_text(reply->answer, "error") != NULL)
        return explain_answer(client, request, reply->answer, err);
    return (reply->answer != NULL && reply->status >= 200 &&
            reply->status <= 299) ||
           explain_status(client, request, reply, err);
}
