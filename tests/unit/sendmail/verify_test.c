#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../in_folder.h"
#include "../printed.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "util/alloc.h"
#include "util/text.h"

#define WORDS_MAX 4
#define MAILER "... deliverable: mailer smtp, host [a.example], user "

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void write_config(const char *more)
{
    char *here = getcwd(NULL, 0);
    char *text = alloc_format("hostname = web1.example.com\n"
                              "domain = example.com\nlog = none\n"
                              "aliases = \"%s/aliases\"\n%s", here, more);

    unlink("postrider.conf");
    write_file("postrider.conf", text);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
    free(text);
    free(here);
}

struct verified {
    bool good;
    struct error err;
    char *out, *remarks;
};

static struct verified verify(const char *const *words)
{
    const struct options opt = {
        .message.recipients = (char *const *)(uintptr_t)words };
    struct verified verified = { .good = false };
    struct printed remarks = printed_begin(stderr);
    struct printed out = printed_begin(stdout);

    verified.good = command_verify(&opt, &verified.err);
    verified.out = printed_end(&out);
    verified.remarks = printed_end(&remarks);
    return verified;
}

static void verified_free(struct verified *verified)
{
    free(verified->out);
    free(verified->remarks);
    unsetenv("POSTRIDER_CONFIG");
}

static const struct {
    const char *words[WORDS_MAX];
    bool good;
    const char *out;
} cases[] = {
    { { "ann@b.example" }, true, "ann@b.example" MAILER "ann@b.example\n" },
    { { "ann" }, true, "ann" MAILER "ann@example.com\n" },
    { { "staff" }, true, "staff" MAILER "x@b.example\nstaff" MAILER
      "y@b.example\n" },
    { { "a@b.example, Bob <b@b.example>", "c@b.example" }, true,
      "a@b.example" MAILER "a@b.example\nb@b.example" MAILER "b@b.example\n"
      "c@b.example" MAILER "c@b.example\n" },
    { { "nobody" }, true, "nobody... deliverable: its mail is discarded\n" },
    { { "program", "ann@b.example" }, false, "program... undeliverable: " },
    { { "mixed" }, false, "mixed... undeliverable: " },
    { { "ann@" }, false, "" },
};

static void shows_what_becomes_of_each_address(void **state)
{
    (void)state;
    write_file("aliases", "staff: x@b.example, y@b.example\n"
               "nobody: /dev/null\nprogram: |/bin/true\n"
               "mixed: x@b.example, |/bin/true\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_config("smarthost \"main\" {\nhost = \"a.example\"\n}\n");
        struct verified verified = verify(cases[i].words);
        if (verified.good != cases[i].good ||
            !text_starts(verified.out, cases[i].out))
            fail_msg("row %zu: %d %s", i, verified.good, verified.out);
        if (!verified.good)
            assert_int_equal(verified.err.fault, FAULT_RECIPIENT);
        else
            assert_string_equal(verified.out, cases[i].out);
        assert_string_equal(verified.remarks, "");
        verified_free(&verified);
    }
}

/* Not on standard output, which scripts read. */
static void remarks_where_reports_go(void **state)
{
    static const char *const words[] = { "ann", "bob", "ann@example.com",
                                         NULL };

    (void)state;
    write_file("aliases", "");
    write_config("smarthost \"main\" {\nhost = \"a.example\"\n}\n"
                 "sender \"ann\" {\naddress = \"web1@c.example\"\n}\n");
    struct verified verified = verify(words);
    assert_true(verified.good);
    assert_string_equal(verified.remarks, "ann... reports about its mail go to "
                                          "web1@c.example\n");
    assert_null(strstr(verified.out, "reports"));
    verified_free(&verified);
}

static void needs_addresses_and_a_smarthost(void **state)
{
    static const char *const none[] = { NULL }, *const one[] = { "ann", NULL };

    (void)state;
    write_file("aliases", "");
    write_config("");
    struct verified verified = verify(none);
    assert_false(verified.good);
    assert_int_equal(verified.err.fault, FAULT_USAGE);
    free(verified.out);
    free(verified.remarks);
    verified = verify(one);
    assert_false(verified.good);
    assert_int_equal(verified.err.fault, FAULT_CONFIG);
    assert_string_equal(verified.err.text, "no smarthost is configured");
    verified_free(&verified);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(shows_what_becomes_of_each_address),
        IN_FOLDER(remarks_where_reports_go),
        IN_FOLDER(needs_addresses_and_a_smarthost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
