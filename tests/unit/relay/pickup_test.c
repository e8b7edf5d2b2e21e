/* What is taken from drop/, what stays there, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay_fixture.h"
#include "util/text.h"

#define HOUR 3600000            /* milliseconds */

struct subject {
    struct relay relay;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    *state = relay_new(sizeof(struct subject));
    return 0;
}

static void pick_up(struct subject *subject)
{
    relay_begin_log(&subject->relay);
    relay_pick_up(&subject->relay);
    relay_end_log(&subject->relay);
}

static void drop(struct subject *subject, size_t recipients)
{
    relay_drop(&subject->relay, subject->id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = recipients });
}

/* A whole file, and what is changed in it before it is found. */
static const struct found {
    const char *start;          /* of the file, instead of its own */
    size_t recipients;
    enum availability_state state;
    bool known;                 /* a message then, */
    bool stored;                /* in queue/, not in memory */
    bool left;                  /* drop/ID is there */
} finds[] = {
    { "",            2,    HOP_UP,     true,  false, true },
    { "",            2,    HOP_DOWN,   true,  true,  false },
    { "",            2,    HOP_PARKED, true,  true,  false },
    { "",            5000, HOP_UP,     true,  true,  false },   /* large */
    { "postrider 9", 2,    HOP_UP,     false, false, true },    /* newer */
    { "something e", 2,    HOP_UP,     false, false, false },   /* no message */
};

static void change(struct subject *subject, const char *start)
{
    int fd = openat(subject->relay.fixture.spool.drop, subject->id, O_WRONLY);

    assert_int_equal(pwrite(fd, start, strlen(start), 0), strlen(start));
    close(fd);
}

static void takes_or_leaves(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    for (size_t i = 0; i < COUNT(finds); i++) {
        const struct found *row = &finds[i];
        relay->parts.hops->list[0].availability.state = row->state;
        drop(subject, row->recipients);
        change(subject, row->start);
        pick_up(subject);
        const struct message *message = messages_find(relay->parts.messages,
                                                      subject->id);
        if ((message != NULL) != row->known ||
            (message != NULL && message->stored != row->stored) ||
            fixture_exists(relay->fixture.spool.drop, subject->id) !=
                row->left)
            fail_msg("row %zu", i);
    }
}

static void takes_each_once(void **state)
{
    struct subject *subject = *state;

    drop(subject, 2);
    pick_up(subject);
    pickup_look_again(subject->relay.parts.pickup);
    pick_up(subject);
    assert_int_equal(subject->relay.parts.totals.accepted, 1);
}

/* That is logged once an hour. */
static void waits_for_room(void **state)
{
    static const char full[] = "as much in queue/ as one user may have";
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct shares *shares = relay->parts.messages->home.shares;

    if (geteuid() != 0)
        skip();                 /* its owner is not another user */
    shares_add(shares, SHARE_QUEUE, RELAY_OWNER, UINT32_MAX);
    drop(subject, 2);
    pick_up(subject);
    relay_wait(relay, HOUR - 1);
    pick_up(subject);
    assert_int_equal(relay_count_logged(&subject->relay, full), 1);
    relay_wait(relay, 1);
    pick_up(subject);
    assert_int_equal(relay_count_logged(&subject->relay, full), 2);
    assert_null(messages_find(relay->parts.messages, subject->id));
    shares_remove(shares, SHARE_QUEUE, RELAY_OWNER, UINT32_MAX);
    pick_up(subject);
    assert_non_null(messages_find(relay->parts.messages, subject->id));
}

static bool is_taken(struct subject *subject)
{
    struct relay *relay = &subject->relay;

    while (pickup_run(relay->parts.pickup, relay_now(relay), INT64_MAX))
        ;
    return messages_find(relay->parts.messages, subject->id) != NULL;
}

/* However fast users make names, other work has its turn. */
static void leaves_what_there_is_at_its_end(void **state)
{
    struct subject *subject = *state;
    struct pickup *pickup = subject->relay.parts.pickup;

    pickup_watch(pickup, 1000);
    assert_int_not_equal(pickup_descriptor(pickup), -1);
    pick_up(subject);
    drop(subject, 2);
    pickup_take_hints(pickup, clock_now());
    assert_false(is_taken(subject));
    pickup_take_hints(pickup, clock_now() + 60000);
    assert_true(is_taken(subject));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_or_leaves, set_up, relay_end),
        cmocka_unit_test_setup_teardown(takes_each_once, set_up, relay_end),
        cmocka_unit_test_setup_teardown(waits_for_room, set_up, relay_end),
        cmocka_unit_test_setup_teardown(leaves_what_there_is_at_its_end,
                                        set_up, relay_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
