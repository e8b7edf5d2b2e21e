#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pwd.h>
#include <time.h>

#include "../printed.h"
#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "postrider/queue.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define QUEUED "QUEUED 00000000001700000000 0000001000\n"

static int set_up(void **state)
{
    setenv("TZ", "UTC", 1);
    return fixture_set_up(state);
}

/* A message in a folder; queued if it has that line. */
static void store(const struct fixture *fixture, int folder, bool queued)
{
    struct buf text;

    fixture_empty(fixture);
    fixture_text(ID, FIXTURE_BODY, &text);
    if (queued)
        buf_add_text(&text, QUEUED);
    fixture_write(folder, ID, text.data, text.length);
    buf_free(&text);
}

static void keep_state(const struct fixture *fixture, bool held)
{
    struct state *known = state_new(2);
    struct error err;

    known->attempts = 2;
    known->held = held;
    known->recipients[0].text = alloc_string("busy");
    known->recipients[1].result = STATE_DELIVERED;
    assert_true(state_save(&fixture->spool, ID, known, &err));
    state_free(known);
}

static char *show(struct fixture *fixture, bool content)
{
    char control[] = "/nowhere/control";
    const struct config config = { .control = control, .spool = fixture->path,
                                   .delivery = DELIVERY_QUEUE };
    struct error err = { 0 };

    struct printed printed = printed_begin(stdout);
    bool done = content ? queue_show_content(&config, ID, &err)
                        : queue_show(&config, ID, &err);
    char *out = printed_end(&printed);
    if (!done) {
        free(out);
        return alloc_format("%d", err.fault == FAULT_INPUT);
    }
    return out;
}

static const struct {
    bool held;
    const char *state;          /* of the line, and the next one to try */
    const char *next;
} states[] = {
    { false, "state: waiting\n", "next-try: no daemon is running\n" },
    { true, "state: held\n",
      "next-try: held, until postrider queue release\n" },
};

static void shows_all_that_is_known(void **state)
{
    struct fixture *fixture = *state;
    const struct passwd *user = getpwuid(1000);
    char *login = user != NULL ? alloc_format("login: %s\n", user->pw_name)
                               : alloc_string("");

    for (size_t i = 0; i < COUNT(states); i++) {
        store(fixture, fixture->spool.queue, true);
        keep_state(fixture, states[i].held);
        char *out = show(fixture, false);
        char *wanted = alloc_format(
            "queue-id: 0123456789ABCDEF0123456789ABCDEF\n%suid: 1000\n%s"
            "size: 30\nattempts: 2\n"
            "arrival: Tue, 14 Nov 2023 22:13:20 +0000 (", states[i].state,
            login);
        char *rest = alloc_format(
            " ago)\n%ssubject: hello\nsender: <a@example.com>\n"
            "recipient: <b@example.com>\nreason: busy\n", states[i].next);
        assert_true(text_starts(out, wanted));
        assert_non_null(strstr(out, rest));
        free(rest);
        free(wanted);
        free(out);
    }
    free(login);
}

static void what_was_given_up_is_looked_for_last(void **state)
{
    struct fixture *fixture = *state;

    store(fixture, fixture->spool.failed, true);
    char *out = show(fixture, false);
    assert_non_null(strstr(out, "\nstate: given up: postrider queue requeue "
                                "tries it again\n"));
    assert_null(strstr(out, "next-try"));
    free(out);
}

static void what_is_nowhere_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    fixture_empty(fixture);
    for (int content = 0; content < 2; content++) {
        char *out = show(fixture, content != 0);
        assert_string_equal(out, "1");
        free(out);
    }
}

static void the_message_is_shown_wherever_it_is(void **state)
{
    struct fixture *fixture = *state;
    const int folders[] = { fixture->spool.queue, fixture->spool.drop,
                            fixture->spool.failed };

    for (size_t i = 0; i < COUNT(folders); i++) {
        store(fixture, folders[i], folders[i] != fixture->spool.drop);
        char *out = show(fixture, true);
        assert_string_equal(out, FIXTURE_BODY);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_all_that_is_known),
        cmocka_unit_test(what_was_given_up_is_looked_for_last),
        cmocka_unit_test(what_is_nowhere_is_an_error),
        cmocka_unit_test(the_message_is_shown_wherever_it_is),
    };

    return cmocka_run_group_tests(tests, set_up, fixture_tear_down);
}
