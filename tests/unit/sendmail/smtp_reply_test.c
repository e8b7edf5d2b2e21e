#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../printed.h"
#include "server_fixture.h"
#include "util/strings.h"

static void errors_are_what_will_not_change(void **state)
{
    static const struct {
        const char *reply;
        unsigned errors;        /* after it */
    } cases[] = {
        { "250 2.0.0 Ok", 0 }, { "550 5.1.1 No", 1 }, { "451 4.3.0 Later", 1 },
        { "550-5.1.1 One of", 1 }, { "550 5.1.1 two", 2 },
        { "354 Go ahead", 2 },
    };
    struct server server = { .uid = 7 };
    struct printed printed = printed_begin(stderr);
    unsigned wrong = 0;

    (void)state;
    buf_init(&server.out, SIZE_MAX);
    for (size_t i = 0; i < COUNT(cases); i++) {
        server_reply(&server, "%s", cases[i].reply);
        wrong += server.errors != cases[i].errors;
    }
    free(printed_end(&printed));
    assert_int_equal(wrong, 0);
    assert_string_equal(server.out.data,
        "250 2.0.0 Ok\r\n550 5.1.1 No\r\n451 4.3.0 Later\r\n"
        "550-5.1.1 One of\r\n550 5.1.1 two\r\n354 Go ahead\r\n");
    buf_free(&server.out);
}

/* RFC 5321 section 4.5.3.1.5; and one line, whatever a client has sent. */
static void a_reply_is_a_line_that_fits(void **state)
{
    struct server server = { .uid = 7 };

    (void)state;
    buf_init(&server.out, SIZE_MAX);
    server_reply(&server, "250 2.0.0 a\r\n550 b\x1b");
    assert_string_equal(server.out.data,
                        "250 2.0.0 a\\x0d\\x0a550 b\\x1b\r\n");
    buf_clear(&server.out);
    server_reply(&server, "250 2.0.0 %0999d", 7);
    assert_true(server.out.length <= REPLY_LINE_MAX + 2);
    assert_true(server.out.length > 500);
    assert_true(text_starts(server.out.data, "250 2.0.0 000"));
    assert_string_equal(server.out.data + server.out.length - 2, "\r\n");
    buf_free(&server.out);
}

static void lines_of_a_reply_have_its_code(void **state)
{
    struct server server = { .uid = 7 };
    struct strings lines = { 0 };

    (void)state;
    buf_init(&server.out, SIZE_MAX);
    strings_add(&lines, "one");
    server_reply_lines(&server, "250 2.1.5", &lines);
    strings_add(&lines, "two");
    server_reply_lines(&server, "250 2.1.5", &lines);
    assert_string_equal(server.out.data, "250 2.1.5 one\r\n250-2.1.5 one\r\n"
                                         "250 2.1.5 two\r\n");
    strings_free(&lines);
    buf_free(&server.out);
}

static void replies_travel_together(void **state)
{
    struct server server = { .uid = 7 };

    (void)state;
    buf_init(&server.out, SIZE_MAX);
    server_reply(&server, "250 one");
    server_reply(&server, "250 two");
    struct printed printed = printed_begin(stdout);
    bool sent = server_send_replies(&server);
    char *text = printed_end(&printed);
    assert_true(sent);
    assert_string_equal(text, "250 one\r\n250 two\r\n");
    assert_int_equal(server.out.length, 0);
    free(text);
    buf_free(&server.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_what_will_not_change),
        cmocka_unit_test(a_reply_is_a_line_that_fits),
        cmocka_unit_test(lines_of_a_reply_have_its_code),
        cmocka_unit_test(replies_travel_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
