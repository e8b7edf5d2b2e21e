/* logout.c - postrider-oauth logout: revoke the tokens, forget them */
#include "oauth/commands.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/grant.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/clock.h"

#define LOCK_LIMIT 27000            /* milliseconds */

/* Google refuses a token that is not good any more; RFC 7009 section 2.2 does
 * not. */
static bool is_revoked(const struct reply *reply)
{
    const char *error = reply->answer == NULL
                        ? NULL : answer_text(reply->answer, "error");

    return error != NULL && strcmp(error, "invalid_token") == 0;
}

/* RFC 7009. An answer of 200 has no body that counts (section 2.2). */
static bool revoke(const struct client *client, const struct grant *grant,
                   struct error *err)
{
    bool has_refresh = grant->refresh_token != NULL;
    const char *token = has_refresh ? grant->refresh_token
                                    : grant->access_token;
    struct form_request request;
    struct reply reply = { 0 };

    if (token == NULL || *client->oauth->revoke_url == '\0')
        return true;
    request_init(&request, client->oauth->revoke_url);
    form_add(&request.form, "token", token);
    form_add(&request.form, "token_type_hint",
             has_refresh ? "refresh_token" : "access_token");
    request.secret = token;
    bool done = request_send(&request, client, &reply, err) &&
                (reply.status == 200 || is_revoked(&reply) ||
                 refusal_judge(client, &request, &reply, err) ||
                 error_prefix(err, "the tokens are kept"));
    reply_free(&reply);
    request_free(&request);
    return done;
}

static bool forget(const struct client *client, struct error *err)
{
    struct grant grant = { 0 };
    struct error unread;
    const char *name = client->oauth->name;

    /* One that cannot be read goes, too. */
    bool is_read = grant_load(client, &grant, &unread) ||
                   unread.fault == FAULT_PERMISSION;
    if (!is_read)
        *err = unread;
    bool done = is_read && revoke(client, &grant, err) &&
                grant_remove(client, err);
    if (done && *client->oauth->revoke_url == '\0')
        printf("%s: forgotten here; there is no revoke_url, so that the server "
               "takes its tokens until they expire\n", name);
    else if (done)
        printf("%s: revoked and forgotten\n", name);
    grant_free(&grant);
    return done;
}

bool command_logout(int argc, char **argv, struct error *err)
{
    struct renewal renewal;
    struct client client;
    bool done = false;

    if (argc != 2)
        return error_set(err, FAULT_USAGE, "usage: postrider-oauth logout "
                         "NAME");
    /* Without an address to ask, nothing is needed for that. */
    if (client_open(&client, argv[1], true, err) &&
        (*client.oauth->revoke_url == '\0' || client_identify(&client, err))) {
        client_confine(&client, 1);
        done = renewal_begin(&renewal, &client, clock_now() + LOCK_LIMIT,
                             err) &&
               forget(&client, err);
        renewal_end(&renewal, &client);
    }
    client_close(&client);
    return done;
}
