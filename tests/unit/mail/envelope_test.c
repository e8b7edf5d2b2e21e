#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mail/envelope.h"
#include "util/alloc.h"
#include "util/text.h"

static void merges_recipients(void **state)
{
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_true(envelope_add_recipient(&env, "a@x.example", NULL, 0, &err));
    assert_true(envelope_add_recipient(&env, "a@X.EXAMPLE", NULL, 0, &err));
    assert_true(envelope_add_recipient(&env, "A@x.example", NULL, 0, &err));
    assert_int_equal(env.count, 2);
    assert_false(envelope_add_recipient(&env, "-a@x", NULL, 0, &err));
    assert_false(envelope_add_recipient(&env, "a\r\n@x", NULL, 0, &err));
    assert_int_equal(env.count, 2);
    envelope_free(&env);
}

static void holds_so_many_recipients_and_no_more(void **state)
{
    enum { MANY = ENVELOPE_RECIPIENTS_MAX };
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    for (int twice = 0; twice < 2; twice++)
        for (int i = 0; i < MANY; i++) {
            char *path = alloc_format("user%d@x.example", i);
            assert_true(envelope_add_recipient(&env, path, NULL, 0, &err));
            free(path);
        }
    assert_int_equal(env.count, MANY);
    assert_string_equal(env.recipients[MANY - 1].path,
                        "user99999@x.example");
    assert_false(envelope_add_recipient(&env, "more@x.example", NULL, 0,
                                        &err));
    assert_int_equal(err.fault, FAULT_DATA);
    assert_false(envelope_add_flawed(&env, "worse", 5, "why", &err));
    assert_int_equal(env.count, MANY);
    envelope_free(&env);
}

/* What is shown of it is one line, whatever it was. */
static void keeps_what_is_no_path_for_its_sender(void **state)
{
    static const char text[] = "x\0\r\xff@b.example";
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_true(envelope_add_flawed(&env, text, sizeof text - 1, "why", &err));
    assert_true(envelope_add_recipient(&env, "a@x", NULL, 0, &err));
    assert_int_equal(env.count, 2);
    assert_string_equal(env.recipients[0].path,
                        "x\\x00\\x0d\\xff@b.example");
    assert_string_equal(env.recipients[0].flaw, "why");
    assert_null(env.recipients[1].flaw);
    envelope_free(&env);
}

static void knows_the_null_reverse_path(void **state)
{
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_string_equal(envelope_reverse_path(&env), "");
    assert_true(envelope_set_reverse_path(&env, "a@x", &err));
    assert_true(envelope_set_reverse_path(&env, "", &err));
    assert_string_equal(envelope_reverse_path(&env), "");
    assert_false(envelope_set_reverse_path(&env, "a", &err));
    assert_false(envelope_has_utf8_address(&env));
    assert_true(envelope_add_recipient(&env, "b\xc3\xb6@x", NULL, 0, &err));
    assert_true(envelope_has_utf8_address(&env));
    envelope_free(&env);
}

static void reads_notify(void **state)
{
    static const struct {
        const char *text;
        bool right;
        unsigned bits;
        const char *shown;
    } cases[] = {
        { "never", true, NOTIFY_NEVER, "NEVER" },
        { "Failure,DELAY", true, NOTIFY_FAILURE | NOTIFY_DELAY,
          "FAILURE,DELAY" },
        { "success", true, NOTIFY_SUCCESS, "SUCCESS" },
        { "delay,failure,success", true, 14, "SUCCESS,FAILURE,DELAY" },
        { "", false, 0, "" }, { ",", false, 0, "" },
        { "failure,", false, 0, "" }, { "never,failure", false, 0, "" },
        { "fail", false, 0, "" }, { "failure delay", false, 0, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = { 0 };
        unsigned bits = 0;
        if (notify_parse(cases[i].text, &bits, &err) != cases[i].right)
            fail_msg("%s", cases[i].text);
        assert_int_equal(bits, cases[i].bits);
        assert_string_equal(notify_text(bits), cases[i].shown);
    }
}

static void knows_xtext(void **state)
{
    static const struct {
        const char *text;
        bool right;
    } cases[] = {
        { "abc", true }, { "a+2Bb", true }, { "+3D", true }, { "", false },
        { "a b", false }, { "a+b", false }, { "a+2", false }, { "a=b", false },
        { "+2b", false }, { "a\n", false }, { "\xc3\xb6", false },
    };
    char *coded = xtext_encode("a+b=c d\n");

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (xtext_check(cases[i].text) != cases[i].right)
            fail_msg("%s", cases[i].text);
    assert_string_equal(coded, "a+2Bb+3Dc+20d+0A");
    char *text = xtext_decode(coded);
    assert_string_equal(text, "a+b=c d\n");
    assert_null(xtext_decode("a b"));
    assert_null(xtext_decode("a+2b"));
    assert_null(xtext_decode("a+00"));
    assert_null(xtext_decode("a+"));
    free(text);
    free(coded);
}

/* A stranger chooses the paths that the daemon reads: those that differ in
 * nothing but the case of their letters must not be slow to tell apart. */
static void tells_hostile_recipients_apart_fast(void **state)
{
    enum { LETTERS = 16, MANY = 1 << LETTERS };
    struct envelope env = { 0 };
    struct error err;
    clock_t start = clock();

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        char path[] = "aaaaaaaaaaaaaaaa@x";
        for (int bit = 0; bit < LETTERS; bit++)
            if ((i >> bit & 1) != 0)
                path[bit] = 'A';
        assert_true(envelope_add_recipient(&env, path, NULL, 0, &err));
    }
    assert_int_equal(env.count, MANY);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    envelope_free(&env);
}

static void keeps_what_came_with_the_first(void **state)
{
    struct envelope env = { 0 };
    struct error err;

    (void)state;
    assert_true(envelope_add_recipient(&env, "\"a B\"@x", "rfc822;o",
                                       NOTIFY_DELAY, &err));
    assert_true(envelope_add_recipient(&env, "\"a B\"@X", NULL, 0, &err));
    assert_true(envelope_add_recipient(&env, "\"a b\"@x", NULL, 0, &err));
    assert_int_equal(env.count, 2);
    assert_string_equal(env.recipients[0].original, "rfc822;o");
    assert_int_equal(env.recipients[0].notify, NOTIFY_DELAY);
    assert_null(env.recipients[1].original);
    envelope_free(&env);
    assert_int_equal(env.count, 0);
    envelope_free(&env);            /* empty again, so this is allowed */
}

static void limits_xtext(void **state)
{
    char text[102];

    (void)state;
    memset(text, 'x', sizeof text);
    text[101] = '\0';
    assert_false(xtext_check(text));
    text[100] = '\0';
    assert_true(xtext_check(text));
    text[99] = '+';
    assert_false(xtext_check(text));
}

static void reads_return(void **state)
{
    enum dsn_return value = RETURN_UNSPECIFIED;
    struct error err = { 0 };

    (void)state;
    assert_true(dsn_return_parse("Full", &value, &err));
    assert_int_equal(value, RETURN_FULL);
    assert_true(dsn_return_parse("HDRS", &value, &err));
    assert_int_equal(value, RETURN_HEADERS);
    assert_false(dsn_return_parse("", &value, &err));
    assert_false(dsn_return_parse("full ", &value, &err));
    assert_int_equal(err.fault, FAULT_USAGE);
    assert_int_equal(value, RETURN_HEADERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_recipients),
        cmocka_unit_test(holds_so_many_recipients_and_no_more),
        cmocka_unit_test(keeps_what_is_no_path_for_its_sender),
        cmocka_unit_test(knows_the_null_reverse_path),
        cmocka_unit_test(reads_notify),
        cmocka_unit_test(knows_xtext),
        cmocka_unit_test(tells_hostile_recipients_apart_fast),
        cmocka_unit_test(keeps_what_came_with_the_first),
        cmocka_unit_test(limits_xtext),
        cmocka_unit_test(reads_return),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
