#include "oauth/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/text.h"

static void encodes_what_is_not_plain(void **state)
{
    struct buf form;

    (void)state;
    buf_init(&form, SIZE_MAX);
    form_add(&form, "a", "1.0/AbC-_~+ &=");
    form_add(&form, "b", "\xc3\xa4");
    assert_string_equal(form.data, "a=1.0%2FAbC-_~%2B%20%26%3D&b=%C3%A4");
    buf_free(&form);
}

static const struct {
    const char *query;
    const char *value;          /* of "code"; NULL: none that can be used */
} queries[] = {
    { "", NULL }, { "code", NULL }, { "code=", "" }, { "code=x", "x" },
    { "a=1&code=x&b=2", "x" }, { "xcode=y&code=x", "x" },
    { "code=4%2F0Ab%2bc+d", "4/0Ab+c d" }, { "code=x#code=y", "x" },
    { "#code=y", NULL }, { "code=x&code=x", NULL }, { "code=%", NULL },
    { "code=%2", NULL }, { "code=%zz", NULL }, { "code=%1g", NULL },
    { "code=%g1", NULL }, { "code=a%00b", NULL },
    { "&&code=x&", "x" }, { "codex=y", NULL },
};

static void finds_a_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(queries); i++) {
        char *value = form_value(queries[i].query, "code");
        if (queries[i].value == NULL ? value != NULL : value == NULL)
            fail_msg("%s", queries[i].query);
        if (value != NULL)
            assert_string_equal(value, queries[i].value);
        free(value);
    }
}

static const struct {
    const char *url;
    size_t length;              /* of the host */
} urls[] = {
    { "https://a.example/b", 9 }, { "HTTPS://a.example:443", 9 },
    { "https://a.example?x", 9 }, { "http://a.example/", 0 },
    { "https:///b", 0 }, { "a.example", 0 },
    { "https://a.example@b.example/", 0 }, { "https://a.example/@", 9 },
};

static void finds_the_host(void **state)
{
    const char *host;

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++)
        if (form_host(urls[i].url, &host) != urls[i].length)
            fail_msg("%s", urls[i].url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_what_is_not_plain),
        cmocka_unit_test(finds_a_value),
        cmocka_unit_test(finds_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
