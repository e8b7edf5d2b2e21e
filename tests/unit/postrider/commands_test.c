#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "postrider/commands.h"
#include "util/text.h"

static const struct {
    const char *name;           /* the first member counts */
    int number;
} rows[] = { { "list", 1 }, { "hold", 2 }, { "release", 3 }, { "flush", 4 },
             { "halt", 5 } };

static const struct {
    const char *word, *nearest; /* NULL: none is meant */
} cases[] = {
    { "hold", "hold" }, { "hodl", "hold" }, { "helde", "hold" },
    { "lst", "list" }, { "relaese", "release" }, { "releases", "release" },
    { "hald", "hold" },         /* the first of two */
    { "remove", NULL }, { "", NULL }, { "queue", NULL },
};

static void knows_a_slip_of_the_fingers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *nearest = command_nearest(cases[i].word, rows, COUNT(rows),
                                              sizeof rows[0]);
        if ((nearest == NULL) != (cases[i].nearest == NULL) ||
            (nearest != NULL && strcmp(nearest, cases[i].nearest) != 0))
            fail_msg("%s: %s", cases[i].word, nearest);
    }
    assert_null(command_nearest("hold", rows, 0, sizeof rows[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_a_slip_of_the_fingers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
