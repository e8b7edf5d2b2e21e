#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "util/hash.h"
#include "util/text.h"

static size_t slot_of(const char *text, size_t count)
{
    uint64_t hash = hash_start();

    for (; *text != '\0'; text++)
        hash = hash_octet(hash, *text);
    return hash_slot(hash, count);
}

static void a_text_has_one_slot(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 1024; count *= 2) {
        assert_true(slot_of("ann@a.example", count) < count);
        assert_int_equal(slot_of("ann@a.example", count),
                         slot_of("ann@a.example", count));
    }
    assert_int_equal(slot_of("", 1), 0);
}

/* Texts that differ in little use most of a table: by chance 63 of 100. */
static void texts_are_spread(void **state)
{
    bool used[256] = { false };
    size_t count = 0;

    (void)state;
    for (int i = 0; i < 256; i++) {
        const char text[] = { 'u', (char)('0' + i / 64),
                              (char)('0' + i % 64), '\0' };
        size_t slot = slot_of(text, COUNT(used));
        count += !used[slot];
        used[slot] = true;
    }
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_has_one_slot),
        cmocka_unit_test(texts_are_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
