/* login_keep.c - the tokens of a login, fetched and kept */
#include "oauth/login.h"

#include <string.h>
#include <time.h>

#include "config/config.h"
#include "oauth/answer.h"
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

/* A word of a scope is compared by this. Microsoft has several names for the
 * same host, and Google's ends with a slash. */
static const char *end_of_word(const char *word, size_t *length)
{
    for (size_t i = *length; i > 0; i--)
        if (word[i - 1] == '/' && i < *length) {
            *length -= i;
            return word + i;
        }
    return word;
}

static bool has_word(const char *scope, const char *word, size_t length)
{
    word = end_of_word(word, &length);
    while (*scope != '\0') {
        size_t other_length = strcspn(scope, " ");
        const char *next = scope + other_length + (scope[other_length] == ' ');
        const char *other = end_of_word(scope, &other_length);
        if (other_length == length && text_equal_case_n(other, word, length))
            return true;
        scope = next;
    }
    return false;
}

/* The first permission of the scope that was not granted; NULL if there is
 * none. Only those with the address of what they are for come back as they were
 * asked for; and a person may leave a box unticked. */
static const char *find_refused(const char *scope, const char *granted,
                                size_t *length)
{
    static const char whole[] = "/.default";

    for (; *scope != '\0'; scope += *length + strspn(scope + *length, " ")) {
        *length = strcspn(scope, " ");
        bool is_whole = *length >= sizeof whole - 1 &&
                        text_starts(scope + *length - (sizeof whole - 1),
                                    whole);
        if (text_starts(scope, "https://") && !is_whole &&
            !has_word(granted, scope, *length))
            return scope;
    }
    return NULL;
}

static bool check_scope(const struct client *client,
                        const struct reply *reply, struct error *err)
{
    const char *granted = answer_text(reply->answer, "scope");
    size_t length;
    const char *refused =
        granted == NULL ? NULL : find_refused(client->oauth->scope, granted,
                                              &length);

    if (refused == NULL)
        return true;
    error_set(err, FAULT_PERMISSION, "oauth \"%s\": the login does not grant "
              "%.*s", client->oauth->name, (int)length, refused);
    return error_remedy(err, "log in again: postrider-oauth login %s, and "
                        "allow that", client->oauth->name);
}

static bool keep(const struct client *client, struct renewal *renewal,
                 const struct reply *reply, struct error *err)
{
    struct grant grant = { .login = time(NULL) };
    bool done = check_scope(client, reply, err) &&
                (grant_take(&grant, reply->answer, client->oauth->scope,
                            err) ||
                 error_prefix(err, "oauth \"%s\"", client->oauth->name));

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
