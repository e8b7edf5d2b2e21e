/* What outcomes lead to, over days of a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay_fixture.h"
#include "util/text.h"

#include "../in_range.h"

#define DAY 86400000            /* milliseconds */

struct subject {
    struct relay relay;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    *state = relay_new(sizeof(struct subject));
    return 0;
}

static void submit(struct subject *subject, const char *sender,
                   unsigned notify)
{
    relay_drop(&subject->relay, subject->id, &(struct message_shape){
        .reverse_path = sender, .recipients = 1, .notify = notify });
    relay_pick_up(&subject->relay);
}

static void defer(struct subject *subject)
{
    relay_give(&subject->relay);
    relay_settle_all(&subject->relay, '4');
}

/* retry_first, doubled up to retry_longest, with a quarter of jitter. */
static void tries_again_later_and_later(void **state)
{
    static const int64_t delays[] = { 300000, 600000, 1200000, 2400000,
                                      3600000, 3600000 };
    struct subject *subject = *state;

    submit(subject, "a@example.com", 0);
    for (size_t i = 0; i < COUNT(delays); i++) {
        defer(subject);
        int64_t due = relay_due(&subject->relay, subject->id);
        assert_int_in_range(due, delays[i], delays[i] + delays[i] / 4);
        relay_wait(&subject->relay, due);
    }
}

/* If there is one. */
static void deliver_report(struct relay *relay)
{
    relay_give(relay);
    if (relay->job != 0)
        relay_settle_all(relay, '2');
}

static uint64_t reports_after_sweep(struct subject *subject)
{
    relay_sweep(&subject->relay);
    return subject->relay.parts.totals.reports;
}

/* delay_warning, then expire_after: each after an attempt at that age. */
static void warns_once_and_gives_up_in_the_end(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    submit(subject, "a@example.com", 0);
    defer(subject);
    assert_int_equal(reports_after_sweep(subject), 0);
    relay_wait(relay, DAY);
    assert_int_equal(reports_after_sweep(subject), 0);
    defer(subject);
    assert_int_equal(reports_after_sweep(subject), 1);
    assert_int_equal(reports_after_sweep(subject), 1);
    deliver_report(relay);
    relay_wait(relay, 5 * DAY);
    assert_int_equal(reports_after_sweep(subject), 1);
    defer(subject);
    assert_int_equal(reports_after_sweep(subject), 2);
    assert_null(messages_find(relay->parts.messages, subject->id));
}

/* A smarthost that is down has its own chance, too. */
static void gives_up_what_could_not_be_tried(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;
    struct error err;

    submit(subject, "a@example.com", 0);
    error_set(&err, FAULT_TEMPORARY, "connection refused");
    availability_failed(host, &err, relay_now(relay)->awake);
    storage_keep_all(relay->parts.storage);
    relay_store_what_must_be(relay);
    relay_wait(relay, 6 * DAY);
    assert_int_equal(reports_after_sweep(subject), 0);
    availability_may_connect(host, relay_now(relay)->awake);
    availability_failed(host, &err, relay_now(relay)->awake);
    assert_int_equal(reports_after_sweep(subject), 1);
    assert_null(messages_find(relay->parts.messages, subject->id));
}

/* RFC 3461 section 4.1, and who reports success (section 5.2). */
static const struct reporting {
    const char *sender;
    unsigned notify;            /* 0: unspecified */
    char code;                  /* of the outcome */
    bool has_dsn;               /* the smarthost got NOTIFY */
    uint64_t reports;
    size_t failed;              /* messages in failed/ */
} reportings[] = {
    { "a@a.example", 0,                '2', false, 0, 0 },
    { "a@a.example", 0,                '5', false, 1, 0 },
    { "a@a.example", NOTIFY_NEVER,     '5', false, 0, 0 },
    { "a@a.example", NOTIFY_FAILURE,   '5', false, 1, 0 },
    { "a@a.example", NOTIFY_FAILURE,   '2', false, 0, 0 },
    { "a@a.example", NOTIFY_SUCCESS,   '2', false, 1, 0 },
    { "a@a.example", NOTIFY_SUCCESS,   '2', true,  0, 0 },
    { "a@a.example", NOTIFY_SUCCESS,   '5', false, 0, 0 },
    { "",            0,                '2', false, 0, 0 },
    { "",            NOTIFY_SUCCESS,   '2', false, 0, 0 },
    { "",            0,                '5', false, 0, 1 },
};

static void reports_what_was_asked_for(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    for (size_t i = 0; i < COUNT(reportings); i++) {
        const struct reporting *row = &reportings[i];
        uint64_t before = relay->parts.totals.reports;
        fixture_empty_folder(relay->fixture.spool.failed);
        relay->has_dsn = row->has_dsn;
        submit(subject, row->sender, row->notify);
        relay_give(relay);
        relay_settle_all(relay, row->code);
        assert_null(messages_find(relay->parts.messages, subject->id));
        if (relay->parts.totals.reports - before != row->reports ||
            failed_messages(&relay->parts.messages->failed) != row->failed)
            fail_msg("row %zu", i);
        deliver_report(relay);
    }
}

/* A report that could not be written is made later, and the message stays. */
static void keeps_what_it_could_not_report(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    const struct spool *spool = &relay->fixture.spool;
    uint64_t before = relay->parts.totals.reports;

    submit(subject, "a@a.example", 0);
    relay_give(relay);
    struct state *known = message_state(messages_find(relay->parts.messages,
                                                      subject->id));
    random_id(known->report);
    snprintf(known->about, sizeof known->about, "failure-1");
    char *blocked = alloc_format(".%s", known->report);
    assert_int_equal(mkdirat(spool->queue, blocked, 0700), 0);
    relay_settle_all(relay, '5');
    assert_non_null(messages_find(relay->parts.messages, subject->id));
    assert_true(fixture_exists(spool->queue, subject->id));
    assert_int_equal(relay->parts.totals.reports, before);
    assert_int_equal(unlinkat(spool->queue, blocked, AT_REMOVEDIR), 0);
    relay_wait(relay, relay_due(relay, subject->id));
    relay_dispatch(relay);
    assert_null(messages_find(relay->parts.messages, subject->id));
    assert_int_equal(relay->parts.totals.reports, before + 1);
    deliver_report(relay);
    free(blocked);
}

/* A worker that dies with it, again and again, waits like any attempt. */
static void waits_after_a_crash(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    submit(subject, "a@example.com", 0);
    for (int i = 0; i < 3; i++) {
        relay_give(relay);
        assert_int_not_equal(relay->job, 0);
        io_close(&relay->worker);
        relay_reap(relay, SIGSEGV);
        int64_t due = relay_due(relay, subject->id);
        assert_true(due >= 300000);
        relay_wait(relay, due);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tries_again_later_and_later, set_up,
                                        relay_end),
        cmocka_unit_test_setup_teardown(warns_once_and_gives_up_in_the_end,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(gives_up_what_could_not_be_tried,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(reports_what_was_asked_for, set_up,
                                        relay_end),
        cmocka_unit_test_setup_teardown(keeps_what_it_could_not_report,
                                        set_up, relay_end),
        cmocka_unit_test_setup_teardown(waits_after_a_crash, set_up,
                                        relay_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
