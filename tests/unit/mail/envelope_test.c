#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mail/envelope.h"
#include "mail/phrase.h"
#include "util/alloc.h"
#include "util/buf.h"
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

static void holds_many_recipients(void **state)
{
    enum { MANY = 100000 };
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
    free(coded);
}

static void writes_names_as_phrases(void **state)
{
    static const struct {
        const char *name;
        const char *phrase;
    } cases[] = {
        { "Alice Example", "Alice Example" },
        { "\"Reminder Service\"", "Reminder Service" },
        { "Smith, Bob", "\"Smith, Bob\"" },
        { "a \"b\" \\ c", "\"a \\\"b\\\" \\\\ c\"" },
        { "J. R.", "\"J. R.\"" },
        { "a\r\nBcc: x@y", "\"a  Bcc: x@y\"" },
        { "J\xc3\xbcrgen", "=?UTF-8?B?SsO8cmdlbg==?=" },
        { "J\xfcrgen", "=?UTF-8?B?SsO8cmdlbg==?=" },
        { "=?x?Q?y?=", "=?UTF-8?B?PT94P1E/eT89?=" },
        { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        phrase_add(&out, cases[i].name);
        assert_string_equal(out.data, cases[i].phrase);
        buf_free(&out);
    }
}

static void folds_long_names_between_characters(void **state)
{
    struct buf name, out;

    (void)state;
    buf_init(&name, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    for (int i = 0; i < 200; i++)
        buf_add_text(&name, i % 3 == 0 ? "\xe2\x98\x95" : "\xc3\xbc");
    phrase_add(&out, name.data);
    for (char *word = out.data; word != NULL; ) {
        char *end = strstr(word, "\r\n ");
        size_t length = end == NULL ? strlen(word) : (size_t)(end - word);
        assert_true(length <= 75);
        assert_memory_equal(word, "=?UTF-8?B?", 10);
        assert_memory_equal(word + length - 2, "?=", 2);
        word = end == NULL ? NULL : end + 3;
    }
    buf_free(&name);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_recipients),
        cmocka_unit_test(holds_many_recipients),
        cmocka_unit_test(knows_the_null_reverse_path),
        cmocka_unit_test(reads_notify),
        cmocka_unit_test(knows_xtext),
        cmocka_unit_test(writes_names_as_phrases),
        cmocka_unit_test(folds_long_names_between_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
