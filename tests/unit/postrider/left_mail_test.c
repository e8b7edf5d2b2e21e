#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "../in_folder.h"
#include "postrider/left_mail.h"
#include "util/text.h"

static void make(const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fclose(file);
}

static size_t count(const char *folder, const char *pattern)
{
    const struct left_place place = { .folder = folder, .pattern = pattern };
    size_t number = 99;

    assert_true(left_mail_count(&place, &number));
    return number;
}

static const struct {
    const char *pattern;
    size_t count;
} patterns[] = {
    { "*", 6 }, { "M*", 2 }, { "*-H", 1 }, { "qf*", 0 },
};

/* Exim and Postfix divide a folder once. */
static void one_file_of_each_message_is_counted(void **state)
{
    (void)state;
    assert_int_equal(mkdir("left", 0700), 0);
    assert_int_equal(mkdir("left/A", 0700), 0);
    assert_int_equal(mkdir("left/A/B", 0700), 0);
    make("left/M1");
    make("left/Q1");
    make("left/.M3");
    make("left/x-H");
    make("left/x-D");
    make("left/A/M2");
    make("left/A/Q2");
    make("left/A/B/M4");
    assert_int_equal(symlink("M1", "left/M5"), 0);
    for (size_t i = 0; i < COUNT(patterns); i++)
        if (count("left", patterns[i].pattern) != patterns[i].count)
            fail_msg("%s: %zu", patterns[i].pattern,
                     count("left", patterns[i].pattern));
}

static void nothing_is_left_without_a_folder(void **state)
{
    (void)state;
    assert_int_equal(count("nowhere", "*"), 0);
    make("file");
    assert_int_equal(count("file", "*"), 0);
}

static void each_place_has_a_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < LEFT_PLACES; i++) {
        assert_int_equal(*left_places[i].folder, '/');
        assert_true(*left_places[i].remedy != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(one_file_of_each_message_is_counted),
        IN_FOLDER(nothing_is_left_without_a_folder),
        cmocka_unit_test(each_place_has_a_remedy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
