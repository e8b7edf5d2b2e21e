/* Messages that an administrator must act on: counted by kind, with an example
 * and its remedy, and logged once an hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay_fixture.h"
#include "util/text.h"

#define HOUR 3600000            /* milliseconds */

struct subject {
    struct relay relay;
    struct trouble list[TROUBLES];
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    *state = relay_new(sizeof(struct subject));
    return 0;
}

/* --- Messages in each of these troubles. --- */

static void submit(struct subject *subject, const char *sender,
                   const char *smarthost)
{
    relay_drop(&subject->relay, subject->id, &(struct message_shape){
        .reverse_path = sender, .recipients = 1, .smarthost = smarthost });
    relay_begin_log(&subject->relay);
    relay_pick_up(&subject->relay);
    relay_end_log(&subject->relay);
}

static void write_newer(int folder)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    char *text = alloc_format("postrider 9 %s\n", id);
    fixture_write(folder, id, text, strlen(text));
    free(text);
}

static void find_newer_in_drop(struct subject *subject)
{
    write_newer(subject->relay.fixture.spool.drop);
    relay_pick_up(&subject->relay);
}

static void find_newer_in_queue(struct subject *subject)
{
    write_newer(subject->relay.fixture.spool.queue);
    relay_stop(&subject->relay);
    relay_start(&subject->relay);
}

/* Its reports have no reader. */
static void give_up(struct subject *subject)
{
    submit(subject, "", NULL);
    relay_give(&subject->relay);
    relay_begin_log(&subject->relay);
    relay_settle_all(&subject->relay, '5');
    relay_end_log(&subject->relay);
}

static void strand(struct subject *subject)
{
    relay_fill_failed(&subject->relay, RELAY_OWNER);
    give_up(subject);
}

static void miss_smarthost(struct subject *subject)
{
    submit(subject, "a@example.com", "gone");
}

static const struct row {
    void (*happen)(struct subject *subject);
    size_t trouble;             /* its place in the list */
    const char *place;
    enum trouble_kind kind;
    enum log_level level;
    const char *text, *remedy;  /* a part of it */
} rows[] = {
    { find_newer_in_drop, UNREAD_NEWER, "drop", TROUBLE_KIND_NEWER,
      LOG_LEVEL_ALERT, "it has version 9", "upgrade postrider" },
    { find_newer_in_queue, UNREAD_KINDS + UNREAD_NEWER, "queue",
      TROUBLE_KIND_NEWER, LOG_LEVEL_ALERT, "it has version 9",
      "upgrade postrider" },
    { give_up, TROUBLE_GIVEN_UP, "failed", TROUBLE_KIND_GIVEN_UP,
      LOG_LEVEL_ALERT, "look in the log", "look in the log" },
    { miss_smarthost, TROUBLE_BOUND, "queue", TROUBLE_KIND_NO_SMARTHOST,
      LOG_LEVEL_ALERT, "gone", "add it and reload postrider" },
    { strand, TROUBLE_STRANDED, "queue", TROUBLE_KIND_NO_ROOM,
      LOG_LEVEL_ALERT, "as much in failed/", "remove what is not needed" },
};

static size_t count_troubles(const struct trouble list[TROUBLES])
{
    size_t count = 0;

    for (size_t i = 0; i < TROUBLES; i++)
        count += list[i].count;
    return count;
}

static bool has_part(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

static void check_trouble(const struct trouble *trouble,
                          const struct row *expected)
{
    assert_string_equal(trouble->place, expected->place);
    assert_int_equal(trouble->kind, expected->kind);
    assert_int_equal(trouble->level, expected->level);
    if (!has_part(trouble->text, expected->text))
        fail_msg("text: %s", trouble->text);
    if (!has_part(trouble->remedy, expected->remedy))
        fail_msg("remedy: %s", trouble->remedy);
}

static void counts_each_where_it_is(void **state)
{
    struct subject *subject = *state;
    struct trouble list[TROUBLES];

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].happen == strand && geteuid() != 0)
            continue;           /* its owner is not another user */
        rows[i].happen(subject);
        troubles_collect(subject->relay.parts.troubles, list);
        const struct trouble *trouble = &list[rows[i].trouble];
        if (trouble->count != 1 || count_troubles(list) != 1)
            fail_msg("row %zu", i);
        check_trouble(trouble, &rows[i]);
        troubles_free_list(list);
        relay_stop(&subject->relay);
        fixture_empty(&subject->relay.fixture);
        relay_start(&subject->relay);
    }
}

static void has_none_of_a_spool_that_is_well(void **state)
{
    struct subject *subject = *state;
    struct trouble list[TROUBLES];

    submit(subject, "a@example.com", NULL);
    troubles_collect(subject->relay.parts.troubles, list);
    assert_int_equal(count_troubles(list), 0);
    for (size_t i = 0; i < TROUBLES; i++)
        assert_null(list[i].remedy);
    troubles_free_list(list);
}

/* A device that fails passes, or its driver reports it: no alert. */
static void warns_of_what_may_pass(void **state)
{
    static const struct {
        enum fault fault;
        enum unread_kind kind;
        enum log_level level;
    } faults[] = {
        { FAULT_PERMISSION, UNREAD_REFUSED, LOG_LEVEL_ALERT },
        { FAULT_NEWER, UNREAD_NEWER, LOG_LEVEL_ALERT },
        { FAULT_IO, UNREAD_FAILING, LOG_LEVEL_WARNING },
    };
    struct subject *subject = *state;
    struct unread *unread = &subject->relay.parts.messages->unread;
    struct trouble list[TROUBLES];
    struct error err;

    for (size_t i = 0; i < COUNT(faults); i++) {
        error_set(&err, faults[i].fault, "why");
        unread_clear(unread);
        unread_add(unread, &err);
        troubles_collect(subject->relay.parts.troubles, list);
        const struct trouble *trouble = &list[UNREAD_KINDS + faults[i].kind];
        assert_int_equal(trouble->count, 1);
        assert_int_equal(trouble->level, faults[i].level);
        assert_string_equal(trouble->text, "why");
        troubles_free_list(list);
    }
}

/* --- The log. --- */

static void log_troubles(struct subject *subject)
{
    relay_begin_log(&subject->relay);
    troubles_log(subject->relay.parts.troubles,
                 relay_now(&subject->relay)->awake);
    relay_end_log(&subject->relay);
}

static void logs_each_kind_once_an_hour(void **state)
{
    static const char bound[] = "queue: 1 message cannot leave: ";
    static const char two_bound[] = "queue: 2 messages cannot leave: ";
    static const char newer[] = "drop: 1 message cannot be read: ";
    struct subject *subject = *state;

    log_troubles(subject);
    assert_int_equal(relay_count_logged(&subject->relay, "message"), 0);
    miss_smarthost(subject);
    log_troubles(subject);
    assert_int_equal(relay_count_logged(&subject->relay, bound), 1);
    find_newer_in_drop(subject);
    relay_wait(&subject->relay, HOUR - 1);
    log_troubles(subject);
    assert_int_equal(relay_count_logged(&subject->relay, bound), 1);
    assert_int_equal(relay_count_logged(&subject->relay, newer), 1);
    miss_smarthost(subject);
    relay_wait(&subject->relay, 1);
    log_troubles(subject);
    assert_int_equal(relay_count_logged(&subject->relay, two_bound), 1);
    assert_int_equal(relay_count_logged(&subject->relay, newer), 1);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, relay_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(counts_each_where_it_is),
        ON_SPOOL(has_none_of_a_spool_that_is_well),
        ON_SPOOL(warns_of_what_may_pass),
        ON_SPOOL(logs_each_kind_once_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
