#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "util/base64.h"
#include "util/buf.h"
#include "util/crc32c.h"
#include "util/error.h"
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

static void sums_as_rfc_3720_does(void **state)
{
    unsigned char ascending[32];
    uint32_t sum = 0;

    (void)state;
    for (size_t i = 0; i < sizeof ascending; i++)
        ascending[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, ascending, sizeof ascending), 0x46dd794e);
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    for (size_t i = 0; i < 9; i++)
        sum = crc32c(sum, &"123456789"[i], 1);
    assert_int_equal(sum, 0xe3069283);

    static const char zeros[1000];
    for (size_t length = 0; length <= sizeof zeros; length += 37)
        assert_int_equal(crc32c_zeros(sum, length),
                         crc32c(sum, zeros, length));
}

static void keeps_error_texts_on_one_line(void **state)
{
    struct error err;

    (void)state;
    assert_false(error_set(&err, FAULT_DATA, "bad \"%s\"", "a\r\nb\x01"));
    assert_string_equal(err.text, "bad \"a\\x0d\\x0ab\\x01\"");
    error_prefix(&err, "file:%d", 7);
    assert_string_equal(err.text, "file:7: bad \"a\\x0d\\x0ab\\x01\"");
    assert_int_equal(error_exit_status(err.fault), 65);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_base64),
        cmocka_unit_test(refuses_what_is_no_base64),
        cmocka_unit_test(sums_as_rfc_3720_does),
        cmocka_unit_test(keeps_error_texts_on_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
