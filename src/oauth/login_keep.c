/* login_keep.c - the tokens of a login, fetched and kept */
#include "oauth/login.h"

#include <string.h>
#include <time.h>

#include "config/config.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/grant.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/clock.h"
#include "util/text.h"

#define LOCK_LIMIT 30000            /* milliseconds */

bool login_is_google(const struct client *client)
{
    static const char domain[] = ".googleapis.com";
    const char *host;
    size_t length = form_host(client->oauth->token_url, &host);
    size_t end = strlen(domain);

    return strstr(client->oauth->scope, "https://mail.google.com/") != NULL ||
           (length > end &&
            text_equal_case_n(host + length - end, domain, end));
}

static bool keep(const struct client *client, struct renewal *renewal,
                 const struct reply *reply, struct error *err)
{
    struct grant grant = { .login = time(NULL) };
    bool done = grant_take(&grant, reply->answer, client->oauth->scope, err);

    if (done && grant.refresh_token == NULL) {
        error_set(err, FAULT_PERMISSION, "oauth \"%s\": the server gave no "
                  "refresh token, so that nothing is kept",
                  client->oauth->name);
        error_remedy(err, login_is_google(client)
                     ? "add ?access_type=offline&prompt=consent to "
                       "authorize_url"
                     : "add offline_access to scope");
        done = false;
    }
    done = done && renewal_save(renewal, client, &grant, err);
    grant_free(&grant);
    return done;
}

bool login_fetch(const struct client *client, struct form_request *request,
                 struct reply *reply, struct error *err)
{
    struct renewal renewal;

    bool done = renewal_begin(&renewal, client, clock_now() + LOCK_LIMIT,
                              err) &&
                renewal_reserve(&renewal, client, err) &&
                request_send(request, client, reply, err) &&
                refusal_judge(client, request, reply, err) &&
                keep(client, &renewal, reply, err);
    renewal_end(&renewal, client);
    return done;
}
