#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../configured.h"
#include "../control/fake_daemon.h"
#include "../printed.h"
#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "sendmail/submit.h"
#include "util/text.h"

#define MESSAGE "Subject: x\n\ntext\n"

/* The configuration of the fixture's spool. The caller frees it. */
static struct config *config_of(const struct fixture *fixture)
{
    char *text = alloc_format("hostname = web1.example.com\n"
                              "domain = example.com\naliases = \"\"\n"
                              "spool = \"%s\"\ncontrol = \"%s/control\"\n",
                              fixture->path, fixture->path);
    struct config *config = configured(text);

    free(text);
    return config;
}

struct delivery {
    bool done;
    struct error err;
    char *out;
    char *id;
};

static struct delivery deliver(const struct fixture *fixture,
                               const struct options *opt)
{
    static char recipient[] = "b@b.example";
    static char *const recipients[] = { recipient, NULL };
    struct config *config = config_of(fixture);
    struct submission given = { .uid = geteuid(), .recipients = recipients };
    struct delivery delivery = { .done = false };
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_true(io_write_all(ends[1], MESSAGE, strlen(MESSAGE)));
    close(ends[1]);
    given.source = ends[0];
    struct printed printed = printed_begin(stdout);
    delivery.done = deliver_to_queue(opt, &given, config, &delivery.id,
                                     &delivery.err);
    delivery.out = printed_end(&printed);
    close(ends[0]);
    config_free(config);
    return delivery;
}

static void delivery_free(struct delivery *delivery)
{
    free(delivery->out);
    free(delivery->id);
}

/* With -odi: only a refusal is a failure of the caller's. */
static const struct {
    const char *answer;
    bool done;
    enum fault fault;
    const char *out;            /* after "queued as ID", with -v */
} outcomes[] = {
    { "sent b@b.example 2.0.0 ok\n", true, FAULT_NONE,
      "sent: b@b.example 2.0.0 ok\n" },
    { "deferred b@b.example 4.2.0 busy\n", true, FAULT_NONE,
      "deferred, it stays queued: b@b.example 4.2.0 busy\n" },
    { "removed - - -\n", true, FAULT_NONE, "removed: - - -\n" },
    { "bounced b@b.example 5.1.1 no such user\n", false, FAULT_RECIPIENT,
      "refused: b@b.example 5.1.1 no such user\n" },
    { "bounced b@b.example 5.7.1 spam\n", false, FAULT_UNAVAILABLE,
      "refused: b@b.example 5.7.1 spam\n" },
    { "later\n", true, FAULT_NONE, "" },
    { "", true, FAULT_NONE, "" },
};

static void only_a_refusal_is_the_callers_failure(void **state)
{
    struct fixture *fixture = *state;
    char *control = alloc_format("%s/control", fixture->path);
    const struct options opt = { .delivery_mode = 'i', .verbose = true };

    for (size_t i = 0; i < COUNT(outcomes); i++) {
        const struct exchange exchanges[] = {
            { "wait *", outcomes[i].answer }, { NULL, NULL },
        };
        struct fake_daemon fake = fake_daemon_start(control, exchanges);
        struct delivery delivery = deliver(fixture, &opt);
        assert_true(fake_daemon_end(&fake));
        char *out = alloc_format("queued as %s\n%s", delivery.id,
                                 outcomes[i].out);
        assert_int_equal(delivery.done, outcomes[i].done);
        assert_string_equal(delivery.out, out);
        if (!delivery.done && delivery.err.fault != outcomes[i].fault)
            fail_msg("row %zu: %d", i, (int)delivery.err.fault);
        if (!delivery.done)
            assert_true(text_starts(delivery.err.text, "refused: b@b.example"));
        free(out);
        delivery_free(&delivery);
    }
    assert_int_equal(fixture_count(fixture->spool.drop), COUNT(outcomes));
    fixture_empty(fixture);
    unlink(control);
    free(control);
}

static void without_a_daemon_it_is_queued(void **state)
{
    struct fixture *fixture = *state;
    const struct options opt = { .delivery_mode = 'i' };

    struct delivery delivery = deliver(fixture, &opt);
    assert_true(delivery.done);
    assert_string_equal(delivery.out, "");
    assert_true(fixture_exists(fixture->spool.drop, delivery.id));
    delivery_free(&delivery);
    fixture_empty(fixture);
}

/* The standard output of -bs is the session's. */
static void a_session_gets_no_other_lines(void **state)
{
    struct fixture *fixture = *state;
    const struct options opt = { .mode = MODE_SMTP, .verbose = true };

    struct delivery delivery = deliver(fixture, &opt);
    assert_true(delivery.done);
    assert_string_equal(delivery.out, "");
    delivery_free(&delivery);
    fixture_empty(fixture);
}

static void nothing_is_queued_where_nothing_can_be(void **state)
{
    struct fixture *fixture = *state;
    const struct options opt = { .verbose = true };
    char *drop = alloc_format("%s/drop", fixture->path);
    char *away = alloc_format("%s/away", fixture->path);

    assert_int_equal(rename(drop, away), 0);
    struct delivery delivery = deliver(fixture, &opt);
    assert_int_equal(rename(away, drop), 0);
    assert_false(delivery.done);
    assert_int_equal(delivery.err.fault, FAULT_TEMPORARY);
    assert_null(delivery.id);
    assert_string_equal(delivery.out, "");
    delivery_free(&delivery);
    free(away);
    free(drop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_refusal_is_the_callers_failure),
        cmocka_unit_test(without_a_daemon_it_is_queued),
        cmocka_unit_test(a_session_gets_no_other_lines),
        cmocka_unit_test(nothing_is_queued_where_nothing_can_be),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
