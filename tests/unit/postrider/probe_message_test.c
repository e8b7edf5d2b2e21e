#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../configured.h"
#include "config/config.h"
#include "postrider/probe_message.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

/* A user whom no machine has; root, whom each has. */
#define NO_ONE 3999999999u

#define NAMES "hostname = \"web1.example.com\"\ndomain = \"example.com\"\n"

static struct config *config_of(const char *more)
{
    char *text = alloc_format(NAMES "%s", more);
    struct config *config = configured(text);

    free(text);
    return config;
}

static const struct {
    const char *config;
    uid_t uid;
    const char *sender;
} senders[] = {
    { "", 0, "root@example.com" },
    { "", NO_ONE, "3999999999@example.com" },
    { "sender \"root\" {\naddress = \"web1@b.example\"\n}\n", 0,
      "web1@b.example" },
    { "sender \"root\" {\naddress = \"web1@b.example\"\n}\n", NO_ONE,
      "3999999999@example.com" },
    { "sender \"@example.com\" {\nname = \"Web\"\n}\n"
      "sender \"*\" {\naddress = \"web1@b.example\"\n}\n", 0,
      "root@example.com" },
};

static void the_sender_is_the_user_or_as_a_rule_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(senders); i++) {
        struct config *config = config_of(senders[i].config);
        char *sender = probe_message_sender(config, senders[i].uid);
        assert_string_equal(sender, senders[i].sender);
        free(sender);
        config_free(config);
    }
}

/* Parts of the message for bob@c.example. */
static const struct {
    const char *config;
    const char *to;             /* whom it goes to */
    const char *parts[3];
    bool wants_utf8;
} messages[] = {
    { "", "bob@c.example", { "To: bob@c.example\r\n",
      "Subject: Postrider test from web1.example.com\r\n",
      "\r\n\r\nMail of web1.example.com leaves through its smarthost" },
      false },
    { "sender \"root\" {\naddress = \"web1@b.example\"\nname = \"Web 1\"\n}\n",
      "bob@c.example", { "From: Web 1 <web1@b.example>\r\n",
      "Auto-Submitted: auto-generated\r\n", "Message-ID: <" }, false },
    { "redirect_all = \"test@d.example\"\n", "test@d.example",
      { "To: bob@c.example\r\n", "bob@c.example\r\n", "Date: " }, false },
    { "sender \"root\" {\naddress = \"w\xc3\xa9""b@b.example\"\n}\n",
      "bob@c.example", { "w\xc3\xa9""b@b.example" }, true },
};

static void it_is_a_message_as_others_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        struct config *config = config_of(messages[i].config);
        struct probe_message message;
        struct error err = { 0 };
        struct buf text;
        if (!probe_message_make(&message, config, "bob@c.example", 0, &err))
            fail_msg("%s", err.text);
        buf_init(&text, SIZE_MAX);
        assert_int_equal(lseek(message.content.fd, 0, SEEK_SET), 0);
        assert_true(io_read_all(message.content.fd, &text, &err));
        assert_int_equal(message.envelope.count, 1);
        assert_string_equal(message.envelope.recipients[0].path,
                            messages[i].to);
        for (size_t k = 0; k < COUNT(messages[i].parts); k++)
            if (messages[i].parts[k] != NULL &&
                strstr(text.data, messages[i].parts[k]) == NULL)
                fail_msg("row %zu: %s", i, text.data);
        assert_int_equal(message.wants_utf8, messages[i].wants_utf8);
        assert_int_equal(message.content.length, text.length);
        buf_free(&text);
        probe_message_free(&message);
        config_free(config);
    }
}

static void an_address_that_cannot_be_one_is_refused(void **state)
{
    struct config *config = config_of("");
    struct probe_message message;
    struct error err = { 0 };

    (void)state;
    assert_false(probe_message_make(&message, config, "bob@", 0, &err));
    assert_int_equal(err.fault, FAULT_DATA);
    assert_true(text_starts(err.text, "test message: "));
    probe_message_free(&message);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sender_is_the_user_or_as_a_rule_has_it),
        cmocka_unit_test(it_is_a_message_as_others_are),
        cmocka_unit_test(an_address_that_cannot_be_one_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
