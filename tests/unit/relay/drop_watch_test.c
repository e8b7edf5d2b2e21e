/* New names in the drop directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "relay/drop_watch.h"
#include "relay/pickup.h"
#include "util/clock.h"

/* In the place of src/relay/pickup.c: the names that are reported. */
struct pickup {
    struct strings names;
};

bool pickup_hint(struct pickup *pickup, const char *id)
{
    strings_add(&pickup->names, id);
    return true;
}

void pickup_scan(struct pickup *pickup)
{
    (void)pickup;
    fail();
}

/* However fast users make names, other work has its turn. */
static void leaves_what_there_is_at_its_end(void **state)
{
    struct fixture fixture;
    struct pickup pickup = { 0 };

    (void)state;
    fixture_open(&fixture);
    int inotify = drop_watch_open(fixture.path, 1000);
    assert_int_not_equal(inotify, -1);
    fixture_write(fixture.spool.drop, "name", "x", 1);
    drop_watch_take(inotify, &pickup, clock_now());
    assert_int_equal(pickup.names.count, 0);
    drop_watch_take(inotify, &pickup, clock_now() + 60000);
    assert_int_equal(pickup.names.count, 1);
    assert_string_equal(pickup.names.items[0], "name");
    close(inotify);
    strings_free(&pickup.names);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_what_there_is_at_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
