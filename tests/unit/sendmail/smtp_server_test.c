#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../in_folder.h"
#include "../postrider/answered.h"
#include "sendmail/commands.h"
#include "sendmail/options.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/text.h"

#define GREETING "220 web1.example.com ESMTP Postrider\r\n"

static void configure(const char *text)
{
    FILE *file = fopen("postrider.conf", "w");

    assert_non_null(file);
    fprintf(file, "hostname = web1.example.com\ndomain = example.com\n"
            "log = none\n%s", text);
    assert_int_equal(fclose(file), 0);
    setenv("POSTRIDER_CONFIG", "postrider.conf", 1);
}

/* What a client that sends all at once gets; the caller frees it. */
static char *serve(const char *input)
{
    const struct options opt = { .mode = MODE_SMTP };
    struct error err = { 0 };
    struct answered answered = answered_begin(input);
    struct printed printed = printed_begin(stdout);

    (void)command_smtp(&opt, &err);
    char *out = printed_end(&printed);
    free(answered_end(&answered));
    return out;
}

static const struct {
    const char *input;
    const char *out;            /* after the greeting */
} commands[] = {
    { "", "" },
    { "HELO c\r\n", "250 web1.example.com\r\n" },
    { "HELO\r\nEHLO \r\n", "501 5.5.4 Syntax: HELO hostname\r\n"
      "501 5.5.4 Syntax: EHLO hostname\r\n" },
    { "EHLO c\r\n", "250-web1.example.com\r\n250-PIPELINING\r\n250-SIZE 1000"
      "\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8"
      "\r\n250-XFLAW\r\n250 CHUNKING\r\n" },
    { "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n",
      "503 5.5.1 Send EHLO or HELO first\r\n"
      "503 5.5.1 Send EHLO or HELO first\r\n"
      "503 5.5.1 Send EHLO or HELO first\r\n" },
    { "helo c\r\nmail FROM:<a@example.com>\r\n", "250 web1.example.com\r\n"
      "250 2.1.0 Ok\r\n" },
    { "RSET\r\nRSET now\r\nQUIT now\r\n", "250 2.0.0 Ok\r\n"
      "501 5.5.4 RSET takes no arguments\r\n"
      "501 5.5.4 QUIT takes no arguments\r\n" },
    { "NOOP some words\r\nHELP\r\n", "250 2.0.0 Ok\r\n"
      "214 2.0.0 See sendmail(8) and RFC 5321\r\n" },
    { "TURN\r\nSTARTTLS\r\nETRN x\r\nAUTH PLAIN\r\n",
      "502 5.5.1 Command not implemented\r\n"
      "502 5.5.1 Command not implemented\r\n"
      "502 5.5.1 Command not implemented\r\n"
      "502 5.5.1 Command not implemented\r\n" },
    { "NOOPE\r\n\r\n NOOP\r\n", "500 5.5.2 Command not recognized\r\n"
      "500 5.5.2 Command not recognized\r\n"
      "500 5.5.2 Command not recognized\r\n" },
    { "noop \t \r\n", "250 2.0.0 Ok\r\n" },
    /* Nothing after it is read. */
    { "QUIT\r\nNOOP\r\n", "221 2.0.0 Bye\r\n" },
};

static void each_command_gets_its_reply(void **state)
{
    (void)state;
    configure("message_size_limit = 1000\n");
    for (size_t i = 0; i < COUNT(commands); i++) {
        char *out = serve(commands[i].input);
        if (!text_starts(out, GREETING) ||
            strcmp(out + strlen(GREETING), commands[i].out) != 0)
            fail_msg("row %zu: %s", i, out);
        free(out);
    }
    unsetenv("POSTRIDER_CONFIG");
}

/* The hundred that are borne, and one more. */
static void a_client_of_too_many_errors_is_left(void **state)
{
    static const char end[] = "500 5.5.2 Command not recognized\r\n"
                              "421 4.7.0 Too many errors\r\n";
    struct buf input;

    (void)state;
    configure("");
    buf_init(&input, SIZE_MAX);
    for (int i = 0; i < 100; i++)
        buf_add_text(&input, "X\r\n");
    char *borne = serve(input.data);
    buf_add_text(&input, "X\r\nNOOP\r\n");
    char *left = serve(input.data);
    assert_null(strstr(borne, "421 "));
    assert_true(strlen(left) > sizeof end);
    assert_string_equal(left + strlen(left) - strlen(end), end);
    free(left);
    free(borne);
    buf_free(&input);
    unsetenv("POSTRIDER_CONFIG");
}

static void a_line_that_is_too_long_is_one_error(void **state)
{
    char *line = alloc_zero(1, 40000);

    (void)state;
    configure("");
    memset(line, 'a', 39000);
    memcpy(line + 39000, "\r\nNOOP\r\n", sizeof "\r\nNOOP\r\n");
    char *out = serve(line);
    assert_string_equal(out, GREETING "500 5.5.2 Line too long\r\n"
                        "250 2.0.0 Ok\r\n");
    free(out);
    free(line);
    unsetenv("POSTRIDER_CONFIG");
}

/* The client keeps its message, and tries again. */
static void a_broken_configuration_is_a_reason_to_wait(void **state)
{
    (void)state;
    configure("nonsense = 1\n");
    char *out = serve("QUIT\r\n");
    assert_true(text_starts(out, "421 4.3.5 postrider.conf:4: "));
    assert_string_equal(strstr(out, "\r\n"), "\r\n");
    free(out);
    unsetenv("POSTRIDER_CONFIG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(each_command_gets_its_reply),
        IN_FOLDER(a_client_of_too_many_errors_is_left),
        IN_FOLDER(a_line_that_is_too_long_is_one_error),
        IN_FOLDER(a_broken_configuration_is_a_reason_to_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
