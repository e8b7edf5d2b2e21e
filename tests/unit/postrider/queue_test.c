#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "answered.h"
#include "postrider/commands.h"
#include "util/text.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "0199456789abcdef0123456789abcdef"
#define UPPER "0123456789ABCDEF0123456789ABCDEF"
#define ITEM(id) id "\t-\t0\t9\t1\t0\t\ta@a\tb@b\n"
#define LIST { "list", ITEM(A) ITEM(B) }

static void configure(const char *delivery)
{
    char *folder = realpath(".", NULL);
    FILE *file = fopen("postrider.conf", "w");

    assert_non_null(file);
    fprintf(file, "domain = \"example.com\"\nhostname = \"web1.example.com\"\n"
            "delivery = %s\nspool = \"%s/spool\"\ncontrol = \"%s/control\"\n",
            delivery, folder, folder);
    fclose(file);
    free(folder);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
}

struct outcome {
    int status;
    char *out, *err;
};

static struct outcome run(const char *const *words, const char *input)
{
    char *argv[8] = { alloc_string("queue") };
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = alloc_string(words[argc - 1]);
    struct answered answered = answered_begin(input != NULL ? input : "");
    struct printed printed = printed_begin(stdout);
    struct outcome outcome = { .status = command_queue(argc, argv) };
    outcome.out = printed_end(&printed);
    outcome.err = answered_end(&answered);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return outcome;
}

struct row {
    const char *words[5];
    const char *input;
    struct exchange exchanges[4];
    int status;
    const char *out, *err;
};

static void assert_row(const struct row *row, size_t number)
{
    struct fake_daemon fake = fake_daemon_start("control", row->exchanges);
    struct outcome outcome = run(row->words, row->input);

    if (!fake_daemon_end(&fake) || outcome.status != row->status ||
        strcmp(outcome.out, row->out) != 0 ||
        strcmp(outcome.err, row->err) != 0)
        fail_msg("row %zu: %d %s%s", number, outcome.status, outcome.out,
                 outcome.err);
    free(outcome.out);
    free(outcome.err);
}

static void assert_rows(const struct row *rows, size_t count)
{
    configure("queue");
    for (size_t i = 0; i < count; i++)
        assert_row(&rows[i], i);
    unsetenv("POSTRIDER_CONFIG");
}

static const struct row selections[] = {
    { { "hold", A }, NULL, { { "hold " A, "1\n" } }, 0, "1 held\n", "" },
    { { "hold", UPPER }, NULL, { { "hold " A, "1\n" } }, 0, "1 held\n", "" },
    { { "hold", "012" }, NULL, { LIST, { "hold " A, "1\n" } }, 0, "1 held\n",
      "" },
    /* The list is asked for once. */
    { { "release", "0199", "012" }, NULL,
      { LIST, { "release " B, "1\n" }, { "release " A, "1\n" } }, 0,
      "2 released\n", "" },
    { { "hold", "01" }, NULL, { LIST }, EX_USAGE, "", "postrider: \"01\" is "
      "the beginning of several queue-ids\n" },
    { { "hold", "7" }, NULL, { LIST }, EX_USAGE, "", "postrider: \"7\" is "
      "neither a queue-id nor the beginning of one in the queue\n" },
    { { "hold", "some" }, NULL, { { NULL, NULL } }, EX_USAGE, "",
      "postrider: \"some\" is not a queue-id\n" },
    { { "hold", "" }, NULL, { { NULL, NULL } }, EX_USAGE, "",
      "postrider: \"\" is not a queue-id\n" },
    { { "hold", "all" }, NULL, { { "hold all", "2\n" } }, 0, "2 held\n", "" },
    /* It means all of them by itself only. */
    { { "hold", "all", A }, NULL, { { NULL, NULL } }, EX_USAGE, "",
      "postrider: \"all\" is not a queue-id\n" },
    { { "hold", "-" }, " " UPPER "\r\n\t" B, { { "hold " A, "1\n" },
      { "hold " B, "1\n" } }, 0, "2 held\n", "" },
    { { "hold", "-" }, "", { { NULL, NULL } }, 0, "", "" },
};

static void ids_are_whole_ones_or_beginnings(void **state)
{
    (void)state;
    assert_rows(selections, COUNT(selections));
}

static const struct row answers[] = {
    { { "retry", A }, NULL, { { "retry " A, "1\n" } }, 0,
      "1 will be tried now\n", "" },
    { { "retry", A }, NULL, { { "retry " A, "held 1\n0\n" } }, 0,
      "1 held, not tried until postrider queue release\n", "" },
    { { "requeue", A }, NULL, { { "requeue " A, "1\n" } }, 0,
      "1 queued again\n", "" },
    { { "hold", A }, NULL, { { "hold " A, "0\n" } }, EX_NOINPUT, "",
      "postrider: no such message in the queue; the log has what became of "
      "it\n" },
    /* The others are changed. */
    { { "hold", A, B }, NULL, { { "hold " A, "0\n" }, { "hold " B, "1\n" } },
      EX_NOINPUT, "1 held\n", "postrider: " A ": no such message in the "
      "queue; the log has what became of it\n" },
    { { "hold", A }, NULL, { { "hold " A, "" } }, EX_TEMPFAIL, "",
      "postrider: the daemon gave no answer\n" },
    { { "flush" }, NULL, { { "flush", "0\n" } }, 0, "", "" },
    { { "flush" }, NULL, { { "flush", "" } }, EX_TEMPFAIL, "",
      "postrider: the daemon gave no answer\n" },
};

static void what_the_daemon_changed_is_printed(void **state)
{
    (void)state;
    assert_rows(answers, COUNT(answers));
}

static const struct {
    const char *words[4];
    const char *meant;          /* or NULL */
} refusals[] = {
    { { "list", A }, NULL },
    { { "list", "--wait" }, NULL },
    { { "list", "--jso" }, NULL },
    { { "show" }, NULL },
    { { "show", "--wait", A }, NULL },
    { { "show", "--message" }, NULL },
    { { "retry", "--wait" }, NULL },
    { { "flush", A }, NULL },
    { { "hold", "--wait", A }, NULL },
    { { "hodl", A }, "hold" },
    { { "nothing" }, NULL },
};

static void wrong_words_are_refused_unasked(void **state)
{
    (void)state;
    configure("queue");
    for (size_t i = 0; i < COUNT(refusals); i++) {
        char *wanted = refusals[i].meant == NULL
            ? alloc_string("postrider: usage: postrider queue list")
            : alloc_format("postrider: is \"%s\" meant? usage: postrider queue "
                           "list", refusals[i].meant);
        struct outcome outcome = run(refusals[i].words, NULL);
        if (outcome.status != EX_USAGE || *outcome.out != '\0' ||
            !text_starts(outcome.err, wanted))
            fail_msg("row %zu: %d %s", i, outcome.status, outcome.err);
        free(outcome.out);
        free(outcome.err);
        free(wanted);
    }
    unsetenv("POSTRIDER_CONFIG");
}

static const struct row directs[] = {
    { { NULL }, NULL, { { NULL, NULL } }, 0, "Mail queue is empty\n", "" },
    { { "list" }, NULL, { { NULL, NULL } }, 0, "Mail queue is empty\n", "" },
    { { "list", "--json" }, NULL, { { NULL, NULL } }, 0, "", "" },
    { { "flush" }, NULL, { { NULL, NULL } }, 0, "", "" },
    { { "hold", A }, NULL, { { NULL, NULL } }, EX_NOINPUT, "", "postrider: no "
      "such message in the queue; the log has what became of it\n" },
};

static void direct_delivery_has_no_queue(void **state)
{
    (void)state;
    configure("direct");
    for (size_t i = 0; i < COUNT(directs); i++)
        assert_row(&directs[i], i);
    unsetenv("POSTRIDER_CONFIG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(ids_are_whole_ones_or_beginnings),
        IN_FOLDER(what_the_daemon_changed_is_printed),
        IN_FOLDER(wrong_words_are_refused_unasked),
        IN_FOLDER(direct_delivery_has_no_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
