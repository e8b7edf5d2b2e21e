#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "util/base64.h"
#include "util/buf.h"
#include "util/text.h"

static void codes_base64(void **state)
{
    static const struct {
        const char *plain;
        const char *coded;
    } cases[] = {                           /* RFC 4648 section 10 */
        { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        base64_encode(&out, cases[i].plain, strlen(cases[i].plain));
        assert_string_equal(out.data, cases[i].coded);
        buf_clear(&out);
        assert_true(base64_decode(&out, cases[i].coded,
                                  strlen(cases[i].coded)));
        assert_string_equal(out.data, cases[i].plain);
        buf_free(&out);
    }
}

static void refuses_what_is_no_base64(void **state)
{
    static const char *const cases[] = {
        "Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9", "Zm9v\r\n",
        "=Zm9", "Z===", "====", "Zm9*",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        buf_add_text(&out, "kept");
        if (base64_decode(&out, cases[i], strlen(cases[i])))
            fail_msg("decoded: %s", cases[i]);
        assert_string_equal(out.data, "kept");
        buf_free(&out);
    }
}

/* As a JSON Web Token has it: RFC 7515 section 2. */
static void codes_base64_for_addresses(void **state)
{
    static const struct {
        const char *plain, *coded;
    } cases[] = {
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "\xff\xfe\xfd", "__79" }, { "\xfb\xf0", "-_A" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out;
        buf_init(&out, SIZE_MAX);
        assert_true(base64_encode_url(&out, cases[i].plain,
                                      strlen(cases[i].plain)));
        assert_string_equal(out.data, cases[i].coded);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_base64),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(codes_base64_for_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
