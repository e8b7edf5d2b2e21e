/* Which smarthost takes a message, why it waits, and until when: smarthosts of
 * which each is up or not, and a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/message.h"
#include "util/text.h"

enum { NOW = 10000000, MINUTE = 60000, ANY = SMARTHOST_ANY,
       MISSING = SMARTHOST_MISSING };

static const struct moment now = { .wall = 1700000000, .running = NOW,
                                   .awake = NOW };

static const struct strings no_journals;

struct subject {
    struct fixture fixture;
    struct config config;
    struct smarthost smarthosts[2];
    struct hops *hops;
};

static int set_up(void **state)
{
    static char first[] = "first", second[] = "second";
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
    subject->smarthosts[0] = (struct smarthost){ .name = first,
                                                 .connections = 1 };
    subject->smarthosts[1] = (struct smarthost){ .name = second,
                                                 .connections = 1,
                                                 .messages_per_minute = 1 };
    subject->config = (struct config){ .smarthosts = subject->smarthosts,
                                       .smarthost_count = 2 };
    subject->hops = hops_new(&subject->config, NULL, &subject->fixture.spool,
                             &no_journals, &now);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    hops_free(subject->hops);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* A smarthost that is not up: since and why. Its trial is due in so many
 * milliseconds. */
static void set_state(struct subject *subject, size_t smarthost,
                      enum availability_state state, int64_t trial_in)
{
    struct availability *host = &subject->hops->list[smarthost].availability;

    free(host->reason);
    host->reason = state == HOP_UP ? NULL
                   : alloc_string(smarthost == 0 ? "connection refused"
                                                 : "535 no");
    host->state = state;
    host->since = NOW - MINUTE;
    host->trial_due = NOW + trial_in;
}

/* --- Whether one takes it. --- */

static const struct {
    enum availability_state first, second;
    int bound;                  /* to which of them the message is */
    bool taken;
} takes[] = {
    { HOP_UP,   HOP_UP,     ANY,     true },
    { HOP_DOWN, HOP_UP,     ANY,     true },
    { HOP_DOWN, HOP_PARKED, ANY,     false },
    { HOP_UP,   HOP_DOWN,   1,       false },
    { HOP_UP,   HOP_DOWN,   0,       true },
    { HOP_UP,   HOP_UP,     MISSING, false },
};

static void takes_what_one_of_its_smarthosts_takes(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(takes); i++) {
        const struct message message = { .smarthost = takes[i].bound };
        set_state(subject, 0, takes[i].first, 0);
        set_state(subject, 1, takes[i].second, 0);
        if (hops_take(subject->hops, &message) != takes[i].taken)
            fail_msg("row %zu", i);
    }
}

/* --- Why it waits. --- */

static const struct {
    enum availability_state first, second;
    int bound;
    const char *own;            /* of its last deferral */
    const char *reason;
} reasons[] = {
    { HOP_UP,   HOP_UP,     ANY,     NULL,        "" },
    { HOP_UP,   HOP_UP,     ANY,     "450 later", "450 later" },
    { HOP_DOWN, HOP_PARKED, ANY,     "450 later", "450 later" },
    { HOP_DOWN, HOP_PARKED, ANY,     NULL,        "connection refused" },
    { HOP_UP,   HOP_PARKED, ANY,     NULL,        "535 no" },
    { HOP_DOWN, HOP_PARKED, 1,       NULL,        "535 no" },
    { HOP_DOWN, HOP_UP,     1,       NULL,        "" },
    { HOP_DOWN, HOP_UP,     MISSING, "450 later", "no smarthost \"gone\"" },
};

static void knows_why_a_message_waits(void **state)
{
    char missing[] = "no smarthost \"gone\"";
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(reasons); i++) {
        const struct message message = {
            .smarthost = reasons[i].bound, .reason = reasons[i].own,
            .missing = reasons[i].bound == MISSING ? missing : NULL,
        };
        set_state(subject, 0, reasons[i].first, 0);
        set_state(subject, 1, reasons[i].second, 0);
        const char *reason = hops_reason(subject->hops, &message);
        if (strcmp(reason, reasons[i].reason) != 0)
            fail_msg("row %zu: %s", i, reason);
    }
}

static const struct {
    enum availability_state first, second;
    const char *trouble;
} troubles[] = {
    { HOP_UP,   HOP_UP,     "" },
    { HOP_DOWN, HOP_PARKED, "smarthost first is down: connection refused; "
                            "correct that, then run: postrider queue flush" },
    { HOP_UP,   HOP_PARKED, "smarthost second is parked: 535 no; correct "
                            "that, then run: postrider queue flush" },
};

static void describes_the_first_that_is_not_up(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(troubles); i++) {
        set_state(subject, 0, troubles[i].first, 0);
        set_state(subject, 1, troubles[i].second, 0);
        char *trouble = hops_describe_trouble(subject->hops);
        assert_string_equal(trouble, troubles[i].trouble);
        free(trouble);
    }
}

static void reports_that_none_is_configured(void **state)
{
    const struct hops none = { .list = NULL };
    const struct message message = { .smarthost = ANY };

    (void)state;
    char *trouble = hops_describe_trouble(&none);
    assert_string_equal(trouble, HOPS_MISSING);
    assert_string_equal(hops_reason(&none, &message), HOPS_MISSING);
    assert_false(hops_take(&none, &message));
    assert_false(hops_were_down(&none, &message, 0, 0));
    assert_int_equal(hops_next_time(&none, &message, NOW), INT64_MAX);
    free(trouble);
}

/* --- When it may go. --- */

static const struct {
    int64_t due;                /* milliseconds from now; 0: it is ready */
    int bound;
    enum availability_state first, second;
    int64_t trials[2];          /* milliseconds until they are due */
    int64_t next;               /* -1: never */
} times[] = {
    { 0,    ANY,     HOP_UP,   HOP_UP,   { 0, 0 },       0 },
    { 5000, ANY,     HOP_UP,   HOP_UP,   { 0, 0 },       5000 },
    { 0,    ANY,     HOP_DOWN, HOP_DOWN, { 3000, 2000 }, 2000 },
    { 5000, ANY,     HOP_DOWN, HOP_DOWN, { 3000, 2000 }, 5000 },
    { 2500, ANY,     HOP_DOWN, HOP_DOWN, { 3000, 7000 }, 3000 },
    { 0,    1,       HOP_UP,   HOP_DOWN, { 0, 2000 },    2000 },
    { 0,    0,       HOP_UP,   HOP_DOWN, { 0, 2000 },    0 },
    { 5000, MISSING, HOP_UP,   HOP_UP,   { 0, 0 },       -1 },
};

static void knows_when_a_message_may_go(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(times); i++) {
        struct message message = { .smarthost = times[i].bound,
                                   .place = MESSAGE_READY };
        if (times[i].due > 0) {
            message.place = MESSAGE_TIMED;
            message.due = NOW + times[i].due;
        }
        set_state(subject, 0, times[i].first, times[i].trials[0]);
        set_state(subject, 1, times[i].second, times[i].trials[1]);
        int64_t next = hops_next_time(subject->hops, &message, NOW);
        if (next != (times[i].next == -1 ? INT64_MAX : NOW + times[i].next))
            fail_msg("row %zu: %lld", i, (long long)(next - NOW));
    }
}

/* --- Whether they could be reached. --- */

static const struct {
    enum availability_state first, second;
    int64_t failed[2];          /* milliseconds after from */
    int bound;
    bool were_down;
} outages[] = {
    { HOP_DOWN, HOP_DOWN, { 10000, 10000 }, ANY,     true },
    { HOP_DOWN, HOP_DOWN, { 10000, 9999 },  ANY,     false },
    { HOP_DOWN, HOP_UP,   { 10000, 10000 }, ANY,     false },
    { HOP_DOWN, HOP_UP,   { 10000, 0 },     0,       true },
    { HOP_DOWN, HOP_UP,   { 10000, 0 },     1,       false },
    { HOP_DOWN, HOP_DOWN, { 10000, 10000 }, MISSING, false },
};

static void knows_whether_all_were_out_of_reach(void **state)
{
    const int64_t from = NOW - MINUTE;
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(outages); i++) {
        const struct message message = { .smarthost = outages[i].bound };
        set_state(subject, 0, outages[i].first, 0);
        set_state(subject, 1, outages[i].second, 0);
        for (size_t n = 0; n < 2; n++)
            subject->hops->list[n].availability.failed =
                from + outages[i].failed[n];
        if (hops_were_down(subject->hops, &message, from, 10000) !=
            outages[i].were_down)
            fail_msg("row %zu", i);
    }
}

/* --- Messages that were given out. --- */

/* One a minute: it counts until a minute after it is back, if it was sent. */
static void counts_what_was_sent_in_a_minute(void **state)
{
    struct subject *subject = *state;
    struct hops *hops = subject->hops;
    struct moment later = now;

    assert_true(hops_give_out(hops, 1, &now));
    assert_false(hops_give_out(hops, 1, &now));
    assert_true(hops_give_out(hops, 0, &now));
    hops_give_back(hops, 1, &now);
    assert_true(hops_give_out(hops, 1, &now));
    hops_returned(hops, 1, 0, false, &now);
    assert_true(hops_give_out(hops, 1, &now));
    hops_returned(hops, 1, 0, true, &now);
    later.awake += MINUTE - 1;
    assert_false(hops_give_out(hops, 1, &later));
    later.awake++;
    assert_true(hops_give_out(hops, 1, &later));
}

/* The next daemon goes by the file that was kept. */
static void keeps_that_for_the_next_daemon(void **state)
{
    struct subject *subject = *state;

    assert_true(hops_give_out(subject->hops, 1, &now));
    hops_returned(subject->hops, 1, 0, true, &now);
    hops_free(subject->hops);
    subject->hops = hops_new(&subject->config, NULL, &subject->fixture.spool,
                             &no_journals, &now);
    assert_false(hops_give_out(subject->hops, 1, &now));
}

static void counts_attempts_by_outcome(void **state)
{
    struct subject *subject = *state;
    struct hop *hop = &subject->hops->list[0];

    hops_note_attempt(hop, OUTCOME_DEFERRED);
    hops_note_attempt(hop, OUTCOME_FAILED);
    hops_note_attempt(hop, OUTCOME_FAILED);
    assert_false(hop->availability.has_served);
    hops_note_attempt(hop, OUTCOME_DELIVERED);
    assert_true(hop->availability.has_served);
    hops_note_attempt(hop, OUTCOME_DEFERRED);
    assert_true(hop->availability.has_served);
    assert_int_equal(hop->attempts[OUTCOME_DELIVERED], 1);
    assert_int_equal(hop->attempts[OUTCOME_DEFERRED], 2);
    assert_int_equal(hop->attempts[OUTCOME_FAILED], 2);
    assert_int_equal(subject->hops->list[1].attempts[OUTCOME_FAILED], 0);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(takes_what_one_of_its_smarthosts_takes),
        ON_SPOOL(knows_why_a_message_waits),
        ON_SPOOL(describes_the_first_that_is_not_up),
        cmocka_unit_test(reports_that_none_is_configured),
        ON_SPOOL(knows_when_a_message_may_go),
        ON_SPOOL(knows_whether_all_were_out_of_reach),
        ON_SPOOL(counts_what_was_sent_in_a_minute),
        ON_SPOOL(keeps_that_for_the_next_daemon),
        ON_SPOOL(counts_attempts_by_outcome),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
