#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "../in_folder.h"
#include "answered.h"
#include "postrider/setup.h"
#include "util/text.h"

static const struct question port = {
    .option = "--port", .text = "Port", .usual = "587", .check = "port",
};

static const struct {
    const char *lines;
    const char *answer;         /* NULL: there is none */
    const char *shown;
} asked[] = {
    { "25\n", "25", "Port [587]: " },
    { "\n", "587", "Port [587]: " },
    { "  465 \nx", "465", "Port [587]: " },
    { "x\n25\n", "25", "must be 1 to 65535\nPort [587]: " },
    { "99999\n\n", "587", "must be 1 to 65535\nPort [587]: " },
    { "", NULL, "Port [587]: " },
    { "25", NULL, "Port [587]: " },
};

static void asks_until_the_answer_is_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct setup setup = { .has_person = true };
        struct error err = { 0 };
        char *answer = NULL;
        struct answered answered = answered_begin(asked[i].lines);
        bool done = setup_need(&setup, &answer, &port, &err);
        char *shown = answered_end(&answered);
        assert_int_equal(done, asked[i].answer != NULL);
        if (asked[i].answer != NULL)
            assert_string_equal(answer, asked[i].answer);
        else
            assert_int_equal(err.fault, FAULT_INPUT);
        if (strstr(shown, asked[i].shown) == NULL)
            fail_msg("row %zu: %s", i, shown);
        free(shown);
        free(answer);
    }
}

static void asks_again_for_nothing(void **state)
{
    static const struct question question = { .option = "--x", .text = "X" };
    struct setup setup = { .has_person = true };
    struct error err = { 0 };
    char *answer = NULL;

    (void)state;
    struct answered answered = answered_begin("\n \na b\n");
    bool done = setup_need(&setup, &answer, &question, &err);
    char *shown = answered_end(&answered);
    assert_true(done);
    assert_string_equal(answer, "a b");
    assert_string_equal(shown, "X: X: X: ");
    free(shown);
    free(answer);
}

/* An option is the answer, and what names it is the error without a person. */
static void without_a_person_an_option_is_missing(void **state)
{
    struct setup setup = { .has_person = false };
    struct error err = { 0 };
    char *answer = NULL;

    (void)state;
    assert_false(setup_need(&setup, &answer, &port, &err));
    assert_int_equal(err.fault, FAULT_USAGE);
    assert_string_equal(err.text, "--port is missing: Port");
    setup_use(&answer, "25");
    setup_use(&answer, "26");
    assert_true(setup_need(&setup, &answer, &port, &err));
    assert_string_equal(answer, "25");
    setup_forget(&answer);
    assert_null(answer);
}

static const struct {
    const char *lines;
    const char *address;
    const char *user;
} people[] = {
    { "ann\nann@a.example\n\n", "ann@a.example", "ann@a.example" },
    { "ann@a.example\nbob\n", "ann@a.example", "bob" },
    { "ann@a.example\n-\n", "ann@a.example", "" },
};

static void a_login_is_the_address_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(people); i++) {
        struct setup setup = { .has_person = true };
        struct error err = { 0 };
        struct answered answered = answered_begin(people[i].lines);
        bool done = setup_need_address(&setup, &err) &&
                    setup_ask_user(&setup, &err);
        free(answered_end(&answered));
        assert_true(done);
        assert_string_equal(setup.address, people[i].address);
        assert_string_equal(setup.user, people[i].user);
        setup_free(&setup);
    }
}

static void write_secret(const char *text)
{
    FILE *file = fopen("secret", "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const struct {
    const char *text, *secret;
} secrets[] = {
    { "s3cret\nx", "s3cret" }, { " s \r\n", " s " }, { "s3cret", "s3cret" },
    { "\nx", "" }, { "", "" },
};

static void the_first_line_is_the_secret(void **state)
{
    struct secret secret = { 0 };
    struct error err = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT(secrets); i++) {
        write_secret(secrets[i].text);
        assert_true(setup_read_secret("secret", &secret, &err));
        assert_string_equal(secret.data, secrets[i].secret);
        assert_int_equal(secret.length, strlen(secrets[i].secret));
    }
    struct answered answered = answered_begin("typed\n");
    bool done = setup_read_secret("-", &secret, &err);
    free(answered_end(&answered));
    assert_true(done);
    assert_string_equal(secret.data, "typed");
    assert_false(setup_read_secret("nowhere", &secret, &err));
    assert_int_equal(err.fault, FAULT_INPUT);
    assert_string_equal(secret.data, "typed");
    secret_wipe(&secret);
}

static char user[] = "ann", none[] = "", file[] = "secret", command[] = "x",
            client[] = "id", xoauth2[] = "xoauth2", what[] = "an app password";
static const struct provider tokens = { .auth = xoauth2 },
                             app = { .password = what };

static const struct {
    struct setup setup;
    const char *password;       /* NULL: none was read */
    const char *error;          /* NULL: there is none */
} passwords[] = {
    { { .user = user, .password_file = file }, "s3cret", NULL },
    { { .user = user, .password_file = file, .print = true }, NULL, NULL },
    { { .user = user, .password_command = command }, NULL, NULL },
    { { .user = user, .client_id = client }, NULL, NULL },
    { { .user = none }, NULL, NULL },
    { { .user = NULL }, NULL, NULL },
    { { .user = user, .print = true }, NULL, NULL },
    { { .user = user }, NULL, "--password-file is missing: the password of "
                              "this login name" },
    { { .user = user, .provider = &app }, NULL,
      "--password-file is missing: an app password" },
    { { .user = user, .provider = &tokens }, NULL,
      "--password-command is missing: A program that prints the OAuth token" },
};

static void a_password_is_read_where_one_is_needed(void **state)
{
    (void)state;
    write_secret("s3cret\n");
    for (size_t i = 0; i < COUNT(passwords); i++) {
        struct setup setup = passwords[i].setup;
        struct error err = { 0 };
        bool done = setup_read_password(&setup, &err);
        if (done != (passwords[i].error == NULL))
            fail_msg("row %zu: %s", i, err.text);
        if (!done)
            assert_string_equal(err.text, passwords[i].error);
        if (passwords[i].password == NULL)
            assert_null(setup.password.data);
        else
            assert_string_equal(setup.password.data, passwords[i].password);
        secret_wipe(&setup.password);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_until_the_answer_is_right),
        cmocka_unit_test(asks_again_for_nothing),
        cmocka_unit_test(without_a_person_an_option_is_missing),
        cmocka_unit_test(a_login_is_the_address_or_none),
        IN_FOLDER(the_first_line_is_the_secret),
        IN_FOLDER(a_password_is_read_where_one_is_needed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
