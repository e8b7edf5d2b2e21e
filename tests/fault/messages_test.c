/* The manager's bookkeeping when files can be neither removed nor read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/spool/spool_fixture.h"
#include "config/config.h"
#include "fault.h"
#include "relay/desk.h"

struct subject {
    struct fixture fixture;
    struct config config;
    struct desk desk;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
    subject->config.retry_longest = 3600000;
    subject->desk.config = &subject->config;
    subject->desk.spool = subject->fixture.spool;
    subject->desk.schedule = schedule_new(1);
    subject->desk.shares = shares_new();
    subject->desk.scan = drop_scan_new(&subject->fixture.spool, NULL, NULL,
                                       NULL);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    schedule_free(subject->desk.schedule);
    shares_free(subject->desk.shares);
    drop_scan_free(subject->desk.scan);
    strings_free(&subject->desk.unread);
    unread_clear(&subject->desk.unread_why);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* Otherwise it would be picked up again, as a new one, for ever. */
static void keeps_a_message_until_its_file_is_gone(void **state)
{
    struct subject *subject = *state;
    struct desk *desk = &subject->desk;
    struct wrap_plan plan = { .at = 1, .how = EROFS };

    fixture_drop(&subject->fixture, subject->id);
    struct message *message = schedule_add(desk->schedule, subject->id, 0, -1);
    desk->fresh = 1;
    message->charged = true;
    shares_add(desk->shares, SHARE_MEMORY, message->uid, 0);
    do {                            /* the calls up to that which removes it */
        wrap_start(plan);
        assert_false(dispatch_finish(desk, message, false));
        wrap_stop();
        plan.at++;
    } while (strcmp(wrap_failed(), "unlinkat") != 0);
    assert_int_equal(desk->fresh, 0);
    assert_true(fixture_exists(desk->spool.drop, subject->id));
    assert_ptr_equal(schedule_find(desk->schedule, subject->id), message);
    assert_true(message->done);
    assert_true(schedule_next_time(desk->schedule) > 0);
    assert_true(dispatch_finish(desk, message, false));
    assert_int_equal(desk->fresh, 0);
    assert_false(fixture_exists(desk->spool.drop, subject->id));
    assert_null(schedule_find(desk->schedule, subject->id));
}

static void store(struct subject *subject)
{
    struct entry *entry = NULL;
    struct error err;

    fixture_empty(&subject->fixture);
    fixture_drop(&subject->fixture, subject->id);
    assert_int_equal(drop_take(&subject->fixture.spool, subject->id, 100000,
                               100000, &entry, &err), DROP_TAKEN);
    assert_true(queue_store(&subject->fixture.spool, entry, 1700000000, NULL,
                            &err));
    entry_free(entry);
}

/* failed/ is for what is damaged. */
static void reads_later_what_cannot_be_read_now(void **state)
{
    struct subject *subject = *state;
    struct desk *desk = &subject->desk;

    for (unsigned at = 1; at < CALLS_MAX; at++) {
        struct wrap_plan plan = { .at = at, .how = EMFILE };
        store(subject);
        wrap_start(plan);
        struct message *message = pickup_queued(desk, subject->id);
        unsigned calls = wrap_stop();
        if (fixture_count(desk->spool.failed) != 0)
            fail_msg("%s: given up", plan_text(&plan));
        if (message == NULL)
            pickup_unread(desk);
        message = schedule_find(desk->schedule, subject->id);
        if (message == NULL)
            fail_msg("%s: forgotten", plan_text(&plan));
        assert_true(message->stored);
        assert_int_equal(message->received, 1700000000);
        schedule_remove(desk->schedule, message);
        if (at > calls)
            return;
    }
    fail();
}

static void gives_up_what_is_damaged(void **state)
{
    struct subject *subject = *state;
    struct desk *desk = &subject->desk;

    fixture_empty(&subject->fixture);
    fixture_write(desk->spool.queue, subject->id, "postrider 1 x\n\n", 15);
    assert_null(pickup_queued(desk, subject->id));
    assert_int_equal(desk->unread.count, 0);
    assert_int_equal(fixture_count(desk->spool.failed), 1);
}

/* failed/ may be full, or have the name: then it is there still, and known. */
static void keeps_what_it_cannot_give_up(void **state)
{
    struct subject *subject = *state;
    struct desk *desk = &subject->desk;
    unsigned calls = 1;

    for (unsigned at = 1; at <= calls; at++) {
        struct wrap_plan plan = { .at = at, .how = EROFS, .lasting = true };
        fixture_empty(&subject->fixture);
        strings_free(&desk->unread);
        fixture_write(desk->spool.queue, subject->id, "postrider 1 x\n\n", 15);
        wrap_start(plan);
        assert_null(pickup_queued(desk, subject->id));
        unsigned made = wrap_stop();
        calls = made > calls ? made : calls;
        bool failed = fixture_exists(desk->spool.failed, subject->id);
        if (failed == fixture_exists(desk->spool.queue, subject->id))
            fail_msg("%s: lost", plan_text(&plan));
        if (desk->unread.count != (failed ? 0 : 1))
            fail_msg("%s: forgotten", plan_text(&plan));
    }
    strings_free(&desk->unread);
    unread_clear(&desk->unread_why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_a_message_until_its_file_is_gone),
        cmocka_unit_test(reads_later_what_cannot_be_read_now),
        cmocka_unit_test(gives_up_what_is_damaged),
        cmocka_unit_test(keeps_what_it_cannot_give_up),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
