#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdlib.h>

#include "util/file.h"
#include "util/text.h"

static const struct {
    const char *path;
    const char *folder;
    const char *name;
    const char *beside;         /* "x" */
} cases[] = {
    { "/a/b", "/a", "b", "/a/x" },
    { "/a",   "/",  "a", "/x"   },
    { "a/b",  "a",  "b", "a/x"  },
    { "a",    ".",  "a", "x"    },
    { "/a/",  "/a", "",  "/a/x" },
    { "",     ".",  "",  "x"    },
};

static void takes_a_path_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *folder = path_folder(cases[i].path);
        char *beside = path_beside(cases[i].path, "x");
        assert_string_equal(folder, cases[i].folder);
        assert_string_equal(path_name(cases[i].path), cases[i].name);
        assert_string_equal(beside, cases[i].beside);
        free(folder);
        free(beside);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_path_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
