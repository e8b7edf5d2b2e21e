#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "config/config.h"
#include "oauth/client.h"
#include "oauth/form.h"
#include "oauth/request.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/text.h"

static char name[] = "m365", client_id[] = "id 1", empty[] = "";

/* How the client says who it is, in the form that is sent. */
static const struct {
    enum oauth_flow flow;
    bool basic;
    const char *secret;         /* NULL: a public client */
    const char *form;
} clients[] = {
    { OAUTH_REFRESH_TOKEN, false, NULL, "grant_type=x&client_id=id%201" },
    { OAUTH_REFRESH_TOKEN, true, NULL, "grant_type=x&client_id=id%201" },
    { OAUTH_REFRESH_TOKEN, false, "a&b", "grant_type=x&client_id=id%201&"
      "client_secret=a%26b" },
    /* In a field of HTTP, and not twice. */
    { OAUTH_REFRESH_TOKEN, true, "a&b", "grant_type=x" },
    /* What its key signed names the client. */
    { OAUTH_JWT_BEARER, false, NULL, "grant_type=x" },
    { OAUTH_JWT_BEARER, false, "a", "grant_type=x&client_id=id%201&"
      "client_secret=a" },
};

/* Nobody listens at port 1: the form is made, and no reply comes. */
static void a_client_names_itself_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(clients); i++) {
        const struct oauth oauth = {
            .name = name, .client_id = client_id, .flow = clients[i].flow,
            .client_auth_basic = clients[i].basic, .tls_ca_file = empty,
            .proxy = empty,
        };
        struct client client = { .oauth = &oauth };
        struct form_request request;
        struct reply reply;
        struct error err = { 0 };
        if (clients[i].secret != NULL)
            secret_take(&client.secret, alloc_string(clients[i].secret),
                        strlen(clients[i].secret));
        request_init(&request, "https://127.0.0.1:1/token");
        form_add(&request.form, "grant_type", "x");
        bool done = request_send(&request, &client, &reply, &err);
        if (done || strcmp(request.form.data, clients[i].form) != 0)
            fail_msg("row %zu: %d %s", i, done, request.form.data);
        assert_true(text_starts(err.text, "oauth \"m365\": "));
        assert_null(reply.answer);
        reply_free(&reply);
        request_free(&request);
        secret_wipe(&client.secret);
    }
}

static void a_request_has_25_seconds(void **state)
{
    struct form_request request;
    int64_t now = clock_now();

    (void)state;
    request_init(&request, "https://127.0.0.1:1/token");
    assert_true(request.deadline >= now + 25000);
    assert_true(request.deadline <= clock_now() + 25000);
    request_free(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_names_itself_once),
        cmocka_unit_test(a_request_has_25_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
