#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "relay/reasons.h"

static void keeps_each_text_once(void **state)
{
    struct reasons reasons = { 0 };
    char again[] = "450 later";

    (void)state;
    assert_null(reasons_keep(&reasons, NULL));
    const char *one = reasons_keep(&reasons, "450 later");
    const char *two = reasons_keep(&reasons, again);
    assert_ptr_equal(one, two);
    reason_free(one);
    assert_string_equal(two, "450 later");
    reason_free(two);
    reasons_forget(&reasons);
}

/* A text that is in use outlives those that came since. */
static void keeps_what_is_used(void **state)
{
    struct reasons reasons = { 0 };

    (void)state;
    const char *one = reasons_keep(&reasons, "450 later");
    for (int i = 0; i < 2 * REASONS_KNOWN; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        reason_free(reasons_keep(&reasons, text));
    }
    assert_string_equal(one, "450 later");
    reason_free(one);
    reasons_forget(&reasons);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_each_text_once),
        cmocka_unit_test(keeps_what_is_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
