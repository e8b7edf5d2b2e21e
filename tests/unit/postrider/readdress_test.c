#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mail/envelope.h"
#include "postrider/readdress.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/strings.h"
#include "util/text.h"

#define HOST "web1.example"

static const struct {
    const char *sender;
    bool from_local;
    const char *recipients[3];
    const char *host;           /* NULL: the machine has no such name */
    const char *arguments;      /* after "sendmail -i -odi" */
} lines[] = {
    { "root@" HOST, true, { "ann@example.com" }, HOST,
      " -f root -- ann@example.com" },
    { "root@" HOST, false, { "ann@example.com" }, HOST,
      " -f root@" HOST " -- ann@example.com" },
    { "root@old.example", true, { "ann@example.com" }, NULL,
      " -f root -- ann@example.com" },
    { "", false, { "root@WEB1.example", "root@" HOST ".example" }, HOST,
      " -f <> -- root root@" HOST ".example" },
    { "ann@example.com", false, { "root@" HOST, "a@b@" HOST }, NULL,
      " -f ann@example.com -- root@" HOST },
};

static char *join(const struct strings *words)
{
    struct buf line;

    buf_init(&line, SIZE_MAX);
    for (size_t i = 0; i < words->count; i++)
        buf_add_format(&line, "%s%s", i > 0 ? " " : "", words->items[i]);
    return buf_take(&line);
}

/* The line, which the caller frees. */
static char *arguments_of(const struct envelope *env, const char *host)
{
    struct strings arguments = { 0 };

    readdress_arguments(env, host, &arguments);
    char *line = join(&arguments);
    strings_free(&arguments);
    return line;
}

static void local_names_are_completed_again(void **state)
{
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct envelope env = { 0 };
        assert_true(envelope_set_reverse_path(&env, lines[i].sender, &err));
        env.from_local = lines[i].from_local;
        for (size_t k = 0; lines[i].recipients[k] != NULL; k++)
            (void)envelope_add_recipient(&env, lines[i].recipients[k], NULL, 0,
                                         &err);
        char *line = arguments_of(&env, lines[i].host);
        assert_true(text_starts(line, "sendmail -i -odi"));
        assert_string_equal(line + strlen("sendmail -i -odi"),
                            lines[i].arguments);
        free(line);
        envelope_free(&env);
    }
}

static void keeps_what_the_sender_asked_for(void **state)
{
    struct envelope env = { .dsn_return = RETURN_HEADERS };
    struct error err;

    (void)state;
    assert_true(envelope_set_reverse_path(&env, "a@a.example", &err));
    assert_true(envelope_add_recipient(&env, "b@b.example", NULL,
                                       NOTIFY_FAILURE | NOTIFY_DELAY, &err));
    env.envelope_id = alloc_string("id");
    char *line = arguments_of(&env, HOST);
    assert_string_equal(line, "sendmail -i -odi -f a@a.example -N "
                              "FAILURE,DELAY -R hdrs -V id -- b@b.example");
    free(line);
    env.dsn_return = RETURN_FULL;
    line = arguments_of(&env, HOST);
    assert_non_null(strstr(line, " -R full "));
    free(line);
    envelope_free(&env);
}

static const struct {
    const char *text, *header;
    size_t rest;                /* octets that are not of it */
} headers[] = {
    { "From: root@" HOST "\r\nTo: ann@" HOST "\r\n\r\nroot@" HOST "\r\n",
      "From: root\r\nTo: ann@" HOST "\r\n", 21 },
    { "FROM: Ann <ann@WEB1.example>,\r\n bob@" HOST " (x)\r\nCc: c@" HOST
      "\r\n d@" HOST "\r\n\r\n",
      "FROM: Ann <ann>,\r\n bob (x)\r\nCc: c@" HOST "\r\n d@" HOST "\r\n", 2 },
    { "Sender: a@" HOST ";\r\nReply-To: b@" HOST ", c@" HOST ".example\r\n",
      "Sender: a;\r\nReply-To: b, c@" HOST ".example\r\n", 0 },
    { "Subject: x\r\nFrom: a@" HOST "\r\nX", "Subject: x\r\nFrom: a\r\n", 1 },
    { "\r\nFrom: a@" HOST "\r\n", "", 24 },
};

static void authors_lose_the_machines_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct buf text, header;
        buf_init(&text, SIZE_MAX);
        buf_init(&header, SIZE_MAX);
        buf_add_text(&text, headers[i].text);
        size_t length = readdress_header(&header, &text, HOST);
        assert_string_equal(header.data, headers[i].header);
        assert_int_equal(text.length - length, headers[i].rest);
        buf_free(&text);
        buf_free(&header);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_names_are_completed_again),
        cmocka_unit_test(keeps_what_the_sender_asked_for),
        cmocka_unit_test(authors_lose_the_machines_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
