#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "control/listing.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"

static int set_up(void **state)
{
    setenv("TZ", "UTC", 1);
    return fixture_set_up(state);
}

/* queue/ID, deferred once for its first recipient. */
static void store_deferred(const struct fixture *fixture, const char *reason)
{
    struct error err;
    struct buf text;
    struct state *known = state_new(2);

    fixture_empty(fixture);
    fixture_text(ID, FIXTURE_BODY, &text);
    buf_add_text(&text, "QUEUED 00000000001700000000 0000001000\n");
    fixture_write(fixture->spool.queue, ID, text.data, text.length);
    buf_free(&text);
    known->attempts = 1;
    known->recipients[0].text = alloc_string(reason);
    known->recipients[1].result = STATE_DELIVERED;
    assert_true(state_save(&fixture->spool, ID, known, &err));
    state_free(known);
}

static struct config config_without_daemon(char *spool)
{
    static char control[] = "/nonexistent/control";

    return (struct config){ .spool = spool, .control = control };
}

static char *print(struct fixture *fixture, bool json)
{
    struct error err;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const struct config config = config_without_daemon(fixture->path);

    if (!listing_print(&config, json, "mailq", out, &err))
        fail_msg("%s", err.text);
    fclose(out);
    return text;
}

/* To the letter: check_mailq and others parse it. */
static void prints_as_postfix_does(void **state)
{
    struct fixture *fixture = *state;

    store_deferred(fixture, "connect to mx.example: Connection refused");
    char *text = print(fixture, false);
    assert_string_equal(text,
        "-Queue ID-                        --Size-- ----Arrival Time---- "
        "-Sender/Recipient-------\n"
        "0123456789ABCDEF0123456789ABCDEF"
        "        30 Tue Nov 14 22:13:20  a@example.com\n"
        "    (connect to mx.example: Connection refused)\n"
        "                                                                "
        "b@example.com\n"
        "\n"
        "\t\tTotal requests: 1\n"
        "-- 1 Kbytes in 1 Request.\n");
    free(text);
    fixture_empty(fixture);
    text = print(fixture, false);
    assert_string_equal(text, "Mail queue is empty\n");
    free(text);
}

static void prints_json(void **state)
{
    struct fixture *fixture = *state;

    store_deferred(fixture, "said \"no\\way\"");
    char *text = print(fixture, true);
    assert_string_equal(text, "{\"queue_id\": \"" ID "\", \"state\": "
        "\"waiting\", \"uid\": 1000, \"size\": 30, \"arrival_time\": "
        "1700000000, \"attempts\": 1, \"sender\": \"a@example.com\", "
        "\"reason\": \"said \\\"no\\\\way\\\"\", \"recipients\": "
        "[\"b@example.com\"]}\n");
    free(text);
}

/* Not yet taken, and damaged ones that cannot be shown. */
static void shows_what_lies_in_drop(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    fixture_drop(fixture, id);
    fixture_write(fixture->spool.drop, ID, "junk", 4);
    char *text = print(fixture, false);
    for (char *c = id; *c != '\0'; c++)
        *c = text_upper(*c);
    assert_int_equal(strncmp(strchr(text, '\n') + 1, id, strlen(id)), 0);
    assert_non_null(strstr(text, "in 1 Request."));
    free(text);
}

static void refuses_without_daemon_and_spool(void **state)
{
    char none[] = "/nonexistent/spool";
    const struct config config = config_without_daemon(none);
    struct error err;

    (void)state;
    assert_false(listing_print(&config, false, "mailq", stdout, &err));
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_postfix_does),
        cmocka_unit_test(prints_json),
        cmocka_unit_test(shows_what_lies_in_drop),
        cmocka_unit_test(refuses_without_daemon_and_spool),
    };

    return cmocka_run_group_tests(tests, set_up, fixture_tear_down);
}
