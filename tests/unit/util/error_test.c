#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <sysexits.h>

#include "util/error.h"

static int status_of(enum fault fault, int number)
{
    struct error err;

    errno = number;
    assert_false(error_sys(&err, fault, "open %s", "x"));
    assert_int_equal(errno, number);
    return error_exit_status(err.fault);
}

static void a_shortage_is_no_matter_of_configuration(void **state)
{
    (void)state;
    assert_int_equal(status_of(FAULT_CONFIG, EMFILE), EX_TEMPFAIL);
    assert_int_equal(status_of(FAULT_CONFIG, ENFILE), EX_TEMPFAIL);
    assert_int_equal(status_of(FAULT_CONFIG, ENOMEM), EX_TEMPFAIL);
    assert_int_equal(status_of(FAULT_CONFIG, ENOENT), EX_CONFIG);
    assert_int_equal(status_of(FAULT_CREATE, EMFILE), EX_CANTCREAT);
}

static void what_is_newer_than_we_are_is_for_later(void **state)
{
    (void)state;
    assert_int_equal(error_exit_status(FAULT_NEWER), EX_TEMPFAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shortage_is_no_matter_of_configuration),
        cmocka_unit_test(what_is_newer_than_we_are_is_for_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
