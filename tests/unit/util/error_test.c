#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "util/error.h"
#include "util/text.h"

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

static void the_line_is_made_of_its_parts(void **state)
{
    struct error err;

    (void)state;
    assert_false(error_set(&err, FAULT_CONFIG, "host = %s: is wrong", "a b") ||
                 error_remedy(&err, "set host = %s", "a") ||
                 error_at(&err, "/etc/x.conf", 7));
    assert_string_equal(err.text, "/etc/x.conf:7: host = a b: is wrong; set "
                                  "host = a");
    assert_false(error_prefix(&err, "smarthost \"%s\"", "main"));
    assert_false(error_append(&err, " (%d)", 1));
    assert_string_equal(err.text, "/etc/x.conf:7: smarthost \"main\": host = "
                                  "a b: is wrong (1); set host = a");
    assert_string_equal(err.what, "smarthost \"main\": host = a b: is wrong "
                                  "(1)");
    assert_string_equal(err.remedy, "set host = a");
    assert_string_equal(err.file, "/etc/x.conf");
    assert_int_equal(err.line, 7);
}

/* What was true of an earlier error is not true of this one. */
static void a_new_error_has_no_old_facts(void **state)
{
    struct error err;

    (void)state;
    errno = EACCES;
    error_sys(&err, FAULT_CONFIG, "x");
    assert_int_equal(err.number, EACCES);
    error_remedy(&err, "chmod");
    error_at(&err, "x", 1);
    error_reply(&err, 535, "5.7.8");
    assert_int_equal(err.reply.code, 535);
    assert_string_equal(err.reply.status, "5.7.8");
    err.reach = REACH_REPLY;

    error_set(&err, FAULT_TEMPORARY, "y");
    assert_string_equal(err.text, "y");
    assert_string_equal(err.remedy, "");
    assert_string_equal(err.file, "");
    assert_string_equal(err.reply.status, "");
    assert_int_equal(err.number + err.reply.code + (int)err.line, 0);
    assert_int_equal(err.reach, REACH_NONE);
}

static void what_is_too_long_leaves_the_remedy(void **state)
{
    char name[3000];
    struct error err;

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    error_set(&err, FAULT_CONFIG, "%s", name);
    error_remedy(&err, "remove it");
    error_at(&err, "/f", 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_true(text_starts(err.text, "/f:1: nnn"));
    assert_string_equal(err.text + strlen(err.text) - 12, "n; remove it");
    error_remedy(&err, "%s", name);
    error_at(&err, name, 1);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void what_is_hostile_is_shown(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, FAULT_DATA, "a\nb");
    error_remedy(&err, "c\x1b");
    error_at(&err, "d\r", 1);
    assert_string_equal(err.text, "d\\x0d:1: a\\x0ab; c\\x1b");
    error_set(&err, FAULT_DATA, "bad \"%s\"", "a\r\nb\x01");
    error_prefix(&err, "file:%d", 7);
    assert_string_equal(err.text, "file:7: bad \"a\\x0d\\x0ab\\x01\"");
    assert_int_equal(error_exit_status(err.fault), EX_DATAERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shortage_is_no_matter_of_configuration),
        cmocka_unit_test(what_is_newer_than_we_are_is_for_later),
        cmocka_unit_test(the_line_is_made_of_its_parts),
        cmocka_unit_test(a_new_error_has_no_old_facts),
        cmocka_unit_test(what_is_too_long_leaves_the_remedy),
        cmocka_unit_test(what_is_hostile_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
