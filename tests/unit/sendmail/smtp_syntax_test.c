#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sendmail/smtp_syntax.h"
#include "util/alloc.h"
#include "util/text.h"

/* What is after "MAIL " or "RCPT ", and what it is taken for. */
static const struct {
    const char *argument;
    const char *path;           /* NULL: it is wrong */
    const char *rest;
} paths[] = {
    { "FROM:<a@b.example>",             "a@b.example",          ""         },
    { "from:<a@b.example> SIZE=1",      "a@b.example",          "SIZE=1"   },
    { "FROM:  <a@b.example>   X Y",     "a@b.example",          "X Y"      },
    { "FROM:<>",                        "",                     ""         },
    { "FROM:<> X",                      "",                     "X"        },
    { "FROM:a@b.example",               "a@b.example",          ""         },
    { "FROM:a@b.example X",             "a@b.example",          "X"        },
    { "FROM:\"a b\"@c.example X",       "\"a b\"@c.example",    "X"        },
    { "FROM:<\"a>b\"@c.example>",       "\"a>b\"@c.example",    ""         },
    { "FROM:<\"a\\\">b\"@c.example> X", "\"a\\\">b\"@c.example", "X"       },
    { "FROM:<@r.example:a@b.example>",  "@r.example:a@b.example", ""       },
    { "FROM:<a@b.example>X",            NULL,                   NULL       },
    { "FROM:<a@b.example",              NULL,                   NULL       },
    { "FROM:<\"a>@b.example>",          NULL,                   NULL       },
    { "FROM:<a\\>",                     NULL,                   NULL       },
    { "FROM:",                          NULL,                   NULL       },
    { "FROM: ",                         NULL,                   NULL       },
    { "FROM",                           NULL,                   NULL       },
    { "FORM:<a@b.example>",             NULL,                   NULL       },
    { "",                               NULL,                   NULL       },
};

static void takes_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char *argument = alloc_string(paths[i].argument);
        char *text = smtp_after_word(argument, "FROM:");
        char *path = text == NULL ? NULL : smtp_take_path(&text);

        if ((path == NULL) != (paths[i].path == NULL))
            fail_msg("%s: %s", paths[i].argument, path);
        if (path != NULL) {
            assert_string_equal(path, paths[i].path);
            assert_string_equal(text, paths[i].rest);
        }
        free(argument);
    }
}

static void takes_parameters(void **state)
{
    char text[] = " SIZE=10  smtputf8 ENVID=a=b X= ";
    char *rest = text, *key, *value;

    (void)state;
    assert_true(smtp_next_parameter(&rest, &key, &value));
    assert_string_equal(key, "SIZE");
    assert_string_equal(value, "10");
    assert_true(smtp_next_parameter(&rest, &key, &value));
    assert_string_equal(key, "smtputf8");
    assert_string_equal(value, "");
    assert_true(smtp_next_parameter(&rest, &key, &value));
    assert_string_equal(value, "a=b");
    assert_true(smtp_next_parameter(&rest, &key, &value));
    assert_string_equal(key, "X");
    assert_string_equal(value, "");
    assert_false(smtp_next_parameter(&rest, &key, &value));
}

static void knows_original_recipient(void **state)
{
    char *longest = alloc_string("rfc822;");

    (void)state;
    longest = alloc_resize(longest, 502, 1);
    memset(longest + 7, 'x', 494);
    longest[500] = longest[501] = '\0';
    assert_true(smtp_is_original("rfc822;a@b.example"));
    assert_true(smtp_is_original("rfc822;a+2Bx@b.example"));
    assert_true(smtp_is_original("utf-8;a\\x{FC}b@b.example"));
    assert_true(smtp_is_original(longest));
    longest[500] = 'x';
    assert_false(smtp_is_original(longest));
    assert_false(smtp_is_original("rfc822;a+x@b.example"));
    assert_false(smtp_is_original("rfc822;a+2"));
    assert_false(smtp_is_original("rfc822;a+"));
    assert_false(smtp_is_original("rfc822;a=b"));
    assert_false(smtp_is_original("rfc822;"));
    assert_false(smtp_is_original(";a"));
    assert_false(smtp_is_original("a@b.example"));
    assert_false(smtp_is_original("rfc822;\xc3\xbc"));
    assert_false(smtp_is_original("rfc822;a\tb"));
    assert_false(smtp_is_original(""));
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_path),
        cmocka_unit_test(takes_parameters),
        cmocka_unit_test(knows_original_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
