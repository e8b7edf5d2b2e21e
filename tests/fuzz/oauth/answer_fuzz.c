/* What an authorization server answers, to the tokens that are kept and the
 * text that is shown. The first octets are the status and the flow. */
#include <string.h>

#include "../fuzz.h"
#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/grant.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/text.h"

static const long statuses[] = { 200, 400, 401, 429, 503, 302, 0, 999 };
static const char secret[] = "secret-of-the-client";

static void check_text(const struct error *err)
{
    PROMISE(*err->text != '\0');
    PROMISE(!text_has_control(err->text, strlen(err->text)));
    PROMISE(text_is_utf8(err->text, strlen(err->text)));
    PROMISE(strstr(err->text, secret) == NULL);
}

static void check_token(const char *token)
{
    PROMISE(token == NULL || (*token != '\0' &&
                              strlen(token) <= ANSWER_TOKEN_MAX));
    for (const char *p = token; p != NULL && *p != '\0'; p++)
        PROMISE(*p > ' ' && *p <= '~');
}

static void take(const struct answer *answer)
{
    struct grant grant = { 0 };
    struct error err;

    if (grant_take(&grant, answer, "mail", &err)) {
        PROMISE(grant.access_token != NULL);
        PROMISE(grant.expires > grant.obtained &&
                grant.expires <= grant.obtained + ANSWER_LIFE_MAX);
        PROMISE(grant.refresh_expires >= 0);
    } else {
        check_text(&err);
    }
    check_token(grant.access_token);
    check_token(grant.refresh_token);
    grant_free(&grant);
}

static void judge(enum oauth_flow flow, struct reply *reply)
{
    char name[] = "m365", key[] = "secret-of-the-client";
    const struct oauth oauth = { .name = name, .flow = flow };
    const struct client client = {
        .oauth = &oauth, .secret = { key, sizeof key - 1 }, .subject = "" };
    struct form_request request;
    struct error err;

    request_init(&request, "https://issuer.example/token");
    if (refusal_judge(&client, &request, reply, &err)) {
        PROMISE(reply->answer != NULL);
        take(reply->answer);
    } else {
        check_text(&err);
    }
    request_free(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reply reply = { 0 };

    if (size < 2)
        return 0;
    reply.status = statuses[data[0] % COUNT(statuses)];
    reply.answer = answer_parse((const char *)data + 2, size - 2, &reply.why);
    if (reply.answer == NULL)
        check_text(&reply.why);
    judge((enum oauth_flow)(data[1] % 3), &reply);
    reply_free(&reply);
    return 0;
}
