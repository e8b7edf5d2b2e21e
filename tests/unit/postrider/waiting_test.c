#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../printed.h"
#include "config/config.h"
#include "postrider/waiting.h"
#include "util/strings.h"
#include "util/text.h"

#define A "0123456789abcdef0123456789abcdef"
#define B "1123456789abcdef0123456789abcdef"
#define C "2123456789abcdef0123456789abcdef"
#define ITEM(id, mark, attempts, reason) \
    id "\t" mark "\t0\t9\t1\t" attempts "\t" reason "\ta@a\tb@b\n"
#define DUE(id) "next\t" id "\t1\n"         /* long ago */
#define LATER(id) "next\t" id "\t99999999999\n"

/* What waited, and the looks at it: nothing is waited for once all of it was
 * tried, or is to be tried later. */
static const struct {
    const char *only;           /* NULL: all */
    const char *noted, *looked;
    size_t gone, left;
    const char *reason;         /* or NULL */
} cases[] = {
    { NULL, ITEM(A, "-", "0", "") ITEM(B, "-", "1", "busy"),
      ITEM(B, "-", "2", "no route"), 1, 1, "no route" },
    { NULL, ITEM(A, "-", "0", ""), "", 1, 0, NULL },
    { NULL, "", ITEM(A, "-", "0", "x"), 0, 0, NULL },
    /* Those that are held do not leave; others have come since. */
    { NULL, ITEM(A, "!", "0", "") ITEM(B, "-", "0", ""),
      ITEM(A, "!", "0", "held") ITEM(C, "*", "0", "new"), 1, 0, NULL },
    { A, ITEM(A, "-", "0", "") ITEM(B, "-", "0", ""),
      DUE(A) ITEM(A, "-", "1", "") DUE(B) ITEM(B, "-", "0", "x"), 0, 1, NULL },
    /* Tried, and tried again some time. */
    { NULL, ITEM(B, "-", "1", "") ITEM(A, "-", "1", ""),
      LATER(A) ITEM(A, "-", "1", "one") DUE(B) ITEM(B, "-", "2", "two"),
      0, 2, "two" },
};

static void counts_what_left_of_what_waited(void **state)
{
    char control[] = "control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool,
                                   .delivery = DELIVERY_QUEUE };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct exchange exchanges[] = {
            { "list", cases[i].noted }, { "list", cases[i].looked },
            { NULL, NULL },
        };
        struct strings only = { 0 };
        if (cases[i].only != NULL)
            strings_add(&only, cases[i].only);
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        struct waiting *waiting = waiting_note(&config, cases[i].only != NULL
                                                        ? &only : NULL);
        waiting_watch(waiting, &config, 0);
        assert_true(fake_daemon_end(&fake));
        const struct waiting_sum sum = waiting_sum(waiting);
        if (sum.gone != cases[i].gone || sum.left != cases[i].left ||
            sum.noted != sum.gone + sum.left || sum.unattended)
            fail_msg("row %zu: %zu %zu", i, sum.gone, sum.left);
        if (cases[i].reason == NULL)
            assert_null(sum.reason);
        else
            assert_string_equal(sum.reason, cases[i].reason);
        waiting_free(waiting);
        strings_free(&only);
    }
}

static const struct {
    const char *noted, *looked;
    const char *text;
} reports[] = {
    { ITEM(A, "-", "0", ""), "", "1 message has left, and 0 wait\n" },
    { ITEM(A, "-", "0", "") ITEM(B, "-", "0", "") ITEM(C, "-", "0", ""),
      ITEM(C, "-", "1", "no route"),
      "2 messages have left, and 1 waits: no route\n" },
};

static void reports_what_waits_still_and_why(void **state)
{
    char control[] = "control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool,
                                   .delivery = DELIVERY_QUEUE };

    (void)state;
    for (size_t i = 0; i < COUNT(reports); i++) {
        const struct exchange exchanges[] = {
            { "list", reports[i].noted }, { "flush", "1\n" },
            { "list", reports[i].looked }, { NULL, NULL },
        };
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        struct waiting *waiting = waiting_note(&config, NULL);
        struct printed printed = printed_begin(stderr);
        waiting_print(waiting, &config);
        char *text = printed_end(&printed);
        assert_true(fake_daemon_end(&fake));
        assert_true(text_starts(text, "Of the mail that waited, "));
        assert_string_equal(text + strlen("Of the mail that waited, "),
                            reports[i].text);
        free(text);
        waiting_free(waiting);
    }
}

/* With direct delivery nothing waits. */
static void nothing_is_reported_if_nothing_waited(void **state)
{
    char control[] = "/nowhere/control", spool[] = "/nowhere";
    const struct config config = { .control = control, .spool = spool,
                                   .delivery = DELIVERY_DIRECT };

    (void)state;
    struct printed printed = printed_begin(stderr);
    struct waiting *waiting = waiting_note(&config, NULL);
    waiting_print(waiting, &config);
    char *text = printed_end(&printed);
    assert_string_equal(text, "");
    free(text);
    waiting_free(waiting);
    waiting_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(counts_what_left_of_what_waited),
        IN_FOLDER(reports_what_waits_still_and_why),
        cmocka_unit_test(nothing_is_reported_if_nothing_waited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
