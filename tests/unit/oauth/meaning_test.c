#include "oauth/meaning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "oauth/answer.h"
#include "util/text.h"

#define LOGIN OAUTH_REFRESH_TOKEN
#define SECRET OAUTH_CLIENT_CREDENTIALS
#define KEY OAUTH_JWT_BEARER

/* As Microsoft, Google and RFC 6749 have them. */
static const struct {
    enum oauth_flow flow;
    const char *error, *detail, *description;
    enum meaning meaning;
    const char *remedy;             /* a part; "": there is none */
} cases[] = {
    { LOGIN, "invalid_grant", "bad_token", "AADSTS70043: The refresh token has "
      "expired or is invalid due to sign-in frequency checks by conditional "
      "access.", MEANS_LOGIN, "how long a login lasts" },
    { LOGIN, "invalid_grant", NULL, "AADSTS700082: The refresh token has "
      "expired due to inactivity.", MEANS_LOGIN, "" },
    { LOGIN, "invalid_grant", NULL, "AADSTS50173: The provided grant has "
      "expired due to it being revoked", MEANS_LOGIN, "" },
    { LOGIN, "interaction_required", "basic_action", "AADSTS50076: Due to a "
      "configuration change made by your administrator, or because you moved "
      "to a new location, you must use multi-factor authentication",
      MEANS_LOGIN, "" },
    { LOGIN, "interaction_required", NULL, "AADSTS50079: Due to a "
      "configuration change you must enroll in multi-factor authentication",
      MEANS_LOGIN, "" },
    { LOGIN, "interaction_required", "message_only", "AADSTS53003: Access has "
      "been blocked by Conditional Access policies.", MEANS_LOGIN,
      "Conditional Access blocks it" },
    { LOGIN, "invalid_grant", "consent_required", "AADSTS65001: The user or "
      "administrator has not consented to use the application",
      MEANS_LOGIN, "permission" },
    { LOGIN, "invalid_grant", NULL, "AADSTS50034: The user account does not "
      "exist in the tenant.", MEANS_LOGIN, "of the tenant in token_url" },
    { LOGIN, "invalid_grant", NULL, "AADSTS50057: The user account is "
      "disabled.", MEANS_CHANGE, "disabled" },
    { LOGIN, "invalid_grant", NULL, "AADSTS50196: The server terminated an "
      "operation because it encountered a loop", MEANS_PASSES, "too often" },
    { LOGIN, "invalid_grant", NULL, "AADSTS501960: another", MEANS_LOGIN, "" },
    { LOGIN, "invalid_grant", NULL, "not AADSTS50196", MEANS_LOGIN, "" },
    { SECRET, "invalid_client", NULL, "AADSTS7000215: Invalid client secret "
      "provided.", MEANS_CHANGE, "not its ID" },
    { SECRET, "invalid_client", NULL, "AADSTS7000222: The provided client "
      "secret keys for app are expired.", MEANS_CHANGE, "make a new one" },
    { SECRET, "unauthorized_client", NULL, "AADSTS700016: Application with "
      "identifier was not found in the directory", MEANS_CHANGE, "client_id" },
    { SECRET, "invalid_request", NULL, "AADSTS90002: Tenant not found.",
      MEANS_CHANGE, "tenant" },
    { SECRET, "invalid_request", NULL, "AADSTS9002313: Invalid request. "
      "Request is malformed or invalid.", MEANS_CHANGE, "" },
    { SECRET, "invalid_client", NULL, "AADSTS700024: Client assertion is not "
      "within its valid time range.", MEANS_PASSES, "clock" },
    { SECRET, "invalid_client", NULL, "AADSTS700027: The certificate with "
      "identifier used to sign the client assertion is not registered",
      MEANS_CHANGE, "client_cert_file" },
    { SECRET, "invalid_scope", NULL, "AADSTS1002012: The provided value for "
      "scope is not valid.", MEANS_CHANGE, "/.default" },
    { SECRET, "unauthorized_client", NULL, "AADSTS7000112: Application is "
      "disabled.", MEANS_CHANGE, "disabled" },
    { LOGIN, "invalid_client", NULL, "AADSTS7000218: The request body must "
      "contain", MEANS_CHANGE, "Allow public client flows" },
    { LOGIN, "invalid_client", NULL, "AADSTS700025: Client is public",
      MEANS_CHANGE, "unset" },
    { LOGIN, "authorization_declined", NULL, "AADSTS70015", MEANS_LOGIN, "" },
    { LOGIN, "bad_verification_code", NULL, "AADSTS70018: Bad verification "
      "code.", MEANS_LOGIN, "" },
    { LOGIN, "expired_token", NULL, "AADSTS70020: The device code has "
      "expired.", MEANS_LOGIN, "" },

    { LOGIN, "invalid_grant", NULL, "Token has been expired or revoked.",
      MEANS_LOGIN, "" },
    { LOGIN, "invalid_grant", NULL, "Bad Request", MEANS_LOGIN, "" },
    { LOGIN, "invalid_grant", "invalid_rapt", "reauth related error "
      "(invalid_rapt)", MEANS_LOGIN, "how long a login lasts" },
    { LOGIN, "invalid_request", NULL, "client_secret is missing.",
      MEANS_CHANGE, "set client_secret_file" },
    { LOGIN, "invalid_client", NULL, "The OAuth client was not found.",
      MEANS_CHANGE, "check client_id" },
    { LOGIN, "deleted_client", NULL, "The OAuth client was deleted.",
      MEANS_CHANGE, "make a new one" },
    { LOGIN, "org_internal", NULL, NULL, MEANS_CHANGE, "organization" },
    { LOGIN, "admin_policy_enforced", NULL, NULL, MEANS_CHANGE,
      "administrator" },
    { LOGIN, "invalid_client", NULL, "Invalid client type.", MEANS_CHANGE,
      "TVs" },
    { LOGIN, "redirect_uri_mismatch", NULL, NULL, MEANS_CHANGE, "Desktop" },
    { LOGIN, "rate_limit_exceeded", NULL, NULL, MEANS_PASSES, "" },

    { KEY, "invalid_grant", NULL, "Invalid JWT Signature.", MEANS_CHANGE,
      "the clock of" },
    { KEY, "invalid_grant", NULL, "Invalid JWT: Token must be a short-lived "
      "token (60 minutes) and in a reasonable timeframe. Check your iat and "
      "exp values in the JWT claim.", MEANS_PASSES, "set the clock" },
    { KEY, "invalid_grant", NULL, "Invalid email or User ID", MEANS_CHANGE,
      "check subject" },
    { KEY, "invalid_grant", NULL, "Invalid grant: account not found",
      MEANS_CHANGE, "client_key_file" },
    { KEY, "invalid_grant", NULL, NULL, MEANS_CHANGE, "client_key_file" },
    { KEY, "unauthorized_client", NULL, "Client is unauthorized to retrieve "
      "access tokens using this method, or client not authorized for any of "
      "the scopes requested.", MEANS_CHANGE, "domain-wide delegation" },

    { LOGIN, "invalid_scope", NULL, NULL, MEANS_CHANGE, "check scope" },
    { LOGIN, "temporarily_unavailable", NULL, NULL, MEANS_PASSES, "" },
    { LOGIN, "server_error", NULL, NULL, MEANS_PASSES, "" },
    { LOGIN, "something_new", NULL, NULL, MEANS_CHANGE, "" },
    { LOGIN, "", NULL, NULL, MEANS_CHANGE, "" },
};

static void knows_what_a_server_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct words words = { .error = cases[i].error,
                                     .detail = cases[i].detail,
                                     .description = cases[i].description };
        const struct verdict verdict = meaning_of(&words, cases[i].flow);
        const char *remedy = verdict.remedy != NULL ? verdict.remedy : "";
        if (verdict.meaning != cases[i].meaning ||
            (*cases[i].remedy == '\0' ? *remedy != '\0'
             : strstr(remedy, cases[i].remedy) == NULL))
            fail_msg("%s (%s): %d, %s", cases[i].error,
                     cases[i].description != NULL ? cases[i].description : "",
                     (int)verdict.meaning, remedy);
        /* No person logs in with a key. */
        assert_true(cases[i].flow != KEY || verdict.meaning != MEANS_LOGIN);
    }
}

static void numbers_count_alone(void **state)
{
    static const char text[] = "{\"error\": \"invalid_grant\", "
                               "\"error_codes\": [1, 50196]}";
    struct error err;
    struct answer *answer = answer_parse(text, sizeof text - 1, &err);
    const struct words words = { .error = "invalid_grant", .answer = answer };

    (void)state;
    assert_int_equal(meaning_of(&words, LOGIN).meaning, MEANS_PASSES);
    answer_free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_a_server_says),
        cmocka_unit_test(numbers_count_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
