#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "postrider/import.h"
#include "util/text.h"

static const struct import_key keys[] = {
    { "host", IMPORT_HOST, NULL },
    { "Port", IMPORT_PORT, NULL },
    { "logfile", IMPORT_NOTHING, NULL },
    { "odd", IMPORT_REFUSED, "for a reason" },
    { .name = NULL },
};

static void keep(struct import_settings *settings, unsigned line,
                 const char *key, const char *value)
{
    struct import import = { .file = "file", .line = line };

    import_keep(&import, keys, settings, key, value);
    assert_null(import.key);
    assert_int_equal(import.obstacles.count, 0);
}

static void the_last_of_a_key_counts(void **state)
{
    struct import_settings settings = { 0 };

    (void)state;
    keep(&settings, 1, "host", "a.example");
    keep(&settings, 2, "PORT", "25");
    keep(&settings, 3, "Host", "b.example");
    assert_int_equal(settings.count, 2);
    assert_string_equal(import_text(&settings, "HOST"), "b.example");
    assert_int_equal(import_find(&settings, "host")->line, 3);
    assert_string_equal(import_find(&settings, "port")->key, "Port");
    assert_null(import_text(&settings, "user"));
    import_settings_free(&settings);
    assert_int_equal(settings.count, 0);
}

/* What has no counterpart is noted. What is refused is kept: it matters only
 * where it is used. */
static void keeps_what_the_format_looks_at(void **state)
{
    struct import_settings settings = { 0 };

    (void)state;
    keep(&settings, 1, "logfile", "/var/log/x");
    keep(&settings, 2, "unknown", "x");
    assert_int_equal(settings.count, 0);
    keep(&settings, 3, "odd", "x");
    assert_string_equal(import_text(&settings, "odd"), "x");
    import_settings_free(&settings);
}

static void a_copy_overrides(void **state)
{
    struct import_settings usual = { 0 }, own = { 0 };

    (void)state;
    keep(&usual, 1, "host", "a.example");
    keep(&usual, 2, "port", "25");
    keep(&own, 9, "port", "587");
    import_settings_copy(&usual, &own);
    import_settings_free(&own);
    assert_int_equal(usual.count, 2);
    assert_string_equal(import_text(&usual, "port"), "587");
    assert_int_equal(import_find(&usual, "port")->line, 9);
    assert_string_equal(import_text(&usual, "host"), "a.example");
    import_settings_free(&usual);
}

static void notes_name_the_place_of_a_setting(void **state)
{
    struct import import = { .file = "file" };
    struct import_settings settings = { 0 };

    (void)state;
    keep(&settings, 7, "host", "a.example");
    import_at(&import, import_find(&settings, "host"));
    assert_int_equal(import.line, 7);
    assert_string_equal(import.key, "host");
    import_at(&import, NULL);
    assert_int_equal(import.line, 0);
    assert_null(import.key);
    import_settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_a_key_counts),
        cmocka_unit_test(keeps_what_the_format_looks_at),
        cmocka_unit_test(a_copy_overrides),
        cmocka_unit_test(notes_name_the_place_of_a_setting),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
