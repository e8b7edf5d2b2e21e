#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sysexits.h>

#include <getopt.h>

#include "../in_folder.h"
#include "imported.h"
#include "postrider/commands.h"

#define WORDS_MAX 6

/* A run of the command; both texts are the caller's. */
struct run {
    int status;
    char *out, *err;
};

static struct run run_import(const char *const *words)
{
    struct run run;
    int count = 0;

    while (words[count] != NULL)
        count++;
    optind = 0;                     /* getopt_long begins again */
    struct printed out = printed_begin(stdout);
    struct printed err = printed_begin(stderr);
    run.status = command_import(count, (char **)(uintptr_t)words);
    run.err = printed_end(&err);
    run.out = printed_end(&out);
    return run;
}

static void run_free(struct run *run)
{
    free(run->out);
    free(run->err);
}

#define SSMTP "mailhub=a.example\n"
#define MSMTP "account one\nhost a.example\n"
#define DMA "SMARTHOST a.example\n"
#define ESMTP "hostname = a.example\n"

/* Which format reads a file is seen by what it remarks. */
static const struct {
    const char *file, *text;
    const char *words[WORDS_MAX];
    const char *note;
} formats[] = {
    { "ssmtp.conf", SSMTP, { "import", "ssmtp.conf" }, "ssmtp made" },
    { "ssmtp.conf.old", SSMTP, { "import", "ssmtp.conf.old" }, "ssmtp made" },
    { ".msmtprc", MSMTP, { "import", ".msmtprc" }, "one is used" },
    { "dma/dma.conf", DMA, { "import", "dma/dma.conf" }, "dma put" },
    { "dma/dma.conf", DMA, { "import", "dma" }, "dma put" },
    { "dma/dma.conf", DMA, { "import", "dma//" }, "dma put" },
    { "folder/remotes", "a.example\n", { "import", "folder" },
      "folder/remotes:1: WARNING" },
    { "esmtprc", ESMTP, { "import", "esmtprc" }, "esmtprc: WARNING" },
    /* By a line, in the order of the table. */
    { "x", "# y\n MailHub=a.example\n", { "import", "x" }, "ssmtp made" },
    { "x", MSMTP, { "import", "x" }, "one is used" },
    { "x", "\nsmarthost a.example\n", { "import", "x" }, "dma put" },
    { "x", ESMTP, { "import", "x" }, "x: WARNING" },
    { "x", "account a\nhost b\nmailhub=a.example\n", { "import", "x" },
      "ssmtp made" },
    /* As it was named, whatever else is there. */
    { "dma.conf", SSMTP, { "import", "--from", "ssmtp", "dma.conf" },
      "ssmtp made" },
    { "two/ssmtp.conf", SSMTP, { "import", "two" }, "ssmtp made" },
    { "two/dma.conf", DMA, { "import", "--from=dma", "two" }, "dma put" },
};

static void recognises_the_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(formats); i++) {
        imported_write(formats[i].file, formats[i].text);
        struct run run = run_import(formats[i].words);
        if (run.status != EX_OK || strstr(run.err, formats[i].note) == NULL)
            fail_msg("row %zu: %d\n%s", i, run.status, run.err);
        assert_non_null(strstr(run.out, "host = \"a.example\"\n"));
        run_free(&run);
    }
}

static const struct {
    const char *words[WORDS_MAX];
    int status;
    const char *err;
} mistakes[] = {
    { { "import" }, EX_USAGE, "usage: postrider import [--from "
                              "ssmtp|msmtp|dma|nullmailer|esmtp] " },
    { { "import", "a", "b" }, EX_USAGE, "usage: postrider import" },
    { { "import", "--nonsense", "a" }, EX_USAGE, "usage: postrider import" },
    { { "import", "--replace", "ssmtp.conf" }, EX_USAGE,
      "usage: postrider import" },
    { { "import", "--queue", "--write" }, EX_USAGE,
      "usage: postrider import" },
    { { "import", "--queue", "--output", "x" }, EX_USAGE,
      "usage: postrider import" },
    { { "import", "--queue", "a", "b" }, EX_USAGE, "usage: postrider import" },
    { { "import", "--from", "qmail", "a" }, EX_USAGE,
      "no format \"qmail\": known are ssmtp, msmtp, dma, nullmailer and "
      "esmtp" },
    { { "import", "nowhere" }, EX_CONFIG, "nowhere: No such file" },
    { { "import", "empty" }, EX_CONFIG, "empty: does not look like ssmtp, "
      "msmtp, dma, nullmailer or esmtp; name the format with --from" },
    { { "import", "folder" }, EX_CONFIG,
      "folder: holds no file of ssmtp, msmtp, dma, nullmailer or esmtp; name "
      "the file" },
};

static void mistakes_are_explained(void **state)
{
    (void)state;
    imported_write("ssmtp.conf", SSMTP);
    imported_write("empty", "# nothing\n");
    imported_write("folder/x", SSMTP);
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct run run = run_import(mistakes[i].words);
        if (run.status != mistakes[i].status ||
            strstr(run.err, mistakes[i].err) == NULL)
            fail_msg("row %zu: %d\n%s", i, run.status, run.err);
        assert_string_equal(run.out, "");
        run_free(&run);
    }
}

/* Nothing is written that would lose mail, and nothing that is there. */
static void writes_what_is_whole(void **state)
{
    static const char *const words[] = { "import", "--write", "--output",
                                         "out/postrider.conf", "x", NULL };
    static const char obstacle[] = "account a\nhost a.example\nsocket /s\n"
                                   "auth on\n";

    (void)state;
    imported_write("x", obstacle);
    struct run run = run_import(words);
    assert_int_equal(run.status, EX_CONFIG);
    assert_non_null(strstr(run.err, "not written: mail would not leave as "
                           "before, because of x:3 (socket), x:4 (auth); see "
                           "the lines above"));
    assert_int_equal(access("out", F_OK), -1);
    run_free(&run);

    run = run_import((const char *[]){ "import", "x", NULL });
    assert_int_equal(run.status, EX_CONFIG);
    assert_non_null(strstr(run.out, "host = \"a.example\"\n"));
    assert_non_null(strstr(run.err, "not complete: mail would not"));
    run_free(&run);

    imported_write("x", MSMTP);
    run = run_import(words);
    assert_int_equal(run.status, EX_OK);
    assert_int_equal(access("out/postrider.conf", F_OK), 0);
    assert_non_null(strstr(run.out, "postrider test"));
    run_free(&run);
    run = run_import(words);
    assert_int_equal(run.status, EX_CANTCREAT);
    run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(recognises_the_format),
        IN_FOLDER(mistakes_are_explained),
        IN_FOLDER(writes_what_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
