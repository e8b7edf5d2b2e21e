#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <getopt.h>
#include <string.h>

#include "postrider/setup.h"
#include "util/text.h"

#define WORDS_MAX 8

static bool parse(struct setup *setup, const char *const *words,
                  struct error *err)
{
    int count = 0;

    while (words[count] != NULL)
        count++;
    *setup = (struct setup){ 0 };
    *err = (struct error){ 0 };
    optind = 0;                     /* getopt_long begins again */
    return setup_parse(setup, count, (char **)(uintptr_t)words, err);
}

static void keeps_what_options_say(void **state)
{
    static const char *const words[] = {
        "setup", "--address=ann@example.com", "--port", "465", "--tls",
        "starttls", "--tls", "implicit", "--user", "", "--no-test", "--print",
        NULL };
    struct setup setup;
    struct error err;

    (void)state;
    if (!parse(&setup, words, &err))
        fail_msg("%s", err.text);
    assert_string_equal(setup.address, "ann@example.com");
    assert_string_equal(setup.port, "465");
    assert_string_equal(setup.tls, "implicit");
    assert_string_equal(setup.user, "");
    assert_true(setup.no_test);
    assert_true(setup.print);
    assert_false(setup.replace);
    assert_null(setup.host);
    setup_free(&setup);
}

static const struct {
    const char *words[WORDS_MAX];
    const char *text;               /* part of the error */
} mistakes[] = {
    { { "setup", "--nonsense" }, "bad option --nonsense; see postrider setup" },
    { { "setup", "-p" },         "bad option -p" },
    { { "setup", "--print=x" },  "bad option --print=x" },
    { { "setup", "--host" },     "--host needs an argument" },
    { { "setup", "gmail" },      "setup takes options only, not \"gmail\"" },
    { { "setup", "--print", "x" }, "setup takes options only" },
    { { "setup", "--output", "" }, "--output needs a file" },
    { { "setup", "--rewrite", "--no-rewrite" },
      "--rewrite and --no-rewrite exclude each other" },
    { { "setup", "--password-file", "-", "--password-command", "pass x" },
      "--password-file and --password-command exclude each other" },
    { { "setup", "--host", "a.example", "--provider", "gmail" },
      "--host and --provider exclude each other" },
};

static void mistakes_are_usage_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct setup setup;
        struct error err;
        if (parse(&setup, mistakes[i].words, &err))
            fail_msg("taken: %s", mistakes[i].text);
        assert_int_equal(err.fault, FAULT_USAGE);
        if (strstr(err.text, mistakes[i].text) == NULL)
            fail_msg("%s\n  is not: %s", err.text, mistakes[i].text);
        setup_free(&setup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_options_say),
        cmocka_unit_test(mistakes_are_usage_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
