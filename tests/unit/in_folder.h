/*
 * in_folder.h - tests with their own folder as working directory, and no
 * configuration of the user who runs them
 *
 * IN_FOLDER(test) instead of cmocka_unit_test(test). Included after cmocka.h.
 */
#ifndef POSTRIDER_TESTS_UNIT_IN_FOLDER_H
#define POSTRIDER_TESTS_UNIT_IN_FOLDER_H

#include <stdlib.h>
#include <unistd.h>

#include "util/alloc.h"

#define IN_FOLDER(test) \
    cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

static int enter_folder(void **state)
{
    char *folder = alloc_string("/tmp/unit_test.XXXXXX");

    if (mkdtemp(folder) == NULL || chdir(folder) == -1)
        return -1;
    unsetenv("POSTRIDER_CONFIG");
    unsetenv("XDG_CONFIG_HOME");
    *state = folder;
    return 0;
}

static int leave_folder(void **state)
{
    char *command = alloc_format("rm -rf %s", (char *)*state);
    int status = system(command);

    free(command);
    free(*state);
    return chdir("/") == 0 && status == 0 ? 0 : -1;
}

#endif
