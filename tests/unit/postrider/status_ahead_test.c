#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "postrider/status_ahead.h"
#include "util/alloc.h"
#include "util/text.h"

/* False: the line stands for itself. */
static bool take(struct status_ahead *ahead, const char *text)
{
    char *copy = alloc_string(text);
    struct status_line line;

    protocol_parse_status(copy, &line);
    bool taken = status_take_ahead(ahead, &line);
    free(copy);
    return taken;
}

static void lines_before_another_are_kept_for_it(void **state)
{
    struct status_ahead ahead = { 0 };

    (void)state;
    assert_true(take(&ahead, "since 1700000000 1700000060 main"));
    assert_true(take(&ahead, "refused 1 9 550 no"));
    assert_true(take(&ahead, "refused 2 9 551 no"));
    assert_true(take(&ahead, "remedy chmod 600 it"));
    assert_false(take(&ahead, "smarthost main up 1 0 "));
    assert_false(take(&ahead, "queued 7"));
    assert_false(take(&ahead, "trouble drop newer 2 x"));
    assert_int_equal(ahead.since, 1700000000);
    assert_int_equal(ahead.next, 1700000060);
    assert_int_equal(ahead.refused, 2);
    assert_int_equal(ahead.tried, 9);
    assert_string_equal(ahead.refusal, "551 no");
    assert_string_equal(ahead.remedy, "chmod 600 it");
    status_forget_ahead(&ahead);
    assert_null(ahead.refusal);
    assert_null(ahead.remedy);
    assert_int_equal(ahead.since, 0);
}

static const struct {
    const char *line;
    bool most;
} cases[] = {
    { "queued 7", false },
    { "refused 0 0 x", false },
    { "refused 1 1 x", true },
    { "refused 10 20 x", false },
    { "refused 11 20 x", true },
};

static void some_recipients_are_always_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct status_ahead ahead = { 0 };
        (void)take(&ahead, cases[i].line);
        if (status_refuses_most(&ahead) != cases[i].most)
            fail_msg("%s", cases[i].line);
        status_forget_ahead(&ahead);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_before_another_are_kept_for_it),
        cmocka_unit_test(some_recipients_are_always_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
