#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../in_folder.h"
#include "postrider/setup.h"
#include "util/text.h"

static char url[] = "https://login.example/token",
            tenant_url[] = "https://login.example/{tenant}/token",
            xoauth2[] = "xoauth2", id[] = "microsoft365", short_id[] = "m365",
            given_tenant[] = "t.example", bad_tenant[] = "t/x", client[] =
            "id1", user[] = "ann", secret[] =
            "required", file[] = "secret", command[] = "x", path[] = "conf",
            plain[] = "plain";
static const struct provider
    plain_only = { .id = id, .auth = plain },
    simple = { .id = id, .auth = xoauth2, .token_url = url },
    divided = { .id = id, .short_id = short_id, .auth = xoauth2,
                .token_url = tenant_url },
    secretive = { .id = id, .auth = xoauth2, .token_url = url,
                  .client_secret = secret };

/* With print, so that no program has to be there. */
static const struct {
    struct setup setup;
    const char *name;           /* of the section; NULL: no OAuth */
    const char *error;          /* NULL: there is none */
} cases[] = {
    { { .user = user, .provider = &plain_only }, NULL, NULL },
    { { .user = user }, NULL, NULL },
    { { .user = user, .provider = &simple, .password_command = command }, NULL,
      NULL },
    { { .user = user, .provider = &simple, .client_id = client },
      "microsoft365", NULL },
    { { .user = user, .provider = &simple }, NULL,
      "--client-id is missing: Application (client) ID" },
    { { .user = user, .provider = &divided, .client_id = client,
        .tenant = given_tenant }, "m365", NULL },
    { { .user = user, .provider = &divided, .client_id = client }, NULL,
      "--tenant is missing: Directory (tenant) ID, or a domain of it" },
    { { .user = user, .provider = &divided, .client_id = client,
        .tenant = bad_tenant }, NULL,
      "--tenant t/x: must be an ID or a domain" },
    { { .user = user, .provider = &secretive, .client_id = client }, NULL,
      "--client-secret-file is missing: The file whose first line is the "
      "client's secret" },
    { { .user = user, .provider = &secretive, .client_id = client,
        .client_secret_file = file }, "microsoft365", NULL },
    /* Options that need one another, or exclude each other. */
    { { .user = user, .provider = &simple, .client_id = client,
        .password_file = file }, NULL, "--client-id takes the place of a "
      "password: give only one of them" },
    { { .provider = &simple, .client_id = client }, NULL, "--client-id: with "
      "--auth none there is no login" },
    { { .user = user, .provider = &plain_only, .client_id = client }, NULL,
      "--client-id: the addresses of the authorization server are not known; "
      "give --provider, or write a section oauth: postrider.conf(5)" },
    { { .user = user, .provider = &plain_only, .tenant = given_tenant }, NULL,
      "--client-id is missing: these options are for OAuth" },
    { { .user = user, .device = true }, NULL,
      "--client-id is missing: these options are for OAuth" },
};

static void finds_what_the_client_must_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct setup setup = cases[i].setup;
        struct error err = { 0 };
        setup.print = true;
        setup.output = path;
        bool done = setup_find_client(&setup, &err);
        if (done != (cases[i].error == NULL) ||
            (!done && strcmp(err.text, cases[i].error) != 0))
            fail_msg("row %zu: %s", i, err.text);
        if (done && cases[i].name == NULL)
            assert_null(setup.oauth_name);
        else if (done)
            assert_string_equal(setup.oauth_name, cases[i].name);
        free(setup.oauth_name);
    }
}

/* Another login keeps its name and its tokens. */
static const struct {
    const char *user, *client;  /* of the section that is there */
    const char *name;
} sections[] = {
    { "ann", "id1", "microsoft365" },
    { "bob", "id1", "microsoft365-2" },
    { "ann", "id2", "microsoft365-2" },
};

static void another_login_keeps_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(sections); i++) {
        struct setup setup = { .user = user, .provider = &simple,
                               .client_id = client, .print = true,
                               .output = path };
        struct error err = { 0 };
        FILE *out = fopen(path, "w");
        assert_non_null(out);
        fprintf(out, "oauth \"microsoft365\" {\ntoken_url = \"%s\"\n"
                "client_id = \"%s\"\n}\nsmarthost \"main\" {\n"
                "host = \"a.example\"\nuser = \"%s\"\noauth = "
                "\"microsoft365\"\n}\n", url, sections[i].client,
                sections[i].user);
        assert_int_equal(fclose(out), 0);
        if (!setup_find_client(&setup, &err))
            fail_msg("%s", err.text);
        assert_string_equal(setup.oauth_name, sections[i].name);
        free(setup.oauth_name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(finds_what_the_client_must_know),
        IN_FOLDER(another_login_keeps_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
