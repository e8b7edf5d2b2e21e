#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "util/crc32c.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_as_rfc_3720_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
