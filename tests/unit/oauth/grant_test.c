#include "oauth/grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/text.h"

#define NOW 1000000

static const struct {
    int64_t life, left;         /* seconds */
    bool fresh, alive;
} cases[] = {
    { 3600, 3600, true, true }, { 3600, 361, true, true },
    { 3600, 360, false, true },                 /* a tenth */
    { 600, 121, true, true }, { 600, 120, false, true },
    { 60, 31, true, true }, { 60, 30, false, true },    /* a half */
    { 3600, 6, false, true }, { 3600, 5, false, false },
    { 3600, 0, false, false }, { 3600, -1, false, false },
    { 3600, 3601, false, false },               /* the clock was set back */
    { 1, 1, true, false },
};

static void renews_before_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char token[] = "token", scope[] = "mail";
        const struct grant grant = {
            .access_token = token, .scope = scope,
            .obtained = NOW + cases[i].left - cases[i].life,
            .expires = NOW + cases[i].left };
        if (grant_is_fresh(&grant, "mail", NOW) != cases[i].fresh ||
            grant_is_alive(&grant, "mail", NOW) != cases[i].alive)
            fail_msg("%lld of %lld", (long long)cases[i].left,
                     (long long)cases[i].life);
        assert_false(grant_is_fresh(&grant, "other", NOW));
    }
}

static void nothing_is_not_fresh(void **state)
{
    const struct grant grant = { .obtained = NOW, .expires = NOW + 60 };

    (void)state;
    assert_false(grant_is_fresh(&grant, "", NOW));
    assert_false(grant_is_alive(&grant, "", NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renews_before_the_end),
        cmocka_unit_test(nothing_is_not_fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
