#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "answered.h"
#include "postrider/terminal.h"
#include "util/alloc.h"
#include "util/error.h"
#include "util/secret.h"
#include "util/text.h"

#define TOO_LONG 5000

static const struct {
    const char *usual;
    const char *input;
    const char *answer;         /* NULL: there is none */
    const char *shown;
} questions[] = {
    { NULL, "mx.example\n", "mx.example", "Host: " },
    { NULL, " \t mx one \r\n", "mx one", "Host: " },
    { NULL, "\n", "", "Host: " },
    { "", "\n", "", "Host: " },
    { "mx1", "\n", "mx1", "Host [mx1]: " },
    { "mx1", "  \n", "mx1", "Host [mx1]: " },
    { "mx1", "mx2 \n", "mx2", "Host [mx1]: " },
    { "mx1", "", NULL, "Host [mx1]: " },
    { "mx1", "mx2", NULL, "Host [mx1]: " },     /* a line has an end */
};

static void an_empty_answer_is_the_usual_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct error err = { 0 };
        struct answered answered = answered_begin(questions[i].input);
        char *answer = terminal_ask("Host", questions[i].usual, &err);
        char *shown = answered_end(&answered);
        const char *wanted = questions[i].answer;
        bool right = wanted == NULL ? answer == NULL &&
                                      err.fault == FAULT_INPUT
                                    : answer != NULL &&
                                      strcmp(answer, wanted) == 0;
        if (!right || strcmp(shown, questions[i].shown) != 0)
            fail_msg("row %zu: %s %s", i, shown, answer);
        free(answer);
        free(shown);
    }
}

static void an_answer_has_a_limit(void **state)
{
    struct error err = { 0 };
    char *line = alloc_zero(1, TOO_LONG + 1);

    (void)state;
    memset(line, 'a', TOO_LONG);
    struct answered answered = answered_begin(line);
    char *answer = terminal_ask("Host", NULL, &err);
    free(answered_end(&answered));
    assert_null(answer);
    assert_string_equal(err.text, "the answer is too long");
    free(line);
}

/* Octets after the line are the next reader's. */
static void each_question_takes_one_line(void **state)
{
    struct error err = { 0 };
    struct answered answered = answered_begin("one\ntwo\n");
    char *first = terminal_ask("Host", NULL, &err);
    char *second = terminal_ask("Host", NULL, &err);

    (void)state;
    free(answered_end(&answered));
    assert_string_equal(first, "one");
    assert_string_equal(second, "two");
    free(first);
    free(second);
}

#define AGAIN "Please type y or n.\n"

static const struct {
    bool usual;
    const char *input;
    int answer;                 /* -1: there is none */
    const char *shown;
} decisions[] = {
    { true, "\n", 1, "Sure [Y/n]: " },
    { false, "\n", 0, "Sure [y/N]: " },
    { true, "n\n", 0, "Sure [Y/n]: " },
    { true, "No\n", 0, "Sure [Y/n]: " },
    { false, "Y\n", 1, "Sure [y/N]: " },
    { false, " yes \n", 1, "Sure [y/N]: " },
    { false, "yep\ny\n", 1, "Sure [y/N]: " AGAIN "Sure [y/N]: " },
    { true, "0\n\n", 1, "Sure [Y/n]: " AGAIN "Sure [Y/n]: " },
    { true, "", -1, "Sure [Y/n]: " },
    { true, "maybe\n", -1, "Sure [Y/n]: " AGAIN "Sure [Y/n]: " },
};

static void yes_or_no_is_asked_until_it_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(decisions); i++) {
        struct error err = { 0 };
        bool answer = false;
        struct answered answered = answered_begin(decisions[i].input);
        bool done = terminal_ask_yes("Sure", decisions[i].usual, &answer, &err);
        char *shown = answered_end(&answered);
        if ((done ? (int)answer : -1) != decisions[i].answer ||
            strcmp(shown, decisions[i].shown) != 0)
            fail_msg("row %zu: %d %d %s", i, done, answer, shown);
        free(shown);
    }
}

/* Blanks may belong to it. */
static void a_secret_is_kept_as_it_is(void **state)
{
    struct error err = { 0 };
    struct secret secret = { 0 };
    struct answered answered = answered_begin(" a b \n");
    bool done = terminal_ask_secret("Password", &secret, &err);
    bool again = terminal_ask_secret("Password", &secret, &err);
    char *shown = answered_end(&answered);

    (void)state;
    assert_true(done);
    assert_string_equal(secret.data, " a b ");
    assert_false(again);
    assert_int_equal(err.fault, FAULT_INPUT);
    assert_string_equal(shown, "Password: \nPassword: \n");
    free(shown);
    secret_wipe(&secret);
}

#define WORDS "0123456789 123456789 123456789 123456789 123456789 123456789 "

static const struct {
    const char *text;
    const char *shown;
} texts[] = {
    { "short", "short\n" },
    { WORDS "123456789 12345678", WORDS "123456789 12345678\n" },
    { WORDS "123456789 123456789", WORDS "123456789\n123456789\n" },
    { WORDS "123456789 123456789 " WORDS,
      WORDS "123456789\n123456789 " WORDS "\n" },
    { "\033[2Jx", "\\x1b[2Jx\n" },
};

static void lines_fit_a_terminal_and_do_not_command_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct printed printed = printed_begin(stderr);
        terminal_print("%s\n", texts[i].text);
        char *shown = printed_end(&printed);
        if (strcmp(shown, texts[i].shown) != 0)
            fail_msg("row %zu: %s", i, shown);
        free(shown);
    }
}

static void elsewhere_nobody_is_asked_or_shown(void **state)
{
    (void)state;
    struct answered answered = answered_begin("");
    bool person = terminal_has_person();
    terminal_progress("%d of 9", 3);
    terminal_wait_begin(stderr);
    terminal_wait_for("the reply", NULL);
    terminal_wait_end();
    char *shown = answered_end(&answered);
    assert_false(person);
    assert_string_equal(shown, "");
    free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_answer_is_the_usual_one),
        cmocka_unit_test(an_answer_has_a_limit),
        cmocka_unit_test(each_question_takes_one_line),
        cmocka_unit_test(yes_or_no_is_asked_until_it_is_one),
        cmocka_unit_test(a_secret_is_kept_as_it_is),
        cmocka_unit_test(lines_fit_a_terminal_and_do_not_command_it),
        cmocka_unit_test(elsewhere_nobody_is_asked_or_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
