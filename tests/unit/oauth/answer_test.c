#include "oauth/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

static struct answer *parse(const char *text)
{
    struct error err;
    struct answer *answer = answer_parse(text, strlen(text), &err);

    if (answer == NULL)
        fail_msg("%s: %s", text, err.text);
    return answer;
}

static void takes_objects_only(void **state)
{
    static const char *const wrong[] = {
        "", "[]", "\"text\"", "{", "{} {}", "{\"a\": 1, \"a\": 2}",
        "{\"a\": \"\\u0000\"}", "{\"a\": \"\xff\"}", "<html></html>"
    };
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct error err;
        if (answer_parse(wrong[i], strlen(wrong[i]), &err) != NULL)
            fail_msg("%s", wrong[i]);
        assert_int_equal(err.fault, FAULT_PROTOCOL);
    }
    answer_free(parse("\xef\xbb\xbf{\"a\": {\"b\": [1]}}"));
}

static const struct {
    const char *text;
    int64_t seconds;            /* at most 1000 */
} lives[] = {
    { "{}", 0 }, { "{\"life\": 60}", 60 }, { "{\"life\": \"60\"}", 60 },
    { "{\"life\": 59.9}", 59 }, { "{\"life\": 0.5}", 0 },
    { "{\"life\": -1.5}", 0 },
    { "{\"life\": 0}", 0 }, { "{\"life\": -1}", 0 },
    { "{\"life\": \"-1\"}", 0 }, { "{\"life\": \"\"}", 0 },
    { "{\"life\": \"1 h\"}", 0 }, { "{\"life\": null}", 0 },
    { "{\"life\": true}", 0 }, { "{\"life\": [60]}", 0 },
    { "{\"life\": 1001}", 1000 }, { "{\"life\": 1e300}", 1000 },
    { "{\"life\": 9223372036854775807}", 1000 },
    { "{\"life\": \"18446744073709551615\"}", 1000 },
    { "{\"life\": \"18446744073709551616\"}", 0 },
};

static void reads_seconds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lives); i++) {
        struct answer *answer = parse(lives[i].text);
        int64_t seconds = answer_seconds(answer, "life", 1000);
        if (seconds != lives[i].seconds)
            fail_msg("%s: %lld", lives[i].text, (long long)seconds);
        answer_free(answer);
    }
}

static void tokens_fit_into_any_line(void **state)
{
    static const char *const wrong[] = {
        "{}", "{\"t\": \"\"}", "{\"t\": 5}", "{\"t\": \"a b\"}",
        "{\"t\": \"a\\r\\nb\"}", "{\"t\": \"\\u00e4\"}", "{\"t\": \"\\u007f\"}"
    };
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct answer *answer = parse(wrong[i]);
        if (answer_token(answer, "t") != NULL)
            fail_msg("%s", wrong[i]);
        answer_free(answer);
    }
    struct answer *answer = parse("{\"t\": \"!~.-\\\"\\\\\"}");
    assert_string_equal(answer_token(answer, "t"), "!~.-\"\\");
    answer_free(answer);
}

static const struct {
    const char *text;
    bool has;                   /* 50196 */
} codes[] = {
    { "{}", false },
    { "{\"error_codes\": [1, 50196]}", true },
    { "{\"error_codes\": 50196}", false },
    { "{\"error_codes\": [\"50196\"]}", false },
};

static void finds_the_numbers_of_entra(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct answer *answer = parse(codes[i].text);
        if (answer_has_code(answer, 50196) != codes[i].has)
            fail_msg("%s", codes[i].text);
        answer_free(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_objects_only),
        cmocka_unit_test(reads_seconds),
        cmocka_unit_test(tokens_fit_into_any_line),
        cmocka_unit_test(finds_the_numbers_of_entra),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
