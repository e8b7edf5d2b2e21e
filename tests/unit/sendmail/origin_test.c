#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "../configured.h"
#include "config/config.h"
#include "mail/header.h"
#include "sendmail/origin.h"
#include "sendmail/submit.h"
#include "util/buf.h"
#include "util/process.h"
#include "util/text.h"

static char login[] = "ann", full_name[] = "Ann Example";
static const struct account ann = { .login = login, .full_name = full_name };

static const char rules[] =
    "smarthost \"main\" { host = mx.example }\n"
    "sender \"shop@example.com\" { address = \"sales@c.example\" }\n"
    "sender \"@d.example\" { name = \"The Team\" }\n";
static const char all[] = "smarthost \"main\" { host = mx.example }\n"
                          "sender \"*\" { address = \"relay@c.example\" }\n";

#define FROM "From: Bob <bob@b.example>\r\n"

/* The user is ann, of example.com. */
static const struct {
    const char *name;
    const char *given;          /* -f; NULL: none */
    const char *header;
    const char *rules;
    const char *reverse_path;
    const char *author;         /* NULL: the header section has one */
    const char *full_name;
    bool is_local;
} cases[] = {
    { "the user", NULL, "", "", "ann@example.com", "ann@example.com",
      "Ann Example", true },
    { "with From", NULL, FROM, "", "ann@example.com", NULL, NULL, true },
    { "-f", "x@y.example", "", "", "x@y.example", "x@y.example", NULL, false },
    { "-f, in brackets", "<x@y.example>", FROM, "", "x@y.example", NULL, NULL,
      false },
    { "-f, local", "cron", "", "", "cron@example.com", "cron@example.com",
      NULL, true },
    /* A report is from the user, to whom it says so. */
    { "null", "", "", "", "", "ann@example.com", "Ann Example", false },
    { "null, in brackets", "<>", FROM, "", "", NULL, NULL, false },
    { "a section for another", NULL, "", rules, "ann@example.com",
      "ann@example.com", "Ann Example", true },
    { "a section for -f", "shop@example.com", "", rules, "sales@c.example",
      "sales@c.example", NULL, false },
    { "a section for From", NULL, "From: shop@example.com\r\n", rules,
      "sales@c.example", NULL, NULL, false },
    { "a section without an address", "x@d.example", "", rules, "x@d.example",
      "x@d.example", NULL, false },
    { "a section for all", NULL, "", all, "relay@c.example",
      "relay@c.example", NULL, false },
    { "null stays null", "", FROM, all, "", NULL, NULL, false },
};

static void assert_same(const char *name, const char *text,
                        const char *expected)
{
    if ((text == NULL) != (expected == NULL) ||
        (text != NULL && strcmp(text, expected) != 0))
        fail_msg("%s: %s, not %s", name, text != NULL ? text : "none",
                 expected != NULL ? expected : "none");
}

static struct config *config_of(const char *sections)
{
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "hostname = web1.example.com\n"
                   "domain = example.com\n%s", sections);
    struct config *config = configured(text.data);

    buf_free(&text);
    return config;
}

static void finds_whom_mail_is_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *name = cases[i].name;
        struct config *config = config_of(cases[i].rules);
        struct submission submission = { .account = &ann,
                                         .reverse_path = cases[i].given };
        struct header header = { 0 };
        struct origin origin;
        struct error err;
        if (*cases[i].header != '\0')
            header_append_raw(&header, cases[i].header,
                              strlen(cases[i].header));
        if (!origin_find(&origin, &submission, config, &header, &err))
            fail_msg("%s: %s", name, err.text);
        assert_same(name, origin.reverse_path, cases[i].reverse_path);
        assert_same(name, origin.author, cases[i].author);
        assert_same(name, origin.full_name, cases[i].full_name);
        if (origin.is_local != cases[i].is_local)
            fail_msg("%s: local", name);
        origin_free(&origin);
        header_free(&header);
        config_free(config);
    }
}

/* -F, then $NAME, then the passwd entry; $NAME goes with -f, too. */
static void finds_the_full_name(void **state)
{
    static const struct {
        const char *given, *own, *reverse_path, *expected;
    } names[] = {
        { "Given", "Own", NULL, "Given" },
        { NULL, "Own", NULL, "Own" },
        { NULL, "", NULL, "Ann Example" },
        { NULL, NULL, NULL, "Ann Example" },
        { "", "Own", NULL, NULL },
        { NULL, "Own", "x@y.example", "Own" },
        { NULL, NULL, "x@y.example", NULL },
    };
    struct config *config = config_of("");
    const struct header header = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct submission submission = {
            .account = &ann, .full_name = names[i].given,
            .own_name = names[i].own, .reverse_path = names[i].reverse_path };
        struct origin origin;
        struct error err;
        assert_true(origin_find(&origin, &submission, config, &header,
                                &err));
        assert_same("full name", origin.full_name, names[i].expected);
        origin_free(&origin);
    }
    config_free(config);
}

static void a_user_without_a_name_is_a_number(void **state)
{
    static const struct account nameless = { 0 };
    const struct submission submission = { .uid = 4711,
                                           .account = &nameless };
    const struct header header = { 0 };
    struct config *config = config_of("");
    struct origin origin;
    struct error err;

    (void)state;
    assert_true(origin_find(&origin, &submission, config, &header,
                            &err));
    assert_string_equal(origin.reverse_path, "4711@example.com");
    assert_null(origin.full_name);
    origin_free(&origin);
    config_free(config);
}

static void refuses_what_is_not_an_address(void **state)
{
    static const char *const bad[] = { "@", "a b@c.example", "a\nb",
                                       "a@b.example, c@d.example" };
    const struct header header = { 0 };
    struct config *config = config_of("");

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        const struct submission submission = { .account = &ann,
                                               .reverse_path = bad[i] };
        struct origin origin;
        struct error err = { 0 };
        if (origin_find(&origin, &submission, config, &header, &err))
            fail_msg("%s: %s", bad[i], origin.reverse_path);
        assert_int_equal(err.fault, FAULT_DATA);
        assert_true(text_starts(err.text, "-f"));
        origin_free(&origin);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_whom_mail_is_from),
        cmocka_unit_test(finds_the_full_name),
        cmocka_unit_test(a_user_without_a_name_is_a_number),
        cmocka_unit_test(refuses_what_is_not_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
