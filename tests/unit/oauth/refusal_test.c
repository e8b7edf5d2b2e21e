#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "oauth/answer.h"
#include "oauth/client.h"
#include "oauth/refusal.h"
#include "oauth/request.h"
#include "util/alloc.h"
#include "util/text.h"

#define LOG_IN "log in again: postrider-oauth login m365"

static char name[] = "m365", secret[] = "client-secret-1234";

/* A reply with that body, of a client with such a flow. */
static const struct {
    enum oauth_flow flow;
    long status;
    const char *body;
    enum fault fault;           /* FAULT_NONE: it can be used */
    const char *text;           /* of the error, after oauth "m365": */
} cases[] = {
    { OAUTH_REFRESH_TOKEN, 200, "{\"access_token\": \"x\"}", FAULT_NONE, "" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"invalid_grant\"}",
      FAULT_PERMISSION, "the server refused: invalid_grant; " LOG_IN },
    { OAUTH_CLIENT_CREDENTIALS, 400, "{\"error\": \"odd\"}", FAULT_PERMISSION,
      "the server refused: odd" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"odd\", \"suberror\": \"x\", "
      "\"error_description\": \"Not now.\\r\\nMore\"}", FAULT_PERMISSION,
      "the server refused: odd, x (Not now.)" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"odd\", \"error_description\": "
      "\"Not now. Trace ID: 7\"}", FAULT_PERMISSION,
      "the server refused: odd (Not now.)" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"odd\", \"error_description\": "
      "\"Not now.\\r\\nMore. Trace ID: 7\"}", FAULT_PERMISSION,
      "the server refused: odd (Not now.)" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"temporarily_unavailable\"}",
      FAULT_TEMPORARY, "the server refused: temporarily_unavailable" },
    /* An answer with an error is a refusal, whatever the status. */
    { OAUTH_REFRESH_TOKEN, 200, "{\"error\": \"odd\"}", FAULT_PERMISSION,
      "the server refused: odd" },
    /* Secrets may come back; short texts are there by chance. */
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"odd\", \"error_description\": "
      "\"bad client-secret-1234\"}", FAULT_PERMISSION,
      "the server refused: odd (***)" },
    { OAUTH_REFRESH_TOKEN, 400, "{\"error\": \"a-refresh-token\"}",
      FAULT_PERMISSION, "the server refused: ***" },
    /* One that is busy, or another server. */
    { OAUTH_REFRESH_TOKEN, 429, "{\"error\": \"slow\"}", FAULT_TEMPORARY,
      "https://login.example/token: status 429: slow" },
    { OAUTH_REFRESH_TOKEN, 503, "{\"error\": \"odd\"}", FAULT_TEMPORARY,
      "https://login.example/token: status 503: odd" },
    { OAUTH_REFRESH_TOKEN, 503, "<html>", FAULT_TEMPORARY,
      "https://login.example/token: status 503" },
    { OAUTH_REFRESH_TOKEN, 404, "<html>", FAULT_TEMPORARY,
      "https://login.example/token: status 404; check the address" },
    { OAUTH_REFRESH_TOKEN, 302, "", FAULT_TEMPORARY,
      "https://login.example/token: status 302; check the address" },
    { OAUTH_REFRESH_TOKEN, 400, "{}", FAULT_TEMPORARY,
      "https://login.example/token: status 400" },
};

static void a_reply_is_used_or_explained(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct oauth oauth = { .name = name, .flow = cases[i].flow };
        const struct client client = {
            .oauth = &oauth, .secret = { secret, strlen(secret) },
        };
        const struct form_request request = {
            .url = "https://login.example/token", .secret = "a-refresh-token",
        };
        struct reply reply = { .status = cases[i].status };
        struct error err = { 0 };
        reply.answer = answer_parse(cases[i].body, strlen(cases[i].body),
                                    &reply.why);
        bool good = refusal_judge(&client, &request, &reply, &err);
        char *text = alloc_format("oauth \"m365\": %s", cases[i].text);
        if (good != (cases[i].fault == FAULT_NONE) ||
            (!good && (err.fault != cases[i].fault ||
                       strcmp(err.text, text) != 0)))
            fail_msg("row %zu: %d %s", i, (int)err.fault, err.text);
        if (!good)
            assert_null(strstr(err.text, secret));
        free(text);
        reply_free(&reply);
    }
}

/* What is not an answer says why. */
static void a_page_in_its_place_is_named(void **state)
{
    const struct oauth oauth = { .name = name };
    const struct client client = { .oauth = &oauth };
    const struct form_request request = { .url = "https://login.example/" };
    struct reply reply = { .status = 200 };
    struct error err = { 0 };

    (void)state;
    reply.answer = answer_parse("<html>", 6, &reply.why);
    assert_null(reply.answer);
    assert_false(refusal_judge(&client, &request, &reply, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "https://login.example/: status 200: "));
}

static const struct {
    enum oauth_flow flow;
    const char *text;
} logins[] = {
    { OAUTH_REFRESH_TOKEN, "oauth \"m365\": there is no token; " LOG_IN },
    { OAUTH_JWT_BEARER, "oauth \"m365\": there is no token" },
    { OAUTH_CLIENT_CREDENTIALS, "oauth \"m365\": there is no token" },
};

/* Only where a person has logged in. */
static void a_person_logs_in_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++) {
        const struct oauth oauth = { .name = name, .flow = logins[i].flow };
        const struct client client = { .oauth = &oauth };
        struct error err = { 0 };
        assert_false(refusal_needs_login(&client, "there is no token", &err));
        assert_int_equal(err.fault, FAULT_PERMISSION);
        assert_string_equal(err.text, logins[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_is_used_or_explained),
        cmocka_unit_test(a_page_in_its_place_is_named),
        cmocka_unit_test(a_person_logs_in_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
