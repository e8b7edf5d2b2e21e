#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../configured.h"
#include "config/config.h"
#include "sendmail/route.h"
#include "sendmail/smtp_server.h"
#include "util/alloc.h"
#include "util/text.h"

static const char settings[] = "hostname = web1.example.com\n"
                               "domain = example.com\n"
                               "aliases = \"\"\n"
                               "message_size_limit = 1000\n";

static int set_up(void **state)
{
    struct server *server = alloc_zero(1, sizeof *server);

    server->config = configured(settings);
    server->route = route_new(server->config, false);
    server->chunks = SCRATCH_NONE;
    buf_init(&server->out, SIZE_MAX);
    *state = server;
    return 0;
}

static int tear_down(void **state)
{
    struct server *server = *state;

    server_reset(server);
    route_free(server->route);
    config_free(server->config);
    buf_free(&server->out);
    free(server);
    return 0;
}

/* What is replied to a command, up to the text that is compared. */
static void assert_reply(struct server *server,
                         void (*take)(struct server *server, char *argument),
                         const char *argument, const char *reply)
{
    char *copy = alloc_string(argument);

    buf_clear(&server->out);
    take(server, copy);
    if (!text_starts(server->out.data, reply))
        fail_msg("%s: %s", argument, server->out.data);
    free(copy);
}

#define MAIL(argument, reply) \
    assert_reply(server, server_take_mail, argument, reply)
#define RCPT(argument, reply) \
    assert_reply(server, server_take_rcpt, argument, reply)
#define FROM "FROM:<a@b.example>"
#define TO "TO:<c@d.example>"

static const struct {
    const char *argument;
    const char *reply;
} mail_cases[] = {
    { FROM,                             "250 2.1.0" },
    { "from: <a@b.example>",            "250 2.1.0" },
    { "FROM:<>",                        "250 2.1.0" },
    { "FROM:<root>",                    "250 2.1.0" },
    { "",                               "501 5.5.4 Syntax: MAIL FROM" },
    { "<a@b.example>",                  "501 5.5.4 Syntax: MAIL FROM" },
    { "TO:<a@b.example>",               "501 5.5.4 Syntax: MAIL FROM" },
    { "FROM:<a@b.example",              "501 5.5.4 Syntax: MAIL FROM" },
    { "FROM:<a@>",                      "553 5.1.3" },
    { "FROM:<a@b..example>",            "553 5.1.3" },
    { FROM " SIZE=1000",                "250" },
    { FROM " size=0",                   "250" },
    { FROM " SIZE=1001",                "552 5.3.4" },
    { FROM " SIZE=99999999999999999999999", "501 5.5.4 Bad SIZE" },
    { FROM " SIZE=",                    "501 5.5.4 Bad SIZE" },
    { FROM " SIZE",                     "501 5.5.4 Bad SIZE" },
    { FROM " SIZE=-1",                  "501 5.5.4 Bad SIZE" },
    { FROM " BODY=7BIT",                "250" },
    { FROM " body=8bitmime",            "250" },
    { FROM " BODY=BINARYMIME",          "504 5.5.4 BINARYMIME" },
    { FROM " BODY=x",                   "501 5.5.4 Bad BODY" },
    { FROM " SMTPUTF8",                 "250" },
    { FROM " SMTPUTF8=yes",             "501 5.5.4 SMTPUTF8" },
    { FROM " RET=HDRS ENVID=a+2Bb",     "250" },
    { FROM " RET=NONE",                 "501 5.5.4 Bad RET" },
    { FROM " ENVID=a+zz",               "501 5.5.4 Bad ENVID" },
    { FROM " AUTH=<>",                  "250" },
    { FROM " X=1",                      "555 5.5.4" },
    { FROM " NOTIFY=NEVER",             "555 5.5.4" },
    { FROM " SIZE=1 size=1",            "501 5.5.4 Duplicate" },
    { FROM " ENVID=a ENVID=b",          "501 5.5.4 Duplicate" },
    { FROM " SIZE=1 X=1 BODY=x",        "555 5.5.4" },  /* the first counts */
};

static void begins_a_transaction(void **state)
{
    struct server *server = *state;

    for (size_t i = 0; i < COUNT(mail_cases); i++) {
        MAIL(mail_cases[i].argument, mail_cases[i].reply);
        bool begun = server->reverse_path != NULL;
        if (begun != (mail_cases[i].reply[0] == '2'))
            fail_msg("%s: begun", mail_cases[i].argument);
        if (!begun && (server->envelope_id != NULL || server->utf8 ||
                       server->dsn_return != RETURN_UNSPECIFIED))
            fail_msg("%s: something is left", mail_cases[i].argument);
        server_reset(server);
    }
}

static void keeps_what_mail_says(void **state)
{
    struct server *server = *state;

    MAIL(FROM " RET=FULL ENVID=id+20one SMTPUTF8", "250");
    assert_string_equal(server->reverse_path, "a@b.example");
    assert_string_equal(server->envelope_id, "id+20one");
    assert_int_equal(server->dsn_return, RETURN_FULL);
    assert_true(server->utf8);
    MAIL(FROM, "503 5.5.1 Nested MAIL command");
    assert_string_equal(server->envelope_id, "id+20one");
}

static const struct {
    const char *argument;
    const char *reply;
    unsigned notify;
    const char *original;           /* NULL: none */
} rcpt_cases[] = {
    { TO,                       "250 2.1.5", 0, NULL },
    { "to:<root>",              "250 2.1.5", 0, NULL },
    { TO " NOTIFY=NEVER",       "250", NOTIFY_NEVER, NULL },
    { TO " notify=failure,DELAY", "250", NOTIFY_FAILURE | NOTIFY_DELAY, NULL },
    { TO " ORCPT=rfc822;x+2By@z", "250", 0, "rfc822;x+2By@z" },
    { TO " NOTIFY=NEVER,DELAY", "501 5.5.4 Bad NOTIFY", 0, NULL },
    { TO " NOTIFY=",            "501 5.5.4 Bad NOTIFY", 0, NULL },
    { TO " ORCPT=x@z",          "501 5.5.4 Bad ORCPT", 0, NULL },
    { TO " SIZE=1",             "555 5.5.4", 0, NULL },
    { TO " ORCPT=rfc822;x ORCPT=rfc822;y", "501 5.5.4 Duplicate parameter", 0, NULL },
    { "FROM:<c@d.example>",     "501 5.5.4 Syntax: RCPT TO", 0, NULL },
    { "TO:<>",                  "553 5.1.3", 0, NULL },
    { "TO:<c@>",                "553 5.1.3", 0, NULL },
};

static void takes_recipients(void **state)
{
    struct server *server = *state;

    for (size_t i = 0; i < COUNT(rcpt_cases); i++) {
        MAIL(FROM, "250");
        RCPT(rcpt_cases[i].argument, rcpt_cases[i].reply);
        bool taken = rcpt_cases[i].reply[0] == '2';
        assert_int_equal(server->count, taken);
        assert_null(server->offered.original);
        if (taken) {
            const struct submit_recipient *rcpt = &server->recipients[0];
            assert_int_equal(rcpt->notify, rcpt_cases[i].notify);
            if (rcpt_cases[i].original == NULL)
                assert_null(rcpt->original);
            else
                assert_string_equal(rcpt->original, rcpt_cases[i].original);
        }
        server_reset(server);
    }
}

static void a_refused_recipient_costs_the_others_nothing(void **state)
{
    struct server *server = *state;

    RCPT(TO, "503 5.5.1 Need MAIL command");
    MAIL(FROM, "250");
    RCPT(TO, "250");
    assert_false(server->was_refused);
    RCPT("TO:<c@> NOTIFY=NEVER ORCPT=rfc822;x", "553");
    RCPT("TO:<e@f.example>", "250");
    assert_true(server->was_refused);
    assert_int_equal(server->count, 2);
    assert_string_equal(server->recipients[0].address, "c@d.example");
    assert_string_equal(server->recipients[1].address, "e@f.example");
    assert_int_equal(server->recipients[1].notify, 0);
    assert_null(server->recipients[1].original);
}

static const struct {
    const char *argument;
    const char *reply;
    const char *address, *flaw;
} flaw_cases[] = {
    { "a+20b not+20an+20address", "250 2.1.5", "a b", "not an address" },
    { "+C3+B6+2B x",    "250 2.1.5", "\xc3\xb6+", "x" },
    { "",               "501 5.5.4 Syntax: XFLAW", NULL, NULL },
    { "a",              "501 5.5.4 Syntax: XFLAW", NULL, NULL },
    { "a b c",          "501 5.5.4 Syntax: XFLAW", NULL, NULL },
    { "a+ b",           "501 5.5.4 Syntax: XFLAW", NULL, NULL },
    { "a b+00",         "501 5.5.4 Syntax: XFLAW", NULL, NULL },
};

static void takes_recipients_that_are_invalid(void **state)
{
    struct server *server = *state;

    assert_reply(server, server_take_flaw, "a b", "503 5.5.1 Need MAIL");
    for (size_t i = 0; i < COUNT(flaw_cases); i++) {
        MAIL(FROM, "250");
        assert_reply(server, server_take_flaw, flaw_cases[i].argument,
                     flaw_cases[i].reply);
        assert_int_equal(server->count, flaw_cases[i].address != NULL);
        if (server->count == 1) {
            assert_string_equal(server->recipients[0].address,
                                flaw_cases[i].address);
            assert_string_equal(server->recipients[0].flaw,
                                flaw_cases[i].flaw);
        }
        server_reset(server);
    }
}

/* A process that has shut itself in cannot read them again. */
static void ends_where_the_aliases_have_changed(void **state)
{
    struct server *server = *state;
    char path[] = "/tmp/unit_test.XXXXXX";
    int fd = mkstemp(path);
    char *text = alloc_format("hostname = web1.example.com\n"
                              "aliases = \"%s\"\n", path);

    route_free(server->route);
    config_free(server->config);
    server->config = configured(text);
    server->route = route_new(server->config, false);
    route_seal(server->route);
    server->is_confined = true;
    MAIL(FROM, "250");
    server_reset(server);
    assert_int_equal(write(fd, "root: eve\n", 10), 10);
    MAIL(FROM, "421 4.3.2");
    assert_null(server->reverse_path);
    assert_true(server->done);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    free(text);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begins_a_transaction),
        TEST(keeps_what_mail_says),
        TEST(takes_recipients),
        TEST(a_refused_recipient_costs_the_others_nothing),
        TEST(takes_recipients_that_are_invalid),
        TEST(ends_where_the_aliases_have_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
