#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postrider/providers.h"
#include "util/text.h"

static bool load(struct providers *providers, const char *text,
                 struct error *err)
{
    char path[] = "/tmp/providers_test.XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    *err = (struct error){ 0 };
    bool done = providers_load(providers, path, err);
    unlink(path);
    return done;
}

static void reads_stanzas(void **state)
{
    static const char text[] =
        "# how it is made\n"
        "\n"
        "id: gmail\n"
        "name: Gmail: the usual one  \n"
        "domains: gmail.com  googlemail.com\n"
        "host: smtp.gmail.com\r\n"
        "# a comment is no end\n"
        "sender: account\n"
        "note: one\n"
        "note: two\n"
        "\n\n"
        "id: tokens\n"
        "short: t\n"
        "name: Tokens\n"
        "host: smtp.example.net\n"
        "auth: xoauth2\n"
        "connections: 3";
    struct providers providers;
    struct error err;

    (void)state;
    if (!load(&providers, text, &err))
        fail_msg("%s", err.text);
    assert_int_equal(providers.count, 2);
    const struct provider *gmail = providers_find(&providers, "GMail");
    assert_non_null(gmail);
    assert_string_equal(gmail->name, "Gmail: the usual one");
    assert_string_equal(gmail->host, "smtp.gmail.com");
    assert_null(gmail->port);
    assert_null(gmail->connections);
    assert_string_equal(providers.items[1].connections, "3");
    assert_int_equal(gmail->notes.count, 2);
    assert_string_equal(gmail->notes.items[1], "two");
    assert_ptr_equal(providers_of_domain(&providers, "Googlemail.COM"), gmail);
    assert_null(providers_of_domain(&providers, "mail.com"));
    assert_null(providers_find(&providers, "mail"));
    assert_ptr_equal(providers_find(&providers, "T"), &providers.items[1]);
    assert_true(provider_wants_sender(gmail));
    assert_false(provider_wants_token(gmail));
    assert_true(provider_wants_token(&providers.items[1]));
    assert_false(provider_wants_sender(&providers.items[1]));
    providers_free(&providers);
}

static void names_the_line_that_is_wrong(void **state)
{
    static const struct {
        const char *text, *end;
    } cases[] = {
        { "id: a\nname: A\nhots: b\n", ":3: unknown key" },
        { "id: a\nname A\n", ":2: must be \"key: value\"" },
        { "id: a\nname:A\n", ":2: must be \"key: value\"" },
        { "id: a\nname: A\x1b[0m\n", ":2: must be \"key: value\"" },
        { "id: a\nname: A\n\nid: b\n",
          ":3: the provider before has no id, name or host" },
        { "id: a\nid: b\n", ":2: this key was set before" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct providers providers;
        struct error err;
        assert_false(load(&providers, cases[i].text, &err));
        assert_int_equal(err.fault, FAULT_CONFIG);
        assert_int_equal(providers.count, 0);
        if (strstr(err.text, cases[i].end) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_stanzas),
        cmocka_unit_test(names_the_line_that_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
