#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "util/random.h"
#include "util/text.h"

static const struct {
    const char *text;
    bool is_id;
} ids[] = {
    { "0123456789abcdef0123456789abcdef", true },
    { "0123456789abcdef0123456789abcde", false },
    { "0123456789abcdef0123456789abcdef0", false },
    { "0123456789ABCDEF0123456789abcdef", false },
    { "0123456789abcdef0123456789abcdeg", false },
    { ".123456789abcdef0123456789abcdef", false },
    { "", false },
};

static void a_queue_id_is_lower_case(void **state)
{
    char one[RANDOM_ID_LENGTH + 1], other[RANDOM_ID_LENGTH + 1];

    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++)
        if (random_is_id(ids[i].text) != ids[i].is_id)
            fail_msg("%s", ids[i].text);
    random_id(one);
    random_id(other);
    assert_true(random_is_id(one));
    assert_true(random_is_id(other));
    assert_string_not_equal(one, other);
}

/* Each of so few is soon among so many: 2^-100 that one is not. */
static void a_number_is_below_its_limit(void **state)
{
    bool seen[3] = { false };

    (void)state;
    for (int i = 0; i < 200; i++) {
        uint32_t number = random_below(3);
        assert_true(number < 3);
        seen[number] = true;
        assert_int_equal(random_below(1), 0);
    }
    assert_true(seen[0] && seen[1] && seen[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_id_is_lower_case),
        cmocka_unit_test(a_number_is_below_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
