#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postrider/check.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/text.h"

/* One of each severity, in an order that is not that of the report. */
static void find(struct check *check)
{
    struct error err;

    check->topic = "first";
    check_fail(check, "mend it", "it is %s", "broken");
    check_ok(check, "fine");
    check->topic = "second";
    check_warn(check, "", "odd\n%d", 7);
    check_unseen(check, "a secret");
    error_set(&err, FAULT_TEMPORARY, "cannot \"wait\"");
    error_remedy(&err, "wait");
    error_at(&err, "file", 3);
    check_error(check, &err);
}

/* The caller frees it. */
static char *report(struct check *check, void (*found)(struct check *))
{
    char *text = NULL;
    size_t length = 0;

    check->out = open_memstream(&text, &length);
    check_begin(check);
    if (found != NULL)
        found(check);
    check_end(check);
    fclose(check->out);
    return text;
}

/* ... where they are not scrolled away. */
static void warnings_and_errors_come_last(void **state)
{
    struct check check = { .worst = FAULT_NONE };
    char *text = report(&check, find);

    (void)state;
    assert_string_equal(text,
        "first: ok: fine\n"
        "second: not checked: a secret; run as root\n"
        "second: warning: odd\\x0a7\n"
        "first: error: it is broken; mend it\n"
        "second: error: file:3: cannot \"wait\"; wait\n"
        "total: error: 2 errors, 1 warning\n");
    assert_int_equal(check.count, 5);
    free(text);
}

static void prints_json_in_the_order_of_findings(void **state)
{
    struct check check = { .json = true };
    char *text = report(&check, find);

    (void)state;
    assert_string_equal(text, "[\n"
        "  {\"topic\": \"first\", \"severity\": \"error\", "
        "\"text\": \"it is broken\", \"remedy\": \"mend it\", "
        "\"file\": \"\"},\n"
        "  {\"topic\": \"first\", \"severity\": \"ok\", "
        "\"text\": \"fine\", \"remedy\": \"\", \"file\": \"\"},\n"
        "  {\"topic\": \"second\", \"severity\": \"warning\", "
        "\"text\": \"odd\\u000a7\", \"remedy\": \"\", \"file\": \"\"},\n"
        "  {\"topic\": \"second\", \"severity\": \"not checked\", "
        "\"text\": \"a secret\", \"remedy\": \"run as root\", "
        "\"file\": \"\"},\n"
        "  {\"topic\": \"second\", \"severity\": \"error\", "
        "\"text\": \"cannot \\\"wait\\\"\", \"remedy\": \"wait\", "
        "\"file\": \"file\", \"line\": 3}\n"
        "]\n");
    free(text);
}

/* The fault that the most can be done about. */
static void the_last_of_the_faults_counts(void **state)
{
    static const enum fault faults[] = { FAULT_TEMPORARY, FAULT_CONFIG,
                                         FAULT_UNAVAILABLE };
    struct check check = { .topic = "t" };
    enum fault last = FAULT_NONE;

    (void)state;
    check.out = fopen("/dev/null", "w");
    check_begin(&check);
    check_warn(&check, "", "a warning is none");
    assert_int_equal(check.worst, FAULT_NONE);
    for (size_t i = 0; i < COUNT(faults); i++) {
        struct error err;
        error_set(&err, faults[i], "x");
        check_error(&check, &err);
        if (faults[i] > last)
            last = faults[i];
        assert_int_equal(check.worst, last);
    }
    check_end(&check);
    fclose(check.out);
}

static void find_ok(struct check *check)
{
    check->topic = "t";
    check_ok(check, "fine");
}

static void find_warnings(struct check *check)
{
    check->topic = "t";
    check_warn(check, "", "one");
    check_warn(check, "", "two");
}

static const struct {
    void (*found)(struct check *check);
    bool coloured;
    const char *text;
} totals[] = {
    { NULL, false, "total: ok: 0 errors, 0 warnings\n" },
    { find_ok, false, "t: ok: fine\ntotal: ok: 0 errors, 0 warnings\n" },
    { find_ok, true, "t: \033[32mok\033[m: fine\n"
      "total: \033[32mok\033[m: 0 errors, 0 warnings\n" },
    { find_warnings, true, "t: \033[33mwarning\033[m: one\n"
      "t: \033[33mwarning\033[m: two\n"
      "total: \033[33mwarning\033[m: 0 errors, 2 warnings\n" },
};

static void the_total_is_as_bad_as_the_worst(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(totals); i++) {
        struct check check = { .coloured = totals[i].coloured };
        char *text = report(&check, totals[i].found);
        assert_string_equal(text, totals[i].text);
        free(text);
    }
}

static void find_long(struct check *check)
{
    check->topic = "t";
    check_ok(check, "%070d %d %d %0100d end", 1, 2, 3, 4);
    check_ok(check, "%070d 22", 1);
}

static void words_are_wrapped_on_a_terminal(void **state)
{
    struct check check = { .terminal = true };
    char *text = report(&check, find_long);
    char *wanted = alloc_format("t: ok: %070d 2\n    3\n    %0100d\n    end\n"
                                "t: ok: %070d\n    22\n"
                                "total: ok: 0 errors, 0 warnings\n", 1, 4, 1);

    (void)state;
    assert_string_equal(text, wanted);
    free(wanted);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_and_errors_come_last),
        cmocka_unit_test(prints_json_in_the_order_of_findings),
        cmocka_unit_test(the_last_of_the_faults_counts),
        cmocka_unit_test(the_total_is_as_bad_as_the_worst),
        cmocka_unit_test(words_are_wrapped_on_a_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
