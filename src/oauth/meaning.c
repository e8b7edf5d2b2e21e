#include "oauth/meaning.h"

#include <stdlib.h>
#include <string.h>

#include "oauth/answer.h"
#include "util/text.h"

#define CONSENT "an administrator of the tenant must grant the application " \
                "its permission"
#define ACCESS "Conditional Access blocks it: an administrator must allow it"
#define OTHER_USER "log in with an account of the tenant in token_url"
#define REDIRECT "register http://localhost as an address of \"Mobile and " \
                 "desktop applications\", of no other kind"
#define CLOCK "the clock of this machine is wrong: set it"

/* Microsoft Entra's numbers are more precise than the error beside them. */
static const struct {
    long code;
    enum meaning meaning;
    const char *remedy;
} entra[] = {
    { 50053, MEANS_PASSES, "the account is locked for a while" },
    { 50196, MEANS_PASSES, "it saw the same request too often, and takes it "
                           "again after some minutes" },
    { 90006, MEANS_PASSES, NULL },      /* a service outside failed */
    { 90012, MEANS_PASSES, NULL },      /* a time limit */
    { 90024, MEANS_PASSES, NULL },      /* the budget of the request */
    { 90033, MEANS_PASSES, NULL },      /* a service is not available */
    { 90055, MEANS_PASSES, NULL },      /* too many requests of the tenant */
    { 90100, MEANS_PASSES, NULL },      /* a gateway */
    { 500133, MEANS_PASSES, CLOCK },    /* not within its time, */
    { 700024, MEANS_PASSES, CLOCK },    /* as this one */

    { 50020, MEANS_LOGIN, OTHER_USER }, /* of another tenant */
    { 50034, MEANS_LOGIN, OTHER_USER }, /* of none */
    { 51004, MEANS_LOGIN, OTHER_USER },
    { 53000, MEANS_LOGIN, ACCESS },     /* a device that does not comply, */
    { 53001, MEANS_LOGIN, ACCESS },     /* or is not the domain's */
    { 53002, MEANS_LOGIN, ACCESS },     /* an application not approved */
    { 53003, MEANS_LOGIN, ACCESS },
    { 53004, MEANS_LOGIN, ACCESS },
    { 530036, MEANS_LOGIN, ACCESS },
    { 65001, MEANS_LOGIN, CONSENT ", or who logs in must consent" },
    { 70043, MEANS_LOGIN, "Conditional Access limits how long a login lasts" },
    { 700084, MEANS_LOGIN, REDIRECT },  /* a login of 24 hours */
    { 90094, MEANS_LOGIN, CONSENT },
    { 90095, MEANS_LOGIN, CONSENT },

    { 500011, MEANS_CHANGE, "check scope, and that the tenant has what it "
                            "names" },
    { 50011, MEANS_CHANGE, REDIRECT },
    { 500113, MEANS_CHANGE, REDIRECT },
    { 9002325, MEANS_CHANGE, REDIRECT },
    { 9002326, MEANS_CHANGE, REDIRECT },
    { 9002327, MEANS_CHANGE, REDIRECT },
    { 50012, MEANS_CHANGE, "client_key_file and client_cert_file are not what "
                           "the app registration has" },
    { 700027, MEANS_CHANGE, "upload the certificate of client_cert_file in the "
                            "app registration, and check that it has not "
                            "expired" },
    { 700021, MEANS_CHANGE, "check client_id" },
    { 700023, MEANS_CHANGE, "check token_url" },
    { 50057, MEANS_CHANGE, "the account is disabled" },
    { 50105, MEANS_CHANGE, "assign the account to the enterprise "
                           "application" },
    { 650051, MEANS_CHANGE, CONSENT },
    { 650052, MEANS_CHANGE, "the tenant lacks what scope names: check scope, "
                            "and the licences" },
    { 650053, MEANS_CHANGE, "check scope" },
    { 650056, MEANS_CHANGE, CONSENT },
    { 650057, MEANS_CHANGE, "add the permission that scope names in the app "
                            "registration" },
    { 28000, MEANS_CHANGE, "scope names more than one resource: a token is for "
                           "one" },
    { 28002, MEANS_CHANGE, "check scope" },
    { 28003, MEANS_CHANGE, "check scope" },
    { 70011, MEANS_CHANGE, "check scope" },
    { 1002012, MEANS_CHANGE, "with flow = client_credentials scope ends with "
                             "/.default" },
    { 7000112, MEANS_CHANGE, "the application is disabled in the tenant" },
    { 7000215, MEANS_CHANGE, "put the value of the client secret into "
                             "client_secret_file, not its ID" },
    { 7000216, MEANS_CHANGE, "set client_secret_file, or client_key_file" },
    { 7000218, MEANS_CHANGE, "set \"Allow public client flows\" to Yes in the "
                             "app registration, or set client_secret_file" },
    { 7000222, MEANS_CHANGE, "the client secret has expired: make a new one in "
                             "the app registration" },
    { 7000229, MEANS_CHANGE, CONSENT },
    { 700025, MEANS_CHANGE, "a public client sends no secret: unset "
                            "client_secret_file" },
    { 700016, MEANS_CHANGE, "check client_id, and the tenant in token_url" },
    { 50059, MEANS_CHANGE, "token_url must name the tenant" },
    { 50194, MEANS_CHANGE, "token_url must name the tenant, not \"common\"" },
    { 90002, MEANS_CHANGE, "check the tenant in token_url" },
    { 900023, MEANS_CHANGE, "check the tenant in token_url" },
    { 9002346, MEANS_CHANGE, "the application is for personal accounts: "
                             "token_url must name \"consumers\"" },
    { 90133, MEANS_CHANGE, "device codes need the tenant's own name in "
                           "device_url and token_url" },
};

struct phrase {
    const char *error;
    const char *part;           /* of the description; "": any */
    enum meaning meaning;
    const char *remedy;
};

/* Google has no numbers. */
static const struct phrase phrases[] = {
    { "invalid_request", "client_secret", MEANS_CHANGE,
      "set client_secret_file: Google wants it from applications for the "
      "desktop, too" },
    { "invalid_client", "Invalid client type", MEANS_CHANGE,
      "device codes need a client of type \"TVs and Limited Input devices\"" },
    { "invalid_grant", "invalid_rapt", MEANS_LOGIN,
      "an administrator of Google Workspace limits how long a login lasts" },
};

/* The same where a key has signed, and no person can log in. */
static const struct phrase of_keys[] = {
    { "invalid_grant", "iat and exp", MEANS_PASSES,
      "set the clock of this machine; the key is not the reason" },
    { "invalid_grant", "User ID", MEANS_CHANGE,
      "check subject: it must be a mailbox of the organization" },
    { "invalid_grant", "account not found", MEANS_CHANGE,
      "the service account of client_key_file does not exist: neither the key "
      "nor the clock is the reason" },
    { "invalid_grant", "", MEANS_CHANGE,
      "client_key_file is not a key of the account any more, or the clock of "
      "this machine is wrong" },
    { "unauthorized_client", "", MEANS_CHANGE,
      "add the service account's client ID with this scope to the domain-wide "
      "delegation of the organization" },
    { "access_denied", "", MEANS_CHANGE,
      "add the service account's client ID with this scope to the domain-wide "
      "delegation of the organization" },
};

/* RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5, and Microsoft's and Google's own. */
static const struct {
    const char *error;
    enum meaning meaning;
    const char *remedy;
} errors[] = {
    { "invalid_grant", MEANS_LOGIN, NULL },
    { "interaction_required", MEANS_LOGIN, NULL },
    { "consent_required", MEANS_LOGIN, NULL },
    { "login_required", MEANS_LOGIN, NULL },
    { "account_selection_required", MEANS_LOGIN, NULL },
    { "access_denied", MEANS_LOGIN, NULL },
    { "authorization_declined", MEANS_LOGIN, NULL },
    { "bad_verification_code", MEANS_LOGIN, NULL },
    { "expired_token", MEANS_LOGIN, NULL },
    { "code_expired", MEANS_LOGIN, NULL },
    { "temporarily_unavailable", MEANS_PASSES, NULL },
    { "server_error", MEANS_PASSES, NULL },
    { "internal_failure", MEANS_PASSES, NULL },
    { "slow_down", MEANS_PASSES, NULL },
    { "rate_limit_exceeded", MEANS_PASSES, NULL },
    { "invalid_client", MEANS_CHANGE, "check client_id and "
      "client_secret_file, or client_key_file and the clock of this machine" },
    { "unauthorized_client", MEANS_CHANGE, "check what the app registration "
                                           "allows" },
    { "unsupported_grant_type", MEANS_CHANGE, "check flow, and token_url" },
    { "invalid_scope", MEANS_CHANGE, "check scope" },
    { "invalid_resource", MEANS_CHANGE, "check scope" },
    { "invalid_target", MEANS_CHANGE, "check scope" },
    { "redirect_uri_mismatch", MEANS_CHANGE, "the client must be of type "
                                             "\"Desktop app\"" },
    { "deleted_client", MEANS_CHANGE, "the client was deleted: make a new one, "
                                      "and set client_id" },
    { "disabled_client", MEANS_CHANGE, "the client is disabled" },
    { "org_internal", MEANS_CHANGE, "the application is for accounts of its "
                                    "own organization" },
    { "admin_policy_enforced", MEANS_CHANGE, "an administrator of Google "
      "Workspace must allow the application its scope" },
};

static bool has_part(const struct words *words, const char *part)
{
    return (words->description != NULL &&
            strstr(words->description, part) != NULL) ||
           (words->detail != NULL && strstr(words->detail, part) != NULL);
}

/* In an address that was pasted there are no error_codes. */
static bool has_code(const struct words *words, long code)
{
    static const char mark[] = "AADSTS";
    const char *text = words->description;

    if (words->answer != NULL && answer_has_code(words->answer, code))
        return true;
    return text != NULL && text_starts(text, mark) &&
           strtol(text + strlen(mark), NULL, 10) == code;
}

static bool find_phrase(const struct phrase *list, size_t count,
                        const struct words *words, struct verdict *verdict)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].error, words->error) == 0 &&
            (*list[i].part == '\0' || has_part(words, list[i].part))) {
            *verdict = (struct verdict){ list[i].meaning, list[i].remedy };
            return true;
        }
    return false;
}

struct verdict meaning_of(const struct words *words, enum oauth_flow flow)
{
    struct verdict verdict = { MEANS_CHANGE, NULL };

    for (size_t i = 0; i < COUNT(entra); i++)
        if (has_code(words, entra[i].code))
            return (struct verdict){ entra[i].meaning, entra[i].remedy };
    if ((flow == OAUTH_JWT_BEARER &&
         find_phrase(of_keys, COUNT(of_keys), words, &verdict)) ||
        find_phrase(phrases, COUNT(phrases), words, &verdict))
        return verdict;
    for (size_t i = 0; i < COUNT(errors); i++)
        if (strcmp(errors[i].error, words->error) == 0)
            return (struct verdict){ errors[i].meaning, errors[i].remedy };
    return verdict;
}
