#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "answered.h"
#include "postrider/setup.h"
#include "util/alloc.h"
#include "util/text.h"

static char id[] = "aws", name[] = "Amazon", host[] =
            "email-smtp.{region}.amazonaws.com", region[] = "us-east-1",
            port[] = "465", tls[] = "implicit", auth[] = "plain", login[] =
            "the SMTP user", account[] = "account", mail[] = "mail", other[] =
            "Other mail", mail_host[] = "mail.b.example", domain[] =
            "b.example", cert[] = "it is its own";
static char *domains[] = { domain };
static struct provider providers[] = {
    { .id = id, .name = name, .host = host, .region = region, .port = port,
      .tls = tls, .auth = auth, .login = login },
    { .id = mail, .name = other, .host = mail_host, .user = account,
      .sender = account, .self_signed = cert,
      .domains = { .items = domains, .count = 1 } },
};

static const struct providers list = { .items = providers,
                                       .count = COUNT(providers) };

/* What options give, as words: the answers as they end, or the error. */
static const struct {
    const char *provider_id, *address, *host, *port, *tls, *region, *ca_file;
    const char *lines;          /* of a person; NULL: there is none */
    bool asks_all;
    const char *found;          /* host port tls auth user; or the error */
} cases[] = {
    /* Given. */
    { .host = "a.example", .found = "a.example - - - -" },
    { .host = "a.example", .port = "465", .found = "a.example 465 implicit "
      "- -" },
    { .host = "a.example", .port = "465", .tls = "starttls",
      .found = "a.example 465 starttls - -" },
    { .host = "a.example", .port = "587", .found = "a.example 587 - - -" },
    { .found = "--address is missing: Your mail address" },
    { .address = "ann@[192.0.2.1]", .found = "--host or --provider is missing: "
      "Smarthost, or a provider (? lists them)" },
    /* A provider's. */
    { .provider_id = "aws", .address = "ann@a.example",
      .found = "email-smtp.us-east-1.amazonaws.com 465 implicit plain -" },
    { .provider_id = "aws", .region = "eu-west-1", .found =
      "email-smtp.eu-west-1.amazonaws.com 465 implicit plain -" },
    { .provider_id = "aws", .address = "ann@a.example", .port = "2587",
      .found = "email-smtp.us-east-1.amazonaws.com 2587 - plain -" },
    { .provider_id = "AWS", .found =
      "email-smtp.us-east-1.amazonaws.com 465 implicit plain -" },
    { .provider_id = "azure",
      .found = "--provider azure: not known; see --list-providers" },
    { .provider_id = "mail", .address = "ann@a.example", .found =
      "--tls-ca-file or --tls-fingerprint is missing: The file of its "
      "certificate" },
    { .provider_id = "mail", .ca_file = "/c",
      .found = "--address is missing: Your mail address" },
    { .provider_id = "mail", .address = "ann@a.example", .ca_file = "/c",
      .found = "mail.b.example - - - account" },
    /* That of the address's domain, unless a person knows better. */
    { .address = "ann@B.example", .ca_file = "/c",
      .found = "mail.b.example - - - account" },
    { .address = "ann@b.example", .ca_file = "/c", .lines = "y\n",
      .found = "mail.b.example - - - account" },
    { .address = "ann@b.example", .host = "192.0.2.1", .lines = "",
      .found = "192.0.2.1 - - - -" },
    { .lines = "ann@[192.0.2.1]\n?\naws\neu-west-2\n", .found =
      "email-smtp.eu-west-2.amazonaws.com 465 implicit plain -" },
    { .lines = "ann@[192.0.2.1]\nnot a name\n192.0.2.9\n465\n",
      .asks_all = true, .found = "192.0.2.9 465 implicit - -" },
    { .lines = "ann@[192.0.2.1]\n192.0.2.9\n\n", .asks_all = true,
      .found = "192.0.2.9 587 - - -" },
};

static const char *shown(const char *answer)
{
    return answer != NULL ? answer : "-";
}

static char *run(size_t row)
{
    struct setup setup = {
        .provider_id = alloc_string(cases[row].provider_id),
        .address = alloc_string(cases[row].address),
        .host = alloc_string(cases[row].host),
        .port = alloc_string(cases[row].port),
        .tls = alloc_string(cases[row].tls),
        .region = alloc_string(cases[row].region),
        .ca_file = alloc_string(cases[row].ca_file),
        .has_person = cases[row].lines != NULL,
        .asks_all = cases[row].asks_all, .providers = list,
    };
    struct error err = { 0 };
    struct answered answered =
        answered_begin(cases[row].lines != NULL ? cases[row].lines : "");

    bool done = setup_find_smarthost(&setup, &err);
    free(answered_end(&answered));
    char *found = done ? alloc_format("%s %s %s %s %s", shown(setup.host),
                                      shown(setup.port), shown(setup.tls),
                                      shown(setup.auth), shown(setup.user))
                       : alloc_string(err.text);
    setup.providers = (struct providers){ 0 };
    setup_free(&setup);
    return found;
}

static void finds_what_no_option_gives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *found = run(i);
        if (strcmp(found, cases[i].found) != 0)
            fail_msg("row %zu:\n%s\n  is not\n%s", i, found, cases[i].found);
        free(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_no_option_gives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
