#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "../configured.h"
#include "config/config.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/process.h"
#include "util/text.h"

static const char settings[] = "hostname = web1.example.com\n"
                               "domain = example.com\n"
                               "aliases = \"\"\n"
                               "message_size_limit = 4000\n";

static char login[] = "ann";
static const struct account ann = { .login = login };

#define TO "To: bob@b.example\r\n"
#define NAMES_MAX 4

static const struct {
    const char *name;
    const char *message;
    const char *recipients[NAMES_MAX];
    bool extract, dots, gateway;
    unsigned hops;
    enum fault fault;           /* FAULT_NONE: a draft */
    /* Parts of the draft, or of the error; "!" in front: not in there. */
    const char *parts[NAMES_MAX];
} cases[] = {
    { .name = "recipients of the command line", .message = TO "\nhello\n",
      .recipients = { "carol@c.example" },
      .parts = { "\nto - - carol@c.example\n", "!\nto - - bob",
                 "\r\n\r\nhello\r\n" } },
    { .name = "recipients of the header section", .extract = true,
      .message = TO "Bcc: eve@e.example\n\nhello\n",
      .parts = { " bob@b.example\n", " eve@e.example\n", "!Bcc:" } },
    { .name = "both", .extract = true, .message = TO "\nhello\n",
      .recipients = { "carol@c.example" },
      .parts = { " bob@b.example\n", " carol@c.example\n" } },
    { .name = "a local name", .message = "\nhello\n", .recipients = { "root" },
      .parts = { " root@example.com\n",
                 "\nfrom ann@example.com\nfrom ann@example.com\n" } },
    { .name = "the same twice", .message = "\nhello\n",
      .recipients = { "bob@b.example", "bob@b.example, bob@b.example" },
      .parts = { " bob@b.example\n",
                 "! bob@b.example\nto - - bob@b.example\n" } },
    { .name = "one cannot be one", .message = "\nhello\n",
      .recipients = { "bob@b.example", "c@" },
      .parts = { " bob@b.example\n", "\nopt-flaw " } },
    { .name = "a lone dot", .message = "\nhello\n.\nrest\n", .dots = true,
      .recipients = { "bob@b.example" }, .parts = { "hello\r\n", "!rest" } },
    { .name = "a lone dot, with -i", .message = "\nhello\n.\nrest\n",
      .recipients = { "bob@b.example" },
      .parts = { "hello\r\n.\r\nrest\r\n" } },
    { .name = "what is missing", .message = "Subject: x\n\nhello\n",
      .recipients = { "bob@b.example" },
      .parts = { "From: ann@example.com\r\n", "\r\nDate: ",
                 "\r\nMessage-ID: " } },
    { .name = "-G completes nothing", .message = "Subject: x\n\nhello\n",
      .recipients = { "bob@b.example" }, .gateway = true,
      .parts = { "!From:", "!Message-ID:", "Subject: x\r\n" } },

    { .name = "without recipients", .message = TO "\nhello\n",
      .fault = FAULT_USAGE, .parts = { "Recipient names must be specified" } },
    { .name = "-t without recipients", .message = "Subject: x\n\nhello\n",
      .extract = true, .fault = FAULT_USAGE,
      .parts = { "Recipient names must be specified" } },
    { .name = "a loop", .message = "\nhello\n", .hops = SUBMIT_HOPS_MAX + 1,
      .recipients = { "bob@b.example" }, .fault = FAULT_UNAVAILABLE,
      .parts = { "too many hops" } },
    { .name = "none can be one", .message = "\nhello\n",
      .recipients = { "c@", "@d" }, .fault = FAULT_DATA,
      .parts = { "c@" } },
};

/* A pipe that holds the message. */
static int source_of(const char *message)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_true(io_write_all(fds[1], message, strlen(message)));
    close(fds[1]);
    return fds[0];
}

static void assert_parts(const char *name, const char *const *parts,
                         const char *text)
{
    for (size_t i = 0; i < NAMES_MAX && parts[i] != NULL; i++) {
        bool wanted = parts[i][0] != '!';
        if ((strstr(text, parts[i] + !wanted) != NULL) != wanted)
            fail_msg("%s: %s\n%s", name, parts[i], text);
    }
}

static void makes_a_draft_or_says_why_not(void **state)
{
    struct config *config = configured(settings);

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        struct draft *draft = draft_new_unnamed(&err);
        const struct submission submission = {
            .account = &ann, .source = source_of(cases[i].message),
            .dots = cases[i].dots, .extract = cases[i].extract,
            .gateway = cases[i].gateway, .hops = cases[i].hops,
            .recipients = (char *const *)(uintptr_t)cases[i].recipients };
        struct buf text;
        buf_init(&text, SIZE_MAX);
        bool done = submit_message(&submission, config, draft, &err);
        if (done)
            assert_true(io_read_all(draft_descriptor(draft), &text, &err));
        else
            buf_add_text(&text, err.text);
        if (done != (cases[i].fault == FAULT_NONE) ||
            (!done && err.fault != cases[i].fault))
            fail_msg("%s: %s", cases[i].name, text.data);
        assert_parts(cases[i].name, cases[i].parts, text.data);
        close(submission.source);
        draft_free(draft);
        buf_free(&text);
    }
    config_free(config);
}

/* The limit counts what leaves sendmail: 4000 octets. */
static void refuses_what_is_too_large(void **state)
{
    static char bob[] = "bob@b.example";
    static char *const recipients[] = { bob, NULL };
    struct config *config = configured(settings);

    (void)state;
    for (size_t lines = 30; lines <= 60; lines += 30) {
        struct error err = { 0 };
        struct draft *draft = draft_new_unnamed(&err);
        struct buf message;
        buf_init(&message, SIZE_MAX);
        buf_add_text(&message, "\n");
        for (size_t i = 0; i < lines; i++)
            buf_add_format(&message, "%078zu\n", i);
        const struct submission submission = {
            .account = &ann, .source = source_of(message.data),
            .recipients = recipients };
        bool done = submit_message(&submission, config, draft, &err);
        if (done != (lines == 30))
            fail_msg("%zu lines: %s", lines, done ? "taken" : err.text);
        if (!done)
            assert_int_equal(err.fault, FAULT_SIZE);
        close(submission.source);
        draft_free(draft);
        buf_free(&message);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_draft_or_says_why_not),
        cmocka_unit_test(refuses_what_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
