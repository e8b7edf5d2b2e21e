#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../printed.h"
#include "../spool/spool_fixture.h"
#include "server_fixture.h"

#define SETTINGS "hostname = web1.example.com\ndomain = example.com\n" \
                 "aliases = \"\"\nmessage_size_limit = 1000\n" \
                 "spool = \"%s\"\nlog = none\n"
#define MESSAGE "Subject: x\r\n\r\ntext\r\n"

struct tested {
    struct fixture spool;
    struct server_fixture smtp;
};

static int set_up(void **state)
{
    struct tested *tested = alloc_zero(1, sizeof *tested);

    fixture_open(&tested->spool);
    char *settings = alloc_format(SETTINGS, tested->spool.path);
    server_fixture_open(&tested->smtp, settings);
    free(settings);
    *state = tested;
    return 0;
}

static int tear_down(void **state)
{
    struct tested *tested = *state;

    server_fixture_close(&tested->smtp);
    fixture_close(&tested->spool);
    free(tested);
    return 0;
}

#define TAKE(command, argument, reply) \
    server_fixture_assert(&tested->smtp, server_take_##command, argument, reply)

static void begin(struct tested *tested)
{
    server_reset(&tested->smtp.server);
    TAKE(mail, "FROM:<a@b.example>", "250 ");
    TAKE(rcpt, "TO:<c@d.example>", "250 ");
}

/* The first reply, 354, is sent at once. */
static void assert_data(struct tested *tested, const char *message,
                        const char *reply)
{
    server_fixture_send(&tested->smtp, message);
    struct printed printed = printed_begin(stdout);
    char nothing[] = "";

    buf_clear(&tested->smtp.server.out);
    server_take_data(&tested->smtp.server, nothing);
    char *text = printed_end(&printed);
    assert_true(text_starts(text, "354 "));
    if (!text_starts(tested->smtp.server.out.data, reply))
        fail_msg("%s", tested->smtp.server.out.data);
    free(text);
}

static void content_needs_a_transaction(void **state)
{
    struct tested *tested = *state;

    TAKE(data, "", "503 5.5.1 Need MAIL command first");
    TAKE(mail, "FROM:<a@b.example>", "250 ");
    TAKE(data, "", "503 5.5.1 Need RCPT command first");
    TAKE(rcpt, "TO:<c@>", "553 ");
    TAKE(data, "", "554 5.5.1 No valid recipients");
    TAKE(rcpt, "TO:<c@d.example>", "250 ");
    assert_false(tested->smtp.server.done);
}

static void a_message_is_queued_under_its_name(void **state)
{
    struct tested *tested = *state;

    begin(tested);
    assert_data(tested, MESSAGE ".\r\n", "250 2.0.0 Ok: queued as ");
    assert_int_equal(fixture_count(tested->spool.spool.drop), 1);
    assert_null(tested->smtp.server.reverse_path);
    assert_int_equal(tested->smtp.server.errors, 0);
}

static void one_that_is_too_large_is_read_to_its_end(void **state)
{
    struct tested *tested = *state;
    char *large = alloc_format(MESSAGE "%0999d\r\n.\r\n", 7);

    begin(tested);
    assert_data(tested, large, "552 5.3.4 Message too large");
    assert_int_equal(fixture_count(tested->spool.spool.drop), 0);
    begin(tested);
    assert_data(tested, MESSAGE ".\r\n", "250 2.0.0 Ok: queued as ");
    free(large);
}

static void chunks_become_one_message(void **state)
{
    struct tested *tested = *state;

    begin(tested);
    server_fixture_send(&tested->smtp, MESSAGE MESSAGE);
    TAKE(bdat, "20", "250 2.0.0 Ok: 20 octets");
    TAKE(data, "", "503 5.5.1 DATA is not allowed after BDAT");
    TAKE(bdat, "20 last", "250 2.0.0 Ok: queued as ");
    assert_int_equal(fixture_count(tested->spool.spool.drop), 1);
}

/* The chunk is not taken for commands, and those after it are refused. */
static void a_refused_chunk_ends_the_transaction(void **state)
{
    struct tested *tested = *state;
    char *large = alloc_format("%01001d", 7);

    server_fixture_send(&tested->smtp, MESSAGE);
    TAKE(bdat, "20 LAST", "503 5.5.1 Need MAIL command first");
    begin(tested);
    server_fixture_send(&tested->smtp, large);
    TAKE(bdat, "1001", "552 5.3.4 Message too large");
    server_fixture_send(&tested->smtp, MESSAGE);
    TAKE(bdat, "20 LAST", "503 5.5.1 Need MAIL command first");
    assert_false(tested->smtp.server.done);
    assert_int_equal(fixture_count(tested->spool.spool.drop), 0);
    free(large);
}

static const char *const wrong_chunks[] = {
    "", "x", "-1", "20 FIRST", "20 LAST x", "99999999999999999999",
};

/* Where it ends is unknown. */
static void a_chunk_without_a_length_ends_the_session(void **state)
{
    struct tested *tested = *state;

    for (size_t i = 0; i < COUNT(wrong_chunks); i++) {
        begin(tested);
        tested->smtp.server.done = false;
        TAKE(bdat, wrong_chunks[i], "501 5.5.4 Syntax: BDAT length [LAST]");
        assert_true(tested->smtp.server.done);
    }
}

static void what_cannot_be_stored_is_for_later(void **state)
{
    struct tested *tested = *state;
    char *drop = alloc_format("%s/drop", tested->spool.path);
    char *away = alloc_format("%s/away", tested->spool.path);

    begin(tested);
    assert_int_equal(rename(drop, away), 0);
    server_fixture_send(&tested->smtp, MESSAGE);
    TAKE(bdat, "20 LAST", "451 4.3.");
    assert_int_equal(rename(away, drop), 0);
    free(away);
    free(drop);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(content_needs_a_transaction),
        TEST(a_message_is_queued_under_its_name),
        TEST(one_that_is_too_large_is_read_to_its_end),
        TEST(chunks_become_one_message),
        TEST(a_refused_chunk_ends_the_transaction),
        TEST(a_chunk_without_a_length_ends_the_session),
        TEST(what_cannot_be_stored_is_for_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
