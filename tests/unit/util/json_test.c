#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util/json.h"
#include "util/text.h"

static const struct {
    const char *text;
    const char *json;
} cases[] = {
    { "", "\"\"" },
    { "plain", "\"plain\"" },
    { "say \"x\"", "\"say \\\"x\\\"\"" },
    { "a\\b", "\"a\\\\b\"" },
    { "tab\tline\n", "\"tab\\u0009line\\u000a\"" },
    { "\x7f", "\"\\u007f\"" },
    { "\xc2\x9b" "31m", "\"\\u009b31m\"" },
    { "\xe2\x80\xae\xf3\xa0\x80\xa1", "\"\\u202e\\udb40\\udc21\"" },
    { "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
    { "\xff\xc3", "\"\\\\xff\\\\xc3\"" },               /* no UTF-8 */
    { "\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\"" },    /* a surrogate */
};

static void prints_any_octets_as_a_string(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        json_print_text(out, cases[i].text);
        fclose(out);
        assert_string_equal(text, cases[i].json);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_any_octets_as_a_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
