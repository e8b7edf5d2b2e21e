#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include "../control/fake_daemon.h"
#include "../spool/spool_fixture.h"
#include "checked.h"
#include "control/protocol.h"
#include "util/buf.h"

#define ID "0123456789abcdef0123456789abcdef"

/* The configuration of the fixture's spool, with no daemon. */
static struct config *config_of(const struct fixture *fixture)
{
    struct config *config = checked_config("");

    free(config->spool);
    free(config->control);
    config->spool = alloc_string(fixture->path);
    config->control = alloc_string("/nowhere/control");
    return config;
}

static char *find_in(const struct fixture *fixture, check_function *function,
                     bool all_seen)
{
    struct config *config = config_of(fixture);
    char *findings = checked(config, function, all_seen);

    config_free(config);
    return findings;
}

static void the_folders_of_the_spool_are_verified(void **state)
{
    struct fixture *fixture = *state;
    char *drop = alloc_format("%s/drop", fixture->path);
    char *ok = alloc_format("t: ok: %s\n", fixture->path);

    char *findings = find_in(fixture, check_spool, true);
    assert_string_equal(findings, ok);
    free(findings);
    assert_int_equal(chmod(drop, 0700), 0);
    findings = find_in(fixture, check_spool, true);
    assert_true(text_starts(findings, "t: error: "));
    assert_non_null(strstr(findings, drop));
    assert_null(strstr(findings, "ok"));
    free(findings);
    assert_int_equal(chmod(drop, 03733), 0);
    findings = find_in(fixture, check_spool, false);
    assert_true(text_starts(findings, "t: not checked: "));
    free(findings);
    free(drop);
    free(ok);
}

static void a_spool_that_is_missing_is_one_finding(void **state)
{
    struct config *config = config_of(*state);

    free(config->spool);
    config->spool = alloc_string("/nowhere/spool");
    char *findings = checked(config, check_spool, true);
    assert_true(text_starts(findings, "t: error: "));
    assert_ptr_equal(strchr(findings, '\n'),
                     findings + strlen(findings) - 1);
    free(findings);
    config_free(config);
}

static void counts_what_was_given_up(void **state)
{
    struct fixture *fixture = *state;
    char *path = alloc_format("%s/failed", fixture->path);
    char *one = alloc_format("t: error: %s: 1 message could neither be "
                             "delivered nor returned; ", path);

    fixture_write(fixture->spool.failed, "no-id", "", 0);
    char *findings = find_in(fixture, check_failed, true);
    assert_string_equal(findings, "t: ok: no message was given up\n");
    free(findings);
    fixture_write(fixture->spool.failed, ID, "", 0);
    findings = find_in(fixture, check_failed, true);
    assert_true(text_starts(findings, one));
    free(findings);
    findings = find_in(fixture, check_failed, false);
    assert_true(text_starts(findings, "t: not checked: "));
    free(findings);
    fixture_empty(fixture);
    free(one);
    free(path);
}

struct listed {
    const char *reason;         /* NULL: there is no more */
    enum queue_state state;
    unsigned attempts;
    int age;                    /* seconds */
};

/* The daemon's list. */
static const struct {
    struct listed items[2];
    const char *findings;
} queues[] = {
    { { { .reason = NULL } }, "t: ok: empty\n" },
    { { { "", QUEUE_WAITING, 1, 60 } }, "t: ok: 1 message\n" },
    { { { "", QUEUE_HELD, 1, 60 }, { "", QUEUE_WAITING, 1, 60 } },
      "t: warning: 1 of 2 messages are held; postrider queue release ID\n" },
    { { { "busy", QUEUE_WAITING, 1, 60 },
        { "no route", QUEUE_WAITING, 1, 7200 } },
      "t: warning: 2 messages, the oldest since 2 hours (no route); mailq "
      "shows them, postrider queue flush tries them now\n" },
    { { { "no route", QUEUE_WAITING, 1, 7200 },
        { "busy", QUEUE_HELD, 1, 60 } },
      "t: warning: 2 messages, the oldest since 2 hours (no route); mailq "
      "shows them, postrider queue flush tries them now\n" },
    { { { "", QUEUE_WAITING, 0, 7200 } }, "t: warning: 1 message, the oldest "
      "since 2 hours (no attempt yet); mailq shows them, postrider queue flush "
      "tries them now\n" },
};

static void compose_list(struct buf *list, const struct listed *items)
{
    static const char *const recipients[] = { "b@b.example" };

    for (size_t i = 0; i < 2 && items[i].reason != NULL; i++)
        protocol_put_item(list, &(struct queue_item){
            .id = ID, .state = items[i].state, .reason = items[i].reason,
            .received = (int64_t)time(NULL) - items[i].age,
            .attempts = items[i].attempts, .sender = "a@a.example",
            .recipients = recipients, .recipient_count = 1 });
}

static void late_mail_is_a_warning(void **state)
{
    struct config *config = config_of(*state);
    char *control = alloc_format("%s/control", config->spool);

    free(config->control);
    config->control = control;
    config->delay_warning = 3600000;
    for (size_t i = 0; i < COUNT(queues); i++) {
        struct buf list;
        buf_init(&list, SIZE_MAX);
        compose_list(&list, queues[i].items);
        const struct exchange exchanges[] = { { "list", list.data },
                                              { NULL, NULL } };
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        char *findings = checked(config, check_queue, true);
        assert_true(fake_daemon_end(&fake));
        if (strcmp(findings, queues[i].findings) != 0)
            fail_msg("row %zu:\n%s", i, findings);
        free(findings);
        buf_free(&list);
    }
    unlink(control);
    config_free(config);
}

static void the_daemons_user_must_exist(void **state)
{
    struct config *config = config_of(*state);

    free(config->user);
    config->user = alloc_string("no-such-user");
    char *findings = checked(config, check_group, true);
    assert_string_equal(findings, "t: error: user \"no-such-user\" does not "
                        "exist; useradd --system --user-group --shell "
                        "/usr/sbin/nologin no-such-user\n");
    free(findings);
    config_free(config);
}

static void the_largest_message_needs_room(void **state)
{
    struct config *config = config_of(*state);

    config->message_size_limit = UINT64_MAX;
    char *findings = checked(config, check_file_system, true);
    assert_non_null(strstr(findings, " MB are free; make room, or lower "
                                     "message_size_limit\n"));
    free(findings);
    config_free(config);
}

static void metrics_need_a_folder(void **state)
{
    struct config *config = config_of(*state);

    char *findings = checked(config, check_metrics, true);
    assert_string_equal(findings, "");
    free(findings);
    free(config->metrics);
    config->metrics = alloc_format("%s/metrics", config->spool);
    findings = checked(config, check_metrics, true);
    assert_true(text_starts(findings, "t: ok: "));
    free(findings);
    free(config->metrics);
    config->metrics = alloc_string("/nowhere/metrics");
    findings = checked(config, check_metrics, true);
    assert_true(text_starts(findings, "t: warning: /nowhere/metrics cannot be "
                                      "written: /nowhere: "));
    free(findings);
    config_free(config);
}

/* One that has just come is not late, nor is what no daemon could take. */
static void messages_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];

    fixture_drop(fixture, id);
    char *findings = find_in(fixture, check_unread, true);
    assert_string_equal(findings, "t: ok: all messages can be read\n");
    free(findings);
    findings = find_in(fixture, check_unread, false);
    assert_string_equal(findings, "");
    free(findings);
    fixture_empty(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folders_of_the_spool_are_verified),
        cmocka_unit_test(a_spool_that_is_missing_is_one_finding),
        cmocka_unit_test(counts_what_was_given_up),
        cmocka_unit_test(late_mail_is_a_warning),
        cmocka_unit_test(the_daemons_user_must_exist),
        cmocka_unit_test(the_largest_message_needs_room),
        cmocka_unit_test(metrics_need_a_folder),
        cmocka_unit_test(messages_can_be_read),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
