#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "smtp/reply.h"
#include "smtp/words.h"
#include "util/buf.h"
#include "util/text.h"

static const struct {
    const char *text;           /* as of struct reply: LF between lines */
    const char *words;
} replies[] = {
    { "Relay Access\n denied", "relay access denied" },
    { "<starttls@limit.example>: not  known", "* not known" },
    { "<bob too many@b.example>: no", "* no" },
    { "x <never ended", "x * ended" },
    { "<\"bob> too many\"@b.example>: no", "* no" },
    { "<\"bob\\\" > too many\"@b.example>: no", "* no" },
    { "to=\"bob too many\"@b.example, no", "* no" },
    { "to=\"bob\\\" too many\"@b.example, no", "* no" },
    { "<\"bob> too many\" x>: no", "* too many\" x>: no" },
    { "x \"never ended\\", "x \"never ended\\" },
    { "wait...later", "wait...later" },
    { "\"too many\" for <bob\"@b.example>: no", "\"too many\" for * no" },
    { "smtp-relay.example: go away", "* go away" },
    { "host [192.0.2.1] listed; see https://too.many/later", "host * listed; "
      "see *" },
    { "Error: 5.7.139 No way.", "error: * no way." },
    { "a@b", "*" },
    { "", "" },
    { "  \t\n ", "" },
};

static void names_are_no_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct reply reply;
        struct buf words;

        reply_init(&reply);
        buf_init(&words, SIZE_MAX);
        buf_add_text(&reply.text, replies[i].text);
        words_of(&reply, &words);
        assert_string_equal(words.data, replies[i].words);
        buf_free(&words);
        reply_free(&reply);
    }
}

static const struct {
    const char *words, *phrases;
    bool said;
} phrases[] = {
    { "too many logins", "later|too many", true },
    { "limits are exceeded", "limit", true },
    { "unlimited", "limit", false },
    { "limit-7 refuses", "limit", false },
    { "my-limit refuses", "limit", false },
    { "my_limit refuses, at its limit", "limit", true },
    { "(ehlo)", "ehlo", true },
    { "helo/ehlo", "ehlo", true },
    { "account is locked", "account&locked", true },
    { "account is open", "account&locked", false },
    { "account is open", "account&locked|open", true },
    { "anything", "", true },
    { "", "", true },
    { "", "any", false },
};

static void phrases_begin_where_words_begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(phrases); i++)
        if (words_hold(phrases[i].words, phrases[i].phrases) != phrases[i].said)
            fail_msg("\"%s\" in \"%s\"", phrases[i].phrases, phrases[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_no_words),
        cmocka_unit_test(phrases_begin_where_words_begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
