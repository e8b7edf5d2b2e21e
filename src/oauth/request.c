#include "oauth/request.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/https.h"
#include "util/base64.h"
#include "util/clock.h"

#define REQUEST_LIMIT 25000         /* milliseconds */

void request_init(struct form_request *request, const char *url)
{
    *request = (struct form_request){ .url = url,
                                 .deadline = clock_now() + REQUEST_LIMIT };
    buf_init(&request->form, SIZE_MAX);
}

void request_free(struct form_request *request)
{
    buf_wipe(&request->form);
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

/* A public client must send no secret: Entra refuses it then. */
static void identify(struct form_request *request,
                     const struct client *client, struct buf *basic)
{
    if (client->secret.data != NULL && client->oauth->client_auth_basic) {
        add_basic(basic, client);
        return;
    }
    form_add(&request->form, "client_id", client->oauth->client_id);
    if (client->secret.data != NULL)
        form_add(&request->form, "client_secret", client->secret.data);
}

bool request_send(struct form_request *request, struct client *client,
                  struct reply *reply, struct error *err)
{
    struct https_reply raw;
    struct buf basic;

    *reply = (struct reply){ 0 };
    if (!client_read_secret(client, err))
        return false;
    buf_init(&basic, SIZE_MAX);
    identify(request, client, &basic);
    const struct https_request https = {
        .url = request->url, .form = &request->form,
        .authorization = basic.length > 0 ? basic.data : NULL,
        .ca_file = client->oauth->tls_ca_file,
        .proxy = client->oauth->proxy, .deadline = request->deadline };
    bool done = https_post(&https, &raw, err);
    if (done) {
        reply->status = raw.status;
        reply->wait = raw.retry_after;
        reply->answer = answer_parse(raw.body.data, raw.body.length,
                                     &reply->why);
    }
    buf_wipe(&raw.body);
    buf_wipe(&basic);
    return done;
}

void reply_free(struct reply *reply)
{
    answer_free(reply->answer);
    reply->answer = NULL;
}
