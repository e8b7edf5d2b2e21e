#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "sendmail/smtp_client.h"

#include "../in_folder.h"

#define PLACES 100              /* as in smtp_client.c */
#define EACH 25

/* A place is kept until the process ends, which no test does. How many of the
 * connections that this user opens next are served, up to the first that is
 * not? */
static int served(uid_t uid)
{
    int count = 0;

    while (count <= PLACES && smtp_client_take_place("places", uid))
        count++;
    return count;
}

static void a_user_has_a_quarter(void **state)
{
    (void)state;
    assert_int_equal(served(1000), EACH);
    assert_int_equal(served(1000), 0);
    assert_int_equal(served(0), EACH);
}

/* Of those that are left for all, a user has no more than half. */
static void a_user_has_no_more_than_are_left(void **state)
{
    (void)state;
    for (uid_t uid = 1; uid <= 3; uid++)
        for (int i = 0; i < EACH; i++)
            assert_true(smtp_client_take_place("places", uid));
    assert_int_equal(served(4), (PLACES - 3 * EACH + 1) / 2);
    assert_true(smtp_client_take_place("places", 5));
}

static void uids_are_kept_apart(void **state)
{
    (void)state;
    assert_int_equal(served(UINT32_MAX - 1), EACH);
    assert_int_equal(served(UINT32_MAX - 2), EACH);
}

static void the_file_is_its_owners(void **state)
{
    struct stat status;

    (void)state;
    assert_true(smtp_client_take_place("places", 1));
    assert_int_equal(stat("places", &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_size, 0);
}

static void what_cannot_be_counted_is_served(void **state)
{
    (void)state;
    assert_int_equal(symlink("elsewhere", "link"), 0);
    for (int i = 0; i < 2 * EACH; i++) {
        assert_true(smtp_client_take_place("no/folder", 1));
        assert_true(smtp_client_take_place("link", 1));
    }
    assert_int_equal(access("elsewhere", F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_user_has_a_quarter),
        IN_FOLDER(a_user_has_no_more_than_are_left),
        IN_FOLDER(uids_are_kept_apart),
        IN_FOLDER(the_file_is_its_owners),
        IN_FOLDER(what_cannot_be_counted_is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
