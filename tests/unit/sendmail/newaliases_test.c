#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "sendmail/commands.h"
#include "util/alloc.h"
#include "util/text.h"

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const struct {
    const char *aliases;        /* NULL: none are configured */
    bool good;                  /* the daemon is asked to read them */
    const char *out;            /* its end */
    const char *printed;        /* problems but for the last one */
    const char *last;
} cases[] = {
    { NULL, true, "no aliases file is configured\n", "", "" },
    { "", true, "/aliases: 0 aliases\n", "", "" },
    { "root: ann@b.example\nbob: root\n", true, "/aliases: 2 aliases\n", "",
      "" },
    { "root: ann@b.example\nwrong\n", false, "", "", "/aliases:2: not an "
      "alias" },
    { "wrong\nodd: |/bin/true\nalso wrong\n", false, "", "/aliases:1: not an "
      "alias", "Postrider runs no programs" },
};

static bool check(bool configured, char **out, char **printed,
                  struct error *err)
{
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("log = none\ncontrol = \"%s/control\"\n"
                              "aliases = \"%s%s\"\n", here,
                              configured ? here : "",
                              configured ? "/aliases" : "");

    unlink("postrider.conf");
    write_file("postrider.conf", text);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
    struct printed errors = printed_begin(stderr);
    struct printed output = printed_begin(stdout);
    bool good = command_aliases(NULL, err);
    *out = printed_end(&output);
    *printed = printed_end(&errors);
    unsetenv("POSTRIDER_CONFIG");
    free(text);
    free(here);
    return good;
}

static void the_file_is_checked_and_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct exchange exchanges[] = {
            { cases[i].good ? "reload" : NULL, "" }, { NULL, NULL },
        };
        struct error err = { 0 };
        char *out, *printed;
        if (cases[i].aliases != NULL)
            write_file("aliases", cases[i].aliases);
        struct fake_daemon fake = fake_daemon_start("control", exchanges);
        bool good = check(cases[i].aliases != NULL, &out, &printed, &err);
        assert_true(fake_daemon_end(&fake));
        if (good != cases[i].good || strstr(out, cases[i].out) == NULL ||
            strstr(printed, cases[i].printed) == NULL ||
            strstr(err.text, cases[i].last) == NULL)
            fail_msg("row %zu: %s%s%s", i, out, printed, err.text);
        if (*cases[i].printed == '\0')
            assert_string_equal(printed, "");
        free(out);
        free(printed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_file_is_checked_and_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
