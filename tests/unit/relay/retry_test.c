#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <limits.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/message.h"
#include "relay/retry.h"
#include "spool/state.h"
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

/* An hour before a message is late, ten before it is too late. */
static const struct config limits = { .delay_warning = 3600000,
                                      .expire_after = 36000000,
                                      .retry_first = 300000,
                                      .retry_longest = 3600000 };

/* Ages in seconds. A smarthost that is down has failed to be reached up to so
 * many seconds after the message was late; -1: it is up. */
static const struct lateness {
    int64_t age, tried;
    int failed_after;
    bool is_bound;              /* to a smarthost that is missing */
    bool is_warned;
    bool is_late, is_expired;
} ages[] = {
    { 3600,  3600,  -1,   false, false, false, false },
    { 3601,  3601,  -1,   false, false, true,  false },
    { 7200,  3600,  -1,   false, false, false, false },
    { 7200,  0,     449,  false, false, false, false },
    { 7200,  0,     450,  false, false, true,  false },
    { 7200,  7200,  -1,   false, true,  false, false },
    { 4000,  0,     -1,   true,  false, false, false },
    { 4050,  0,     -1,   true,  false, true,  false },
    { 40000, 36001, -1,   false, true,  false, true },
    { 40000, 36000, -1,   false, true,  false, false },
    { 40000, 3601,  -1,   false, false, true,  false },
    { 37799, 0,     -1,   true,  true,  false, false },
    { 37800, 0,     -1,   true,  true,  false, true },
};

static void knows_what_is_late(void **state)
{
    char reason[] = "it is missing";

    (void)state;
    for (size_t i = 0; i < COUNT(ages); i++) {
        const struct lateness *row = &ages[i];
        const struct clocks clocks = {
            .seen = { .wall = 1000000, .awake = 1000000000 },
        };
        const struct message message = {
            .received = clocks.seen.wall - row->age,
            .tried = row->tried,
            .warned = row->is_warned,
            .smarthost = row->is_bound ? SMARTHOST_MISSING : SMARTHOST_ANY,
            .missing = row->is_bound ? reason : NULL,
        };
        struct hop hop = {
            .availability = {
                .state = row->failed_after < 0 ? HOP_UP : HOP_DOWN,
                .failed = clocks.seen.awake -
                          (row->age - 3600 - row->failed_after) * 1000,
            },
        };
        const struct hops hops = { .list = &hop, .count = 1 };
        if (retry_is_late(&limits, &message, &hops, &clocks) !=
                row->is_late ||
            retry_is_expired(&limits, &message, &hops, &clocks) !=
                row->is_expired)
            fail_msg("row %zu", i);
    }
}

/* A date in a file may be any: no wait is longer than the longest. */
static void waits_no_longer_than_configured(void **state)
{
    static const struct {
        int64_t next, wait;     /* seconds, milliseconds */
    } waits[] = {
        { 0, 0 }, { 1000, 0 }, { 1001, 1000 }, { 4600, 3600000 },
        { 4601, 3600000 }, { INT64_MAX, 3600000 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(waits); i++) {
        const struct state known = { .next = waits[i].next };
        assert_int_equal(retry_remaining(&limits, &known, 1000),
                         waits[i].wait);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_up_to_the_longest),
        cmocka_unit_test(scatters),
        cmocka_unit_test(knows_what_is_late),
        cmocka_unit_test(waits_no_longer_than_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
