/* A file of another version is newer, wrong, or readable all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "spool/format.h"
#include "util/random.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffff"

static const struct format format = { "postrider", 2 };

static const struct {
    const char *text;
    const char *wanted;         /* NULL: any */
    enum fault fault;
} starts[] = {
    { "postrider 1 " ID "\nfrom", ID, FAULT_NONE },
    { "postrider 2 " ID "\n", ID, FAULT_NONE },
    { "postrider 2 " ID "\n", NULL, FAULT_NONE },
    { "postrider 3 " ID "\n", ID, FAULT_NEWER },
    { "postrider 3 " ID " more\n", ID, FAULT_NEWER },   /* as it may be then */
    { "postrider 99999999999999999999999 " ID "\n", ID, FAULT_NEWER },
    { "postrider 2 " OTHER "\n", ID, FAULT_DATA },
    { "postrider 3 " OTHER "\n", ID, FAULT_DATA },      /* it is not that one */
    { "postrider 2 " ID " more\n", ID, FAULT_DATA },
    { "postrider 2 " ID, ID, FAULT_DATA },              /* was cut */
    { "postrider 3 " ID, ID, FAULT_DATA },
    { "postrider 3 " ID "0\n", ID, FAULT_DATA },
    { "postrider 2 0123\n", NULL, FAULT_DATA },
    { "postrider 2 0123456789ABCDEF0123456789ABCDEF\n", NULL, FAULT_DATA },
    { "postrider 0 " ID "\n", ID, FAULT_DATA },
    { "postrider 02 " ID "\n", ID, FAULT_DATA },
    { "postrider  2 " ID "\n", ID, FAULT_DATA },
    { "postrider x " ID "\n", ID, FAULT_DATA },
    { "postrider 2x " ID "\n", ID, FAULT_DATA },
    { "postrider-state 2 " ID "\n", ID, FAULT_DATA },
    { "Postrider 2 " ID "\n", ID, FAULT_DATA },
    { "postrider", ID, FAULT_DATA },
    { "", ID, FAULT_DATA },
};

static void knows_a_file_by_its_first_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(starts); i++) {
        char id[RANDOM_ID_LENGTH + 1] = "unset";
        struct error err = { 0 };
        bool right = format_check_start(&format, starts[i].text,
                                        starts[i].wanted, id, &err);
        if (right != (starts[i].fault == FAULT_NONE) ||
            (!right && err.fault != starts[i].fault) ||
            (strcmp(err.remedy, "upgrade postrider") == 0) !=
                (starts[i].fault == FAULT_NEWER))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(id, right ? ID : "unset");
        assert_int_equal(format_check_start(&format, starts[i].text,
                                            starts[i].wanted, NULL, &err),
                         right);
    }
}

static const struct {
    const char *line;
    enum fault fault;
} lines[] = {
    { "opt-colour blue", FAULT_NONE },
    { "opt-colour", FAULT_NONE },
    { "opt-", FAULT_NONE },
    { "colour blue", FAULT_NEWER },
    { "colour", FAULT_NEWER },
    { "x-1-y", FAULT_NEWER },
    { "option", FAULT_NEWER },
    { "", FAULT_DATA },
    { " opt-colour", FAULT_DATA },
    { "-opt", FAULT_DATA },
    { "1st", FAULT_DATA },
    { "Colour blue", FAULT_DATA },
    { "opt-Colour", FAULT_DATA },
    { "colour\tblue", FAULT_DATA },
};

static void passes_over_what_can_be_done_without(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct error err = { 0 };
        bool right = format_check_unknown(lines[i].line, &err);
        if (right != (lines[i].fault == FAULT_NONE) ||
            err.fault != lines[i].fault ||
            (strcmp(err.remedy, "upgrade postrider") == 0) !=
                (lines[i].fault == FAULT_NEWER))
            fail_msg("%s: %s", lines[i].line, err.text);
    }
}

/* A line may be as long as a message. */
static void shows_the_start_of_a_long_keyword(void **state)
{
    char line[1001] = "";
    struct error err;

    (void)state;
    memset(line, 'a', sizeof line - 1);
    assert_false(format_check_unknown(line, &err));
    assert_int_equal(err.fault, FAULT_NEWER);
    line[40] = '\0';
    assert_non_null(strstr(err.text, line));
    line[40] = 'a';
    line[41] = '\0';
    assert_null(strstr(err.text, line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_file_by_its_first_line),
        cmocka_unit_test(passes_over_what_can_be_done_without),
        cmocka_unit_test(shows_the_start_of_a_long_keyword),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
