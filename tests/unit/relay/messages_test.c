#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/clocks.h"
#include "relay/messages.h"
#include "relay/log_delivery.h"
#include "relay/schedule.h"
#include "util/scratch.h"

#define MANY 5000

static const struct strings none;   /* no journals */

struct subject {
    struct fixture fixture;
    struct config config;
    struct totals totals;
    struct messages *messages;
};

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
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

/* One that was taken; its files are gone already. */
static struct message *add(struct subject *subject, unsigned number,
                           int64_t received)
{
    const struct moment now = { .wall = received };
    struct entry *entry = alloc_zero(1, sizeof *entry);

    entry->fd = -1;
    snprintf(entry->id, sizeof entry->id, "%032x", number);
    return messages_add_taken(subject->messages, entry, &now);
}

static void knows_each_by_its_id(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;
    const char *id = "00000000000000000000000000000001";

    assert_null(messages_find(messages, id));
    struct message *message = add(subject, 1, 0);
    add(subject, 2, 0);
    assert_ptr_equal(messages_find(messages, id), message);
    assert_int_equal(schedule_count(messages->schedule), 2);
    assert_true(messages_finish(messages, message, false, 0));
    assert_null(messages_find(messages, id));
    assert_int_equal(schedule_count(messages->schedule), 1);
}

static void knows_the_oldest(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;

    assert_int_equal(messages_oldest(messages), 0);
    add(subject, 1, 30);
    struct message *second = add(subject, 2, 20);
    add(subject, 3, 40);
    assert_int_equal(messages_oldest(messages), 20);
    struct message *first = add(subject, 4, 10);
    assert_int_equal(messages_oldest(messages), 10);
    assert_true(messages_finish(messages, first, false, 0));
    assert_true(messages_finish(messages, second, false, 0));
    assert_int_equal(messages_oldest(messages), 30);
    messages_move_dates(messages, 50, 5);
    assert_int_equal(messages_oldest(messages), 35);
}

/* A date that was ahead of the clock was not made by it. */
static void moves_dates_with_the_clock(void **state)
{
    struct subject *subject = *state;
    struct message *message = add(subject, 1, 1000);
    struct message *ahead = add(subject, 2, 5000);

    messages_move_dates(subject->messages, 2000, -500);
    assert_int_equal(message->received, 500);
    assert_int_equal(ahead->received, 5000);
}

struct walk {
    struct messages *messages;
    size_t met[MANY];
};

/* Every second one goes when it is met. */
static void meet(void *context, struct message *message)
{
    struct walk *walk = context;
    size_t number = (size_t)message->received;

    if (number < MANY && ++walk->met[number] == 1 && number % 2 == 1)
        messages_finish(walk->messages, message, false, 0);
}

static void meets_each_once_though_others_come_and_go(void **state)
{
    struct subject *subject = *state;
    struct walk *walk = alloc_zero(1, sizeof *walk);

    walk->messages = subject->messages;
    for (unsigned i = 0; i < MANY; i++)
        add(subject, i, i);
    for (size_t place = 0; place < MESSAGES_PLACES; place++) {
        messages_each_at(walk->messages, place, meet, walk);
        add(subject, MANY + (unsigned)place, MANY);
    }
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(walk->met[i], 1);
    assert_int_equal(schedule_count(walk->messages->schedule),
                     MANY / 2 + MESSAGES_PLACES);
    free(walk);
}

/* As a newer version wrote them; more than a start reads before it serves. */
static void counts_each_once_that_cannot_be_read(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;
    const size_t many = MESSAGES_AT_ONCE + 50;
    const struct moment now = { .wall = 1700000000 };
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;

    for (size_t i = 0; i < many; i++) {
        snprintf(id, sizeof id, "%032zx", i);
        char *text = alloc_format("postrider 2 %s\n", id);
        fixture_write(subject->fixture.spool.queue, id, text, strlen(text));
        free(text);
    }
    assert_true(messages_recover(messages, &none, &now, &err));
    assert_int_equal(messages_to_read(messages), 50);
    for (size_t i = 0; i < many; i++) {
        snprintf(id, sizeof id, "%032zx", i);
        assert_null(messages_find(messages, id));
    }
    while (messages_read(messages, &now, 0))
        ;
    assert_int_equal(unread_count(&messages->unread), many);
    assert_int_equal(messages->unread_ids.count, many);
}

/* In queue/, with a null reverse-path or another. */
static void put(struct subject *subject, const char *from)
{
    struct envelope env = { 0 };
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;

    random_id(id);
    struct draft *draft = draft_new_report(id, SCRATCH_PLACES, &err);
    assert_non_null(draft);
    assert_true(envelope_set_reverse_path(&env, from, &err));
    assert_true(envelope_add_recipient(&env, "b@example.com", NULL, 0, &err));
    assert_true(draft_envelope(draft, &env, &err));
    assert_true(draft_add(draft, FIXTURE_BODY, strlen(FIXTURE_BODY), &err));
    assert_true(draft_end(draft, false, &err));
    assert_true(queue_add(&subject->fixture.spool, draft, 1700000000, &err));
    draft_free(draft);
    envelope_free(&env);
}

static void count_report(void *context, struct message *message)
{
    *(size_t *)context += *message->summary == '\0';
}

static void reads_reports_after_what_they_are_about(void **state)
{
    struct subject *subject = *state;
    struct messages *messages = subject->messages;
    const size_t many = MESSAGES_AT_ONCE + 50;
    const struct moment now = { .wall = 1700000000 };
    size_t reports = 0;
    struct error err;

    for (size_t i = 0; i < many; i++)
        put(subject, i % 2 == 0 ? "" : "a@example.com");
    assert_true(messages_recover(messages, &none, &now, &err));
    messages_each(messages, count_report, &reports);
    assert_int_equal(reports, 0);
    assert_int_equal(messages_count(messages), many);
    while (messages_read(messages, &now, 0))
        ;
    messages_each(messages, count_report, &reports);
    assert_int_equal(reports, many / 2);
    assert_int_equal(schedule_count(messages->schedule), many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(knows_each_by_its_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(knows_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moves_dates_with_the_clock, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            meets_each_once_though_others_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_reports_after_what_they_are_about,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_each_once_that_cannot_be_read,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
