#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../in_folder.h"
#include "server_fixture.h"

#include <stdio.h>

#define SETTINGS "hostname = web1.example.com\ndomain = example.com\n" \
                 "aliases = \"%s/aliases\"\n"

static const char aliases[] =
    "staff: ann@a.example, bob@b.example\n"
    "ann: ann@example.com\n"
    "nobody: /dev/null\n"
    "program: |/bin/true\n"
    "mixed: |/bin/true, eve@b.example\n"
    "wide: j\xc3\xb6rg@b.example\n";

static const struct {
    const char *argument;
    const char *vrfy, *expn;
} cases[] = {
    { "<joe@a.example>", "252 2.0.0 <joe@a.example>\r\n",
      "250 2.1.5 <joe@a.example>\r\n" },
    { "joe@a.example", "252 2.0.0 <joe@a.example>\r\n",
      "250 2.1.5 <joe@a.example>\r\n" },
    { "joe", "252 2.0.0 <joe@example.com>\r\n",
      "250 2.1.5 <joe@example.com>\r\n" },
    /* An alias for the name itself is no news. */
    { "ann", "252 2.0.0 <ann@example.com>\r\n",
      "250 2.1.5 <ann@example.com>\r\n" },
    { "Staff", "250-2.1.5 <ann@a.example>\r\n250 2.1.5 <bob@b.example>\r\n",
      "250-2.1.5 <ann@a.example>\r\n250 2.1.5 <bob@b.example>\r\n" },
    { "mixed", "250 2.1.5 <eve@b.example>\r\n",
      "250 2.1.5 <eve@b.example>\r\n" },
    { "nobody", "252 2.1.5 Its mail is discarded\r\n",
      "252 2.1.5 Its mail is discarded\r\n" },
    { "program", "451 4.3.5", "451 4.3.5" },
    { "wide", "252 2.6.8 The answer needs SMTPUTF8\r\n",
      "252 2.6.8 The answer needs SMTPUTF8\r\n" },
    { "wide SMTPUTF8", "250 2.1.5 <j\xc3\xb6rg@b.example>\r\n",
      "250 2.1.5 <j\xc3\xb6rg@b.example>\r\n" },
    { "", "501 5.5.4 Address required\r\n", "501 5.5.4 Address required\r\n" },
    { "ann bob", "501 5.5.4 Address required\r\n",
      "501 5.5.4 Address required\r\n" },
    { "<>", "5", "5" },
    { "<ann@>", "553 5.1.3", "553 5.1.3" },
};

static void names_are_answered_as_far_as_they_are_known(void **state)
{
    struct server_fixture fixture;
    char *here = getcwd(NULL, 0);
    char *settings = alloc_format(SETTINGS, here);
    FILE *file = fopen("aliases", "w");

    (void)state;
    assert_non_null(file);
    fputs(aliases, file);
    assert_int_equal(fclose(file), 0);
    server_fixture_open(&fixture, settings);
    for (size_t i = 0; i < COUNT(cases); i++) {
        server_fixture_assert(&fixture, server_take_vrfy, cases[i].argument,
                              cases[i].vrfy);
        server_fixture_assert(&fixture, server_take_expn, cases[i].argument,
                              cases[i].expn);
    }
    server_fixture_close(&fixture);
    free(settings);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(names_are_answered_as_far_as_they_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
