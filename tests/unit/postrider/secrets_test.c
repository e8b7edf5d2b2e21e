#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "postrider/secrets.h"
#include "util/text.h"

#include "../in_folder.h"

#define SYSTEM POSTRIDER_SYSCONFDIR "/postrider"

static const struct {
    const char *path;
    const char *folder;
} folders[] = {
    { SYSTEM "/postrider.conf", SYSTEM "/secrets" },
    { SYSTEM "/smarthost.conf", SYSTEM "/secrets" },
    { SYSTEM "/more/postrider.conf", SYSTEM "/more" },
    { "/home/ann/.config/postrider/postrider.conf",
      "/home/ann/.config/postrider" },
    { "/postrider.conf", "/" },
};

static void only_the_machines_configuration_has_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(folders); i++) {
        char *folder = secrets_folder(folders[i].path);
        assert_string_equal(folder, folders[i].folder);
        free(folder);
    }
}

static void a_users_passwords_are_beside_the_configuration(void **state)
{
    char *here = getcwd(NULL, 0);
    char *folder = secrets_folder("postrider.conf");
    struct error err;

    (void)state;
    assert_string_equal(folder, here);
    assert_true(secrets_make_folder("own/postrider.conf", (gid_t)-1, &err));
    assert_int_equal(access("own", F_OK), -1);
    assert_false(secrets_open_to_servers("postrider.conf", "/etc/password"));
    free(folder);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_machines_configuration_has_its_own),
        IN_FOLDER(a_users_passwords_are_beside_the_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
