#include "oauth/request.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/https.h"
#include "oauth/key.h"
#include "util/base64.h"
#include "util/clock.h"

#define REQUEST_LIMIT 25000         /* milliseconds */

void request_init(struct form_request *request, const char *url)
{
    *request = (struct form_request){ .url = url,
                                 .deadline = clock_now() + REQUEST_LIMIT };
    buf_init(&request->form, SIZE_MAX);
    buf_init(&request->assertion, SIZE_MAX);
}

void request_free(struct form_request *request)
{
    buf_wipe(&request->form);
    buf_wipe(&request->assertion);
}

/* RFC 6749 section 2.3.1: both parts are encoded as in a form. */
static void add_basic(struct buf *out, const struct client *client)
{
    struct buf pair;

    buf_init(&pair, SIZE_MAX);
    form_encode(&pair, client->oauth->client_id);
    buf_add_char(&pair, ':');
    form_encode(&pair, client->secret.data);
    buf_add_text(out, "Basic ");
    base64_encode(out, pair.data, pair.length);
    buf_wipe(&pair);
}

/* RFC 7523 section 2.2. */
static bool add_assertion(struct form_request *request,
                          const struct client *client, struct error *err)
{
    if (!key_sign_client(client->key, client->oauth, &request->assertion, err))
        return false;
    form_add(&request->form, "client_assertion_type",
             "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form_add(&request->form, "client_assertion", request->assertion.data);
    return true;
}

/* A public client must send no secret: Entra refuses it then. */
static bool identify(struct form_request *request,
                     const struct client *client, struct buf *basic,
                     struct error *err)
{
    const struct oauth *oauth = client->oauth;
    bool has_secret = client->secret.data != NULL;

    if (has_secret && oauth->client_auth_basic) {
        add_basic(basic, client);
        return true;
    }
    /* The grant that its key signed names the client. */
    if (oauth->flow == OAUTH_JWT_BEARER && !has_secret)
        return true;
    form_add(&request->form, "client_id", oauth->client_id);
    if (has_secret)
        form_add(&request->form, "client_secret", client->secret.data);
    return client->key == NULL || add_assertion(request, client, err);
}

static bool post(const struct form_request *request,
                 const struct client *client, const struct buf *basic,
                 struct reply *reply, struct error *err)
{
    struct https_reply raw;
    const struct https_request https = {
        .url = request->url, .form = &request->form,
        .authorization = basic->length > 0 ? basic->data : NULL,
        .ca_file = client->oauth->tls_ca_file,
        .proxy = client->oauth->proxy, .deadline = request->deadline };
    bool done = https_post(&https, &raw, err) ||
                error_prefix(err, "oauth \"%s\"", client->oauth->name);

    if (done) {
        reply->status = raw.status;
        reply->wait = raw.retry_after;
        reply->answer = answer_parse(raw.body.data, raw.body.length,
                                     &reply->why);
    }
    buf_wipe(&raw.body);
    return done;
}

bool request_send(struct form_request *request, const struct client *client,
                  struct reply *reply, struct error *err)
{
    struct buf basic;

    *reply = (struct reply){ 0 };
    buf_init(&basic, SIZE_MAX);
    bool done = identify(request, client, &basic, err) &&
                post(request, client, &basic, reply, err);
    buf_wipe(&basic);
    return done;
}

void reply_free(struct reply *reply)
{
    answer_free(reply->answer);
    reply->answer = NULL;
}
