#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "util/sasl.h"
#include "util/text.h"

static void finds_by_key(void **state)
{
    (void)state;
    assert_string_equal(sasl_find("scram-sha-256")->name, "SCRAM-SHA-256");
    assert_string_equal(sasl_find("Login")->name, "LOGIN");
    assert_null(sasl_find("SCRAM-SHA-256-PLUS"));
    assert_null(sasl_find("auto"));
    assert_null(sasl_find("none"));
    assert_null(sasl_find(""));
}

/* What binds the channel has the key of what it is without. */
static void every_mechanism_has_a_key_that_finds_it(void **state)
{
    const struct sasl_mechanism *mechanism;

    (void)state;
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++) {
        const struct sasl_mechanism *found = sasl_find(mechanism->key);
        assert_non_null(found);
        assert_true(mechanism == found ||
                    (mechanism->binds &&
                     text_starts(mechanism->name, found->name)));
        assert_int_equal(mechanism->secret, found->secret);
        assert_int_equal(mechanism->in_clear, found->in_clear);
    }
}

/* "auto" takes the first that is possible. */
static void what_shows_the_password_comes_after_what_does_not(void **state)
{
    const struct sasl_mechanism *mechanism;
    bool shown = false;

    (void)state;
    for (size_t i = 0; (mechanism = sasl_at(i)) != NULL; i++) {
        if (mechanism->secret != SASL_PASSWORD)
            continue;
        assert_true(mechanism->in_clear || !shown);
        shown = mechanism->in_clear;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_key),
        cmocka_unit_test(every_mechanism_has_a_key_that_finds_it),
        cmocka_unit_test(what_shows_the_password_comes_after_what_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
