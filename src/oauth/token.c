/* token.c - postrider-oauth token: print an access token, renewed if need be */
#include "oauth/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/grant.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/buf.h"
#include "util/clock.h"

#define LOCK_LIMIT 27000            /* milliseconds: callers have 30 s */
#define WAIT_MAX 3600               /* seconds that a server may ask for */

static void describe_renewal(struct form_request *request,
                             const struct client *client,
                             const struct grant *grant)
{
    struct buf *form = &request->form;

    if (client->oauth->flow == OAUTH_CLIENT_CREDENTIALS) {
        form_add(form, "grant_type", "client_credentials");
    } else {
        form_add(form, "grant_type", "refresh_token");
        form_add(form, "refresh_token", grant->refresh_token);
        request->secret = grant->refresh_token;
    }
    if (*client->oauth->scope != '\0')
        form_add(form, "scope", client->oauth->scope);
}

/* What came is on disk before it is used, also that there is to be a pause. */
static bool keep_reply(const struct client *client, struct renewal *renewal,
                       struct grant *grant, const struct reply *reply,
                       bool is_good, struct error *err)
{
    struct error ignored;

    if (is_good)
        return grant_take(grant, reply->answer, client->oauth->scope, err) &&
               renewal_save(renewal, client, grant, err);
    if (reply->wait > 0) {
        int64_t pause = reply->wait < WAIT_MAX ? reply->wait : WAIT_MAX;
        grant->wait_until = time(NULL) + pause;
        renewal_save(renewal, client, grant, &ignored);
    }
    return false;
}

static bool ask(struct client *client, struct renewal *renewal,
                struct grant *grant, int64_t deadline, struct error *err)
{
    struct form_request request;
    struct reply reply = { 0 };

    request_init(&request, client->oauth->token_url);
    request.deadline = clock_earlier(request.deadline, deadline);
    describe_renewal(&request, client, grant);
    bool done = request_send(&request, client, &reply, err);
    if (done)
        done = keep_reply(client, renewal, grant, &reply,
                          refusal_judge(client, &request, &reply, err), err);
    reply_free(&reply);
    request_free(&request);
    return done;
}

/* Does a pause that the server asked for still last? The clock may have been
 * set back since. */
static bool must_wait(const struct grant *grant)
{
    int64_t left = grant->wait_until - time(NULL);

    return left > 0 && left <= WAIT_MAX;
}

static bool must_log_in(const struct client *client, const struct grant *grant)
{
    return client->oauth->flow == OAUTH_REFRESH_TOKEN &&
           grant->refresh_token == NULL;
}

/* The lock is held. Another process may have been here first. */
static bool renew(struct client *client, struct renewal *renewal,
                  struct grant *grant, int64_t deadline, struct error *err)
{
    const char *scope = client->oauth->scope;

    grant_free(grant);
    if (!grant_load(client, grant, err))
        return false;
    if (grant_is_fresh(grant, scope, time(NULL)))
        return true;
    if (must_log_in(client, grant))
        return refusal_needs_login(client, "there is no login", err);
    bool done = must_wait(grant)
        ? error_set(err, FAULT_TEMPORARY, "oauth \"%s\": the server asked for "
                    "a pause of %lld more seconds", client->oauth->name,
                    (long long)(grant->wait_until - time(NULL)))
        : renewal_reserve(renewal, client, err) &&
          ask(client, renewal, grant, deadline, err);
    /* A token for the rest of its life is better than none. */
    return done || (err->fault != FAULT_PERMISSION &&
                    err->fault != FAULT_CONFIG &&
                    grant_is_alive(grant, scope, time(NULL)));
}

/* Into grant: one whose access token can be used. */
static bool fetch(struct client *client, struct grant *grant,
                  struct error *err)
{
    struct renewal renewal;
    int64_t deadline = clock_now() + LOCK_LIMIT;

    if (!grant_load(client, grant, err))
        return false;
    if (grant_is_fresh(grant, client->oauth->scope, time(NULL)))
        return true;
    if (must_log_in(client, grant))
        return refusal_needs_login(client, "there is no login", err);
    bool done = renewal_begin(&renewal, client, deadline, err) &&
                renew(client, &renewal, grant, deadline, err);
    renewal_end(&renewal, client);
    return done;
}

bool command_token(int argc, char **argv, struct error *err)
{
    struct client client;
    struct grant grant = { 0 };

    if (argc != 2)
        return error_set(err, FAULT_USAGE, "usage: postrider-oauth token "
                         "NAME");
    bool done = client_open(&client, argv[1], true, err) &&
                fetch(&client, &grant, err);
    if (done && (puts(grant.access_token) == EOF || fflush(stdout) == EOF))
        done = error_sys(err, FAULT_IO, "standard output");
    grant_free(&grant);
    client_close(&client);
    return done;
}
