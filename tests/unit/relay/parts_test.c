/* The manager's parts, put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay_fixture.h"

static int set_up(void **state)
{
    *state = relay_new(sizeof(struct relay));
    return 0;
}

/* What comes in by one part, leaves by another and is shown by a third. */
static void are_about_the_same_messages(void **state)
{
    struct relay *relay = *state;
    char id[RANDOM_ID_LENGTH + 1];

    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 1 });
    relay_pick_up(relay);
    char *list = relay_ask(relay, REQUEST_LIST, "");
    assert_non_null(strstr(list, id));
    free(list);
    relay_give(relay);
    relay_settle_all(relay, '2');
    list = relay_ask(relay, REQUEST_LIST, "");
    assert_null(strstr(list, id));
    free(list);
}

/* The same figures, whichever part counts. */
static void count_in_one_place(void **state)
{
    struct relay *relay = *state;
    char id[RANDOM_ID_LENGTH + 1];

    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 1 });
    relay_pick_up(relay);
    relay_give(relay);
    relay_settle_all(relay, '2');
    assert_int_equal(relay->parts.totals.accepted, 1);
    assert_int_equal(relay->parts.totals.delivered, 1);
    char *status = relay_ask(relay, REQUEST_STATUS, "");
    assert_non_null(strstr(status, "delivered 1\n"));
    free(status);
}

/* As after a start that failed before. */
static void are_freed_if_they_were_not_made(void **state)
{
    struct parts parts = { 0 };

    (void)state;
    parts_free(&parts);
    assert_null(parts.hops);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, relay_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(are_about_the_same_messages),
        ON_SPOOL(count_in_one_place),
        cmocka_unit_test(are_freed_if_they_were_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
