#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "imported.h"
#include "postrider/setup.h"

#define TOP "domain = \"a.example\";delivery = queue;"
#define MAIN "smarthost \"main\" {;host = \"mail.a.example\";"

static char address[] = "ann@a.example", host[] = "mail.a.example",
            output[] = "/etc/postrider/postrider.conf", user[] = "ann",
            password[] = "s3cret", empty[] = "", command[] = "pass x",
            token_url[] = "https://login.example/{tenant}/token",
            device_url[] = "https://login.example/device",
            tenant[] = "t1", client[] = "id1", oauth_name[] = "m365",
            name[] = "Example: mail", account[] = "account", three[] = "3",
            secret_file[] = "/s", ann_at[] =
            "ann@[192.0.2.1]", root[] = "root@b.example", limit[] = "587";

static char *domains[] = { address + 4 };
static struct provider public = { .name = name, .sender = account,
    .connections = three, .token_url = token_url, .device_url = device_url,
    .domains = { .items = domains, .count = 1 } };

/* The configuration that comes of answers. */
static const struct {
    struct setup setup;
    const char *config;
} answers[] = {
    { { .address = address, .host = host }, TOP MAIN "};" },
    { { .address = address, .host = host, .direct = true },
      "domain = \"a.example\";delivery = direct;" MAIN "};" },
    { { .host = host }, "delivery = queue;" MAIN "};" },
    { { .address = ann_at, .host = host }, "delivery = queue;" MAIN "};" },
    { { .address = address, .domain = host, .host = host, .hostname = host,
        .root_to = root },
      "hostname = \"mail.a.example\";domain = \"mail.a.example\";"
      "local_recipient = \"root@b.example\";delivery = queue;" MAIN "};" },
    /* Others have mailboxes in a provider's domain. */
    { { .address = address, .host = host, .provider = &public,
        .providers = { .items = &public, .count = 1 } },
      "delivery = queue;" MAIN "connections = 3;};" },
    { { .address = address, .host = host, .size_limit = 1000 },
      "domain = \"a.example\";delivery = queue;message_size_limit = 1000;" MAIN
      "};" },
    /* How it logs in. */
    { { .address = address, .host = host, .user = user, .port = limit,
        .password = { password, 6 } },
      TOP MAIN "port = 587;user = \"ann\";"
      "password_file = \"/etc/postrider/secrets/password\";};" },
    { { .address = address, .host = host, .user = user,
        .password_command = command },
      TOP MAIN "user = \"ann\";password_command = \"pass x\";};" },
    { { .address = address, .host = host, .user = user, .print = true },
      TOP MAIN "user = \"ann\";"
      "password_file = \"/etc/postrider/secrets/password\";};" },
    { { .address = address, .host = host, .user = empty }, TOP MAIN "};" },
    { { .address = address, .host = host, .user = user, .client_id = client,
        .oauth_name = oauth_name, .provider = &public, .tenant = tenant },
      TOP "oauth \"m365\" {;token_url = \"https://login.example/t1/token\";"
      "device_url = \"https://login.example/device\";client_id = \"id1\";};"
      MAIN "user = \"ann\";oauth = \"m365\";connections = 3;};" },
    { { .address = address, .host = host, .user = user, .client_id = client,
        .oauth_name = oauth_name, .provider = &public, .tenant = tenant,
        .client_secret_file = secret_file, .print = true },
      TOP "oauth \"m365\" {;token_url = \"https://login.example/t1/token\";"
      "device_url = \"https://login.example/device\";client_id = \"id1\";"
      "client_secret_file = \"/etc/postrider/secrets/client-secret\";};"
      MAIN "user = \"ann\";oauth = \"m365\";connections = 3;};" },
    /* Reports, whose section comes first, and all other mail. */
    { { .address = address, .host = host, .refuses_null = true },
      TOP MAIN "};sender \"<>\" {;address = \"ann@a.example\";};" },
    { { .address = address, .host = host, .rewrite = true },
      TOP MAIN "};sender \"*\" {;address = \"ann@a.example\";};" },
    { { .address = address, .host = host, .rewrite = true,
        .provider = &public },
      TOP MAIN "connections = 3;};"
      "sender \"<>\" {;address = \"ann@a.example\";};"
      "sender \"*\" {;address = \"ann@a.example\";};" },
    { { .host = host, .refuses_null = true }, "delivery = queue;" MAIN "};" },
};

static void answers_become_a_configuration(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct setup setup = answers[i].setup;
        setup.output = output;
        const struct import import = { .draft = setup_draft(&setup) };
        struct imported result = imported_draft(&import);
        if (strcmp(result.config, answers[i].config) != 0)
            fail_msg("row %zu:\n%s\n  is not\n%s", i, result.config,
                     answers[i].config);
        imported_free(&result);
        config_draft_free(import.draft);
    }
}

static void a_user_needs_no_daemon_with_direct_delivery(void **state)
{
    const struct setup queue = { .direct = false }, direct = { .direct = true };

    (void)state;
    assert_string_equal(setup_user(&queue), "postrider");
    assert_string_equal(setup_user(&direct), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_become_a_configuration),
        cmocka_unit_test(a_user_needs_no_daemon_with_direct_delivery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
