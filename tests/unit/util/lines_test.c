#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "util/buf.h"
#include "util/lines.h"
#include "util/text.h"

static void splits_at_line_ends(void **state)
{
    static const struct {
        const char *text;
        const char *shown;          /* number, text and ";" of each line */
    } cases[] = {
        { "", "" },
        { "a", "1a;" },
        { "a\n", "1a;" },
        { "a\nb", "1a;2b;" },
        { "\n\na\n", "1;2;3a;" },
        { "a\r\nb\r\r\n", "1a;2b;" },
        { "a\r", "1a;" },
        { "a\rb\n", "1a\rb;" },
        { "\r\n", "1;" },
        { "\xef\xbb\xbf" "a\nb", "1a;2b;" },
        { "\xef\xbb\xbf", "" },
        { "\xef\xbb", "1\xef\xbb;" },
        { "a\n\xef\xbb\xbf" "b", "1a;2\xef\xbb\xbf" "b;" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct lines lines;
        struct buf shown;

        buf_init(&shown, SIZE_MAX);
        lines_start(&lines, cases[i].text, strlen(cases[i].text));
        while (lines_next(&lines)) {
            buf_add_format(&shown, "%u", lines.number);
            buf_add(&shown, lines.text, lines.length);
            buf_add_char(&shown, ';');
        }
        if (strcmp(shown.data, cases[i].shown) != 0)
            fail_msg("case %zu: %s", i, shown.data);
        buf_free(&shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_at_line_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
