#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../in_folder.h"
#include "../printed.h"
#include "oauth/commands.h"
#include "util/text.h"

#define WORDS_MAX 5
#define DEVICE "device_url = \"https://127.0.0.1:1/device\"\n"
#define PASTE "authorize_url = \"https://login.example/authorize\"\n"
#define TOKEN "token_url = \"https://127.0.0.1:1/token\"\n"
#define GOOGLE "token_url = \"https://oauth2.googleapis.com/token\"\n"

static void configure(const char *section)
{
    char *folder = realpath(".", NULL);
    FILE *file = fopen("postrider.conf", "w");

    assert_non_null(file);
    fprintf(file, "hostname = web1.example.com\ndomain = example.com\n"
            "delivery = direct\nsandbox = no\n"
            "smarthost \"main\" {\nhost = mx.example.com\nuser = a\n"
            "oauth = m365\n}\n"
            "oauth \"m365\" {\nclient_id = id\nscope = mail\n"
            "state = \"%s/tokens\"\n%s}\n", folder, section);
    assert_int_equal(fclose(file), 0);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
    free(folder);
}

enum way { NONE, DEVICE_CODE, PASTED };

/* Nobody listens for the one, and nothing is pasted for the other. */
static enum way way_of(const char *out, const struct error *err)
{
    if (strstr(out, "https://login.example/authorize?") != NULL)
        return PASTED;
    return strstr(err->text, "127.0.0.1") != NULL ? DEVICE_CODE : NONE;
}

static const struct {
    const char *section;
    const char *words[WORDS_MAX];
    enum way way;
    const char *err;            /* its beginning, if there is no way */
} logins[] = {
    { TOKEN DEVICE, { "login", "m365" }, DEVICE_CODE, NULL },
    { TOKEN PASTE, { "login", "m365" }, PASTED, NULL },
    { TOKEN DEVICE PASTE, { "login", "m365" }, DEVICE_CODE, NULL },
    { TOKEN DEVICE PASTE, { "login", "m365", "--paste" }, PASTED, NULL },
    { TOKEN DEVICE PASTE, { "login", "--device", "m365" }, DEVICE_CODE, NULL },
    { GOOGLE DEVICE PASTE, { "login", "m365" }, PASTED, NULL },
    { GOOGLE DEVICE PASTE, { "login", "--device", "m365" }, DEVICE_CODE, NULL },
    { GOOGLE DEVICE, { "login", "m365" }, DEVICE_CODE, NULL },
    { TOKEN PASTE, { "login", "--device", "m365" }, NONE,
      "oauth \"m365\": device_url is missing" },
    { TOKEN DEVICE, { "login", "--paste", "m365" }, NONE,
      "oauth \"m365\": authorize_url is missing" },
    { TOKEN PASTE, { "login" }, NONE, "usage: postrider-oauth login NAME" },
    { TOKEN PASTE, { "login", "m365", "other" }, NONE, "usage: " },
    { TOKEN PASTE, { "login", "--device", "--paste", "m365" }, NONE,
      "usage: " },
    { TOKEN PASTE, { "login", "--other", "m365" }, NONE, "usage: " },
};

static void options_and_urls_choose_the_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(logins); i++) {
        char *argv[WORDS_MAX + 1] = { NULL };
        struct error err = { 0 };
        int argc = 0;
        for (; logins[i].words[argc] != NULL; argc++)
            argv[argc] = alloc_string(logins[i].words[argc]);
        configure(logins[i].section);
        optind = 0;             /* getopt() begins again */
        assert_non_null(freopen("/dev/null", "r", stdin));
        struct printed remarks = printed_begin(stderr);
        struct printed printed = printed_begin(stdout);
        bool done = command_login(argc, argv, &err);
        char *out = printed_end(&printed);
        free(printed_end(&remarks));
        if (done || way_of(out, &err) != logins[i].way ||
            (logins[i].err != NULL && !text_starts(err.text, logins[i].err)))
            fail_msg("row %zu: %d %s%s", i, done, out, err.text);
        free(out);
        while (argc > 0)
            free(argv[--argc]);
        unsetenv("POSTRIDER_CONFIG");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(options_and_urls_choose_the_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
