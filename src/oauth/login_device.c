/* login_device.c - a login by a code that is entered elsewhere (RFC 8628) */
#include "oauth/login.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/clock.h"
#include "util/text.h"

#define INTERVAL_USUAL 5            /* seconds, where the server gives none */
#define INTERVAL_MORE 5             /* after slow_down */
#define INTERVAL_MAX 600
#define BACK_OFF_MAX 60             /* without an answer */
#define LIFE_USUAL 900              /* seconds; of a code */
#define LIFE_MAX 3600

struct device {
    const struct client *client;
    const char *code;           /* in the answer to the first request */
    int64_t interval;           /* seconds between two requests */
    int64_t deadline;
};

/* Tenants block device codes by Conditional Access, which a browser shows, and
 * Google has none for mail. */
static void advise_paste(const struct client *client, struct error *err)
{
    if (*client->oauth->authorize_url != '\0')
        error_remedy(err, "log in again: postrider-oauth login %s, with "
                     "--paste where codes for devices are blocked",
                     client->oauth->name);
}

static bool ask_code(const struct client *client, struct reply *reply,
                     struct error *err)
{
    struct form_request request;

    request_init(&request, client->oauth->device_url);
    form_add(&request.form, "scope", client->oauth->scope);
    bool done = request_send(&request, client, reply, err) &&
                refusal_judge(client, &request, reply, err);
    if (!done && err->fault == FAULT_PERMISSION)
        advise_paste(client, err);
    request_free(&request);
    return done;
}

static bool show_code(const struct client *client,
                      const struct answer *answer, struct error *err)
{
    const char *url = answer_token(answer, "verification_uri");
    const char *code = answer_text(answer, "user_code");

    /* Google's name for it. */
    if (url == NULL)
        url = answer_token(answer, "verification_url");
    if (url == NULL || code == NULL || *code == '\0')
        return error_set(err, FAULT_PROTOCOL, "oauth \"%s\": the answer holds "
                         "no address and code to show", client->oauth->name);
    text_print(stdout, "Open %.500s in any browser, and enter the code "
               "%.60s\n", url, code);
    fflush(stdout);
    return true;
}

/* Is this refusal one for now? Then the interval is right for the next try. */
static bool is_pending(struct device *device, const struct reply *reply,
                       const struct error *err)
{
    const char *error = reply->answer == NULL
                        ? NULL : answer_text(reply->answer, "error");

    if (error != NULL && strcmp(error, "authorization_pending") == 0)
        return true;
    if (error != NULL && strcmp(error, "slow_down") == 0)
        device->interval += INTERVAL_MORE;
    else if (err->fault != FAULT_TEMPORARY && err->fault != FAULT_TLS)
        return false;
    else if (reply->wait > device->interval)
        device->interval = reply->wait;
    else if (device->interval < BACK_OFF_MAX / 2)
        device->interval *= 2;      /* RFC 8628 section 3.5: back off */
    if (device->interval > INTERVAL_MAX)
        device->interval = INTERVAL_MAX;
    return true;
}

/* By Conditional Access. */
static bool is_blocked(const struct reply *reply)
{
    return reply->answer != NULL && (answer_has_code(reply->answer, 53003) ||
                                     answer_has_code(reply->answer, 530036));
}

static bool poll_once(struct device *device, bool *is_over, struct error *err)
{
    struct form_request request;
    struct reply reply = { 0 };

    request_init(&request, device->client->oauth->token_url);
    form_add(&request.form, "grant_type",
             "urn:ietf:params:oauth:grant-type:device_code");
    form_add(&request.form, "device_code", device->code);
    request.secret = device->code;
    bool done = login_fetch(device->client, &request, &reply, err);
    *is_over = done || !is_pending(device, &reply, err);
    if (*is_over && is_blocked(&reply))
        advise_paste(device->client, err);
    reply_free(&reply);
    request_free(&request);
    return done;
}

static bool poll_server(struct device *device, struct error *err)
{
    bool is_over = false, done = false;

    while (!is_over) {
        if (clock_now() + device->interval * 1000 > device->deadline) {
            refusal_needs_login(device->client, "the code was not entered in "
                                "time", err);
            advise_paste(device->client, err);
            return false;
        }
        struct timespec pause = { .tv_sec = device->interval };
        while (nanosleep(&pause, &pause) == -1)
            ;
        done = poll_once(device, &is_over, err);
    }
    return done;
}

bool login_by_device(const struct client *client, struct error *err)
{
    struct reply reply = { 0 };
    bool done = false;

    if (ask_code(client, &reply, err) &&
        show_code(client, reply.answer, err)) {
        int64_t interval = answer_seconds(reply.answer, "interval",
                                          INTERVAL_MAX);
        int64_t life = answer_seconds(reply.answer, "expires_in", LIFE_MAX);
        struct device device = {
            .client = client,
            .code = answer_token(reply.answer, "device_code"),
            .interval = interval != 0 ? interval : INTERVAL_USUAL,
            .deadline = clock_now() + 1000 * (life != 0 ? life : LIFE_USUAL) };
        done = device.code != NULL
            ? poll_server(&device, err)
            : error_set(err, FAULT_PROTOCOL, "oauth \"%s\": the answer holds "
                        "no device_code", client->oauth->name);
    }
    reply_free(&reply);
    return done;
}
