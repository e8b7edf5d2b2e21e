/* Messages whose files can be neither removed nor read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/spool/spool_fixture.h"
#include "config/config.h"
#include "fault.h"
#include "relay/clocks.h"
#include "relay/messages.h"
#include "relay/log_delivery.h"
#include "relay/schedule.h"

struct subject {
    struct fixture fixture;
    struct config config;
    struct totals totals;
    struct messages *messages;
    char id[RANDOM_ID_LENGTH + 1];
};

static const struct moment now = { .wall = 1700000001 };

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
    subject->config.retry_longest = 3600000;
    subject->messages = messages_new(&subject->config,
                                     &subject->fixture.spool,
                                     &subject->totals);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    messages_free(subject->messages);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

static struct entry *take(struct subject *subject)
{
    static const struct drop_limits limits = { 100000, 100000 };
    struct entry *entry = NULL;
    struct error err;

    fixture_drop(&subject->fixture, subject->id);
    assert_int_equal(drop_take(&subject->fixture.spool, subject->id,
                               &limits, &entry, &err), DROP_TAKEN);
    return entry;
}

/* Otherwise it would be picked up again, as a new one, for ever. */
static void keeps_a_message_until_its_file_is_gone(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;
    int drop = subject->fixture.spool.drop;
    struct wrap_plan plan = { .at = 1, .how = EROFS };

    struct message *message = messages_add_taken(messages, take(subject),
                                                 &now);
    assert_int_equal(messages_fresh(messages), 1);
    do {                            /* the calls up to that which removes it */
        wrap_start(plan);
        assert_false(messages_finish(messages, message, false, 0));
        wrap_stop();
        plan.at++;
    } while (strcmp(wrap_failed(), "unlinkat") != 0);
    assert_int_equal(messages_fresh(messages), 0);
    assert_true(fixture_exists(drop, subject->id));
    assert_ptr_equal(messages_find(messages, subject->id), message);
    assert_true(message->done);
    assert_true(schedule_next_time(messages->schedule) > 0);
    assert_true(messages_finish(messages, message, false, 0));
    assert_int_equal(messages_fresh(messages), 0);
    assert_false(fixture_exists(drop, subject->id));
    assert_null(messages_find(messages, subject->id));
}

static void store(struct subject *subject)
{
    struct error err;

    fixture_empty(&subject->fixture);
    struct entry *entry = take(subject);
    assert_true(queue_store(&subject->fixture.spool, entry, 1700000000, NULL,
                            &err));
    entry_free(entry);
}

static void damage(struct subject *subject)
{
    static const char text[] = "postrider 1 x\n\n";

    fixture_write(subject->fixture.spool.queue, subject->id, text,
                  sizeof text - 1);
}

/* failed/ is for what is damaged. */
static void reads_later_what_cannot_be_read_now(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;

    for (unsigned at = 1; at < CALLS_MAX; at++) {
        struct wrap_plan plan = { .at = at, .how = EMFILE };
        store(subject);
        wrap_start(plan);
        struct message *message = messages_add_queued(messages, subject->id,
                                                      &now);
        unsigned calls = wrap_stop();
        if (fixture_count(subject->fixture.spool.failed) != 0)
            fail_msg("%s: given up", plan_text(&plan));
        if (message == NULL)
            messages_look_again(messages, &now);
        message = messages_find(messages, subject->id);
        if (message == NULL)
            fail_msg("%s: forgotten", plan_text(&plan));
        assert_true(message->stored);
        assert_int_equal(message->received, 1700000000);
        assert_true(messages_finish(messages, message, false, 0));
        if (at > calls)
            return;
    }
    fail();
}

static void gives_up_what_is_damaged(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;

    fixture_empty(&subject->fixture);
    damage(subject);
    assert_null(messages_add_queued(messages, subject->id, &now));
    assert_int_equal(messages->unread_ids.count, 0);
    assert_int_equal(fixture_count(subject->fixture.spool.failed), 1);
}

/* failed/ may be full, or have the name: then it is there still, and known. */
static void keeps_what_it_cannot_give_up(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;
    struct wrap_plan plan = { .how = EROFS, .lasting = true };
    unsigned calls;

    do {
        plan.at++;
        fixture_empty(&subject->fixture);
        strings_free(&messages->unread_ids);
        damage(subject);
        wrap_start(plan);
        assert_null(messages_add_queued(messages, subject->id, &now));
        calls = wrap_stop();
        bool failed = fixture_exists(subject->fixture.spool.failed,
                                     subject->id);
        if (failed == fixture_exists(subject->fixture.spool.queue, subject->id))
            fail_msg("%s: lost", plan_text(&plan));
        if (messages->unread_ids.count != (failed ? 0 : 1))
            fail_msg("%s: forgotten", plan_text(&plan));
    } while (wrap_failed() != NULL);
    assert_true(calls > 5);
    strings_free(&messages->unread_ids);
    unread_clear(&messages->unread);
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
