#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <limits.h>

#include "config/config.h"
#include "relay/retry.h"
#include "util/text.h"

static const struct {
    unsigned attempts;
    int64_t first, longest, delay;      /* milliseconds, without jitter */
} cases[] = {
    { 0, 60000, 3600000, 60000 },
    { 1, 60000, 3600000, 120000 },
    { 2, 60000, 3600000, 240000 },
    { 5, 60000, 3600000, 1920000 },
    { 6, 60000, 3600000, 3600000 },
    { 1000000, 60000, 3600000, 3600000 },
    { 4000000000u, 1, INT64_MAX / 4, INT64_MAX / 4 },
    { 3, 60000, 30000, 30000 },
    { 3, 1000, 1000, 1000 },
    { 0, 1, 1, 1 },
};

/* After the first attempt, and so many more. */
static int64_t delay_after(unsigned more, int64_t first, int64_t longest)
{
    const struct config config = { .retry_first = first,
                                   .retry_longest = longest };

    return retry_delay(&config, more == UINT_MAX ? more : more + 1);
}

static void doubles_up_to_the_longest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int n = 0; n < 20; n++) {
            int64_t delay = delay_after(cases[i].attempts, cases[i].first,
                                        cases[i].longest);
            if (delay < cases[i].delay ||
                delay > cases[i].delay + cases[i].delay / 4)
                fail_msg("%zu: %lld", i, (long long)delay);
        }
}

/* Messages deferred together must not all come back together. */
static void scatters(void **state)
{
    int64_t smallest = INT64_MAX, largest = 0;

    (void)state;
    for (int n = 0; n < 200; n++) {
        int64_t delay = delay_after(3, 60000, 3600000);
        smallest = delay < smallest ? delay : smallest;
        largest = delay > largest ? delay : largest;
    }
    assert_true(largest - smallest > 480000 / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_longest),
        cmocka_unit_test(scatters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
