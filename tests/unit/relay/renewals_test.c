/* Which logins are kept alive, and when the next one is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>

#include "config/config.h"
#include "relay/renewals.h"
#include "util/clock.h"
#include "util/text.h"

#define DAY INT64_C(86400000)            /* milliseconds */

static const struct {
    struct oauth sections[2];
    int64_t first;              /* milliseconds until the first; -1: never */
} cases[] = {
    { { { .flow = OAUTH_REFRESH_TOKEN, .renew = 24 * DAY },
        { .flow = OAUTH_REFRESH_TOKEN, .renew = 48 * DAY } }, DAY },
    { { { .flow = OAUTH_REFRESH_TOKEN, .renew = 0 },
        { .flow = OAUTH_REFRESH_TOKEN, .renew = 48 * DAY } }, 2 * DAY },
    /* only a login can end */
    { { { .flow = OAUTH_CLIENT_CREDENTIALS, .renew = 24 * DAY },
        { .flow = OAUTH_JWT_BEARER, .renew = 24 * DAY } }, -1 },
    { { { .flow = OAUTH_REFRESH_TOKEN, .renew = 0 },
        { .flow = OAUTH_REFRESH_TOKEN, .renew = 0 } }, -1 },
};

static void renews_each_login_that_can_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct oauth sections[2] = { cases[i].sections[0],
                                     cases[i].sections[1] };
        const struct config config = { .oauths = sections, .oauth_count = 2 };
        int64_t before = clock_now();
        struct renewals *renewals = renewals_new(&config);
        int64_t after = clock_now();
        int64_t next = renewals_next_time(renewals);
        if (cases[i].first == -1 ? next != INT64_MAX
                                 : next < before + cases[i].first ||
                                   next > after + cases[i].first)
            fail_msg("row %zu", i);
        renewals_start(renewals);           /* none is due */
        assert_int_equal(renewals_next_time(renewals), next);
        renewals_free(renewals);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renews_each_login_that_can_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
