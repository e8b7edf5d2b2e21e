/* token.c - postrider-oauth token: print an access token, renewed if need be */
#include "oauth/commands.h"

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "net/digest.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/grant.h"
#include "oauth/key.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/text.h"

#define LOCK_LIMIT 27000            /* milliseconds: callers have 30 s */
#define WAIT_MAX 3600               /* seconds that a server may ask for */

/* A token that can be printed. */
struct wanted {
    const char *scope;
    const char *refused;        /* digest_name() of a token; or NULL */
    int64_t deadline;           /* clock_now() */
};

/* Is the scope part of the request? Without it a refresh token gives what was
 * granted. A server may have granted less than the section has, as OpenID
 * Connect wants it for offline_access; it refuses to give more than that
 * (RFC 6749 section 6). */
static bool names_scope(const struct oauth *oauth, const struct grant *grant)
{
    return *oauth->scope != '\0' &&
           (oauth->flow != OAUTH_REFRESH_TOKEN || grant->scope == NULL ||
            strcmp(grant->scope, oauth->scope) != 0);
}

/* RFC 7523 section 2.1. */
static bool add_assertion(struct form_request *request,
                          const struct client *client, struct error *err)
{
    struct buf *assertion = &request->assertion;

    if (!key_sign_grant(client->key, client->oauth, client->subject, assertion,
                        err))
        return false;
    form_add(&request->form, "grant_type",
             "urn:ietf:params:oauth:grant-type:jwt-bearer");
    form_add(&request->form, "assertion", assertion->data);
    return true;
}

static bool describe_renewal(struct form_request *request,
                             const struct client *client,
                             const struct grant *grant, struct error *err)
{
    struct buf *form = &request->form;

    switch (client->oauth->flow) {
    case OAUTH_JWT_BEARER:
        return add_assertion(request, client, err);
    case OAUTH_CLIENT_CREDENTIALS:
        form_add(form, "grant_type", "client_credentials");
        break;
    case OAUTH_REFRESH_TOKEN:
        form_add(form, "grant_type", "refresh_token");
        form_add(form, "refresh_token", grant->refresh_token);
        request->secret = grant->refresh_token;
        break;
    }
    if (names_scope(client->oauth, grant))
        form_add(form, "scope", client->oauth->scope);
    return true;
}

/* A token is on disk before it is used. */
static bool keep_tokens(const struct client *client, struct renewal *renewal,
                        struct grant *grant, const struct answer *answer,
                        struct error *err)
{
    struct error ignored;
    bool is_taken = grant_take(grant, answer, client->oauth->scope, err) ||
                    error_prefix(err, "oauth \"%s\"", client->oauth->name);

    return renewal_save(renewal, client, grant, is_taken ? err : &ignored) &&
           is_taken;
}

/* A refusal with this fault is on disk, too, if the next caller must not ask
 * again, or not before a pause. */
static void keep_refusal(const struct client *client, struct renewal *renewal,
                         struct grant *grant, const struct reply *reply,
                         enum fault fault)
{
    bool stays = fault == FAULT_PERMISSION;
    int64_t now = time(NULL);
    int64_t pause = reply->wait < WAIT_MAX ? reply->wait : WAIT_MAX;
    struct error ignored;

    if (stays)
        grant->refused = now;
    if (pause > 0)
        grant->wait_until = now + pause;
    if (stays || pause > 0)
        renewal_save(renewal, client, grant, &ignored);
}

static bool ask(const struct client *client, struct renewal *renewal,
                struct grant *grant, int64_t deadline, struct error *err)
{
    struct form_request request;
    struct reply reply = { 0 };

    request_init(&request, client->oauth->token_url);
    request.deadline = clock_earlier(request.deadline, deadline);
    bool replied = describe_renewal(&request, client, grant, err) &&
                   request_send(&request, client, &reply, err);
    bool done = replied && refusal_judge(client, &request, &reply, err);
    if (done)
        done = keep_tokens(client, renewal, grant, reply.answer, err);
    else if (replied)
        keep_refusal(client, renewal, grant, &reply, err->fault);
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

/* Another caller may have had it renewed since: that one was not refused. */
static bool is_refused(const struct grant *grant, const char *refused)
{
    struct buf name;

    if (refused == NULL || grant->access_token == NULL)
        return false;
    buf_init(&name, SIZE_MAX);
    bool is_it = digest_name(&name, grant->access_token) &&
                 text_equal_case(name.data, refused);
    buf_free(&name);
    return is_it;
}

static bool can_be_used(const struct wanted *wanted, const struct grant *grant)
{
    return grant_is_fresh(grant, wanted->scope, time(NULL)) &&
           !is_refused(grant, wanted->refused);
}

/* Also if no other can be had now, the refused one is not printed again. */
static bool forget_refused(const struct client *client, struct renewal *renewal,
                           struct grant *grant, struct error *err)
{
    grant_forget_access(grant);
    return renewal_reserve(renewal, client, err) &&
           renewal_save(renewal, client, grant, err);
}

static bool must_log_in(const struct client *client, const struct grant *grant)
{
    return client->oauth->flow == OAUTH_REFRESH_TOKEN &&
           grant->refresh_token == NULL;
}

/* The lock is held. Another process may have been here first. */
static bool renew(const struct client *client, struct renewal *renewal,
                  struct grant *grant, const struct wanted *wanted,
                  struct error *err)
{
    grant_free(grant);
    if (!grant_load(client, grant, err))
        return false;
    if (can_be_used(wanted, grant))
        return true;
    if (must_log_in(client, grant))
        return refusal_needs_login(client, "there is no login", err);
    if (is_refused(grant, wanted->refused) &&
        !forget_refused(client, renewal, grant, err))
        return false;
    bool done = must_wait(grant)
        ? error_set(err, FAULT_TEMPORARY, "oauth \"%s\": the server asked for "
                    "a pause of %lld more seconds", client->oauth->name,
                    (long long)(grant->wait_until - time(NULL)))
        : renewal_reserve(renewal, client, err) &&
          ask(client, renewal, grant, wanted->deadline, err);
    /* A token for the rest of its life is better than none. */
    return done || (err->fault != FAULT_PERMISSION &&
                    err->fault != FAULT_CONFIG &&
                    grant_is_alive(grant, wanted->scope, time(NULL)));
}

/* Into grant: one whose access token can be used. */
static bool fetch(const struct client *client, struct grant *grant,
                  const char *refused, struct error *err)
{
    const struct wanted wanted = { .scope = client->oauth->scope,
                                   .refused = refused,
                                   .deadline = clock_now() + LOCK_LIMIT };
    struct renewal renewal;

    if (!grant_load(client, grant, err))
        return false;
    if (can_be_used(&wanted, grant))
        return true;
    if (must_log_in(client, grant))
        return refusal_needs_login(client, "there is no login", err);
    bool done = renewal_begin(&renewal, client, wanted.deadline, err) &&
                renew(client, &renewal, grant, &wanted, err);
    renewal_end(&renewal, client);
    return done;
}

/* The name of a refused token, if it can be one. */
static bool parse_options(int argc, char **argv, const char **refused,
                          struct error *err)
{
    static const struct option options[] = {
        { "refused", required_argument, NULL, 'r' }, { 0 }
    };
    bool is_right = true;
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        is_right = is_right && option == 'r';
        *refused = optarg;
    }
    if (!is_right || argc - optind != 1)
        return error_set(err, FAULT_USAGE, "usage: postrider-oauth token NAME "
                         "[--refused SHA256]");
    if (*refused != NULL &&
        (strlen(*refused) != (size_t)2 * DIGEST_SHA256_SIZE ||
         strspn(*refused, "0123456789abcdefABCDEF") != strlen(*refused)))
        return error_set(err, FAULT_USAGE, "--refused takes the SHA-256 of a "
                         "token, never the token");
    return true;
}

bool command_token(int argc, char **argv, struct error *err)
{
    const char *refused = NULL;
    struct client client;
    struct grant grant = { 0 };

    if (!parse_options(argc, argv, &refused, err))
        return false;
    bool done = client_open(&client, argv[optind], true, err) &&
                client_identify(&client, err);
    if (done) {
        client_confine(&client, 1);
        done = fetch(&client, &grant, refused, err);
    }
    if (done && (puts(grant.access_token) == EOF || fflush(stdout) == EOF))
        done = error_sys(err, FAULT_IO, "standard output");
    grant_free(&grant);
    client_close(&client);
    return done;
}
