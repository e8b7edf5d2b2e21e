/* When messages that are only in drop/ and in memory go to queue/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <poll.h>

#include "control/client.h"
#include "relay_fixture.h"
#include "util/text.h"

enum { COUNT_DROPPED = 3, ROOM_TIME = 60000, NEWCOMER = 4001, OTHERS = 5001 };

struct subject {
    struct relay relay;
    char ids[COUNT_DROPPED][RANDOM_ID_LENGTH + 1];
};

/* Some messages, which a smarthost that is up will be offered. */
static int set_up(void **state)
{
    struct subject *subject = relay_new(sizeof *subject);

    for (size_t i = 0; i < COUNT_DROPPED; i++)
        relay_drop(&subject->relay, subject->ids[i], &(struct message_shape){
            .reverse_path = "a@example.com", .recipients = 1 });
    relay_pick_up(&subject->relay);
    *state = subject;
    return 0;
}

static struct message *message(struct subject *subject, size_t i)
{
    return messages_find(subject->relay.parts.messages, subject->ids[i]);
}

static size_t count_stored(struct subject *subject)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_DROPPED; i++)
        count += message(subject, i)->stored;
    return count;
}

/* A folder where a file of the spool should be: none can be stored. */
static void block(struct subject *subject)
{
    for (size_t i = 0; i < COUNT_DROPPED; i++) {
        char *name = alloc_format(".%s", subject->ids[i]);
        assert_int_equal(mkdirat(subject->relay.fixture.spool.queue, name,
                                 0700), 0);
        free(name);
    }
}

static void unblock(struct subject *subject)
{
    fixture_empty_folder(subject->relay.fixture.spool.queue);
}

static void leaves_them_in_drop_until_it_must(void **state)
{
    struct subject *subject = *state;

    assert_false(storage_run(subject->relay.parts.storage, 0, INT64_MAX));
    assert_int_equal(count_stored(subject), 0);
    assert_int_equal(fixture_count(subject->relay.fixture.spool.drop),
                     COUNT_DROPPED);
}

/* A message that a worker has may be delivered with its next reply. */
static void stores_all_but_what_is_out(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    relay_give(relay);
    storage_keep_all(relay->parts.storage);
    relay_store_what_must_be(relay);
    assert_int_equal(count_stored(subject), COUNT_DROPPED - 1);
    assert_int_equal(fixture_count(relay->fixture.spool.queue),
                     COUNT_DROPPED - 1);
    for (size_t i = 0; i < COUNT_DROPPED; i++)
        assert_int_equal(message(subject, i)->stored,
                         message(subject, i)->place != MESSAGE_OUT);
}

/* A round has its end; the next one goes on. */
static void stores_in_rounds(void **state)
{
    struct subject *subject = *state;
    struct storage *storage = subject->relay.parts.storage;

    storage_keep_all(storage);
    assert_true(storage_run(storage, 0, 0));
    assert_int_equal(count_stored(subject), 0);
    assert_false(storage_run(storage, 0, INT64_MAX));
    assert_int_equal(count_stored(subject), COUNT_DROPPED);
    assert_false(storage_run(storage, 0, 0));   /* none is left */
    storage_keep_all(storage);
    assert_false(storage_run(storage, 0, 0));
}

/* --- Room for a user who has none. --- */

/* Others take all but some room: 256 messages are in memory at most. */
static void crowd(struct subject *subject, size_t taken)
{
    struct shares *shares = subject->relay.parts.messages->home.shares;

    for (size_t i = 0; i < taken; i++)
        shares_add(shares, SHARE_MEMORY, OTHERS + (uid_t)(i / 100), 1);
}

static void stores_as_many_as_a_user_needs(void **state)
{
    struct subject *subject = *state;
    struct storage *storage = subject->relay.parts.storage;

    crowd(subject, 254);
    assert_true(messages_crowd_out(subject->relay.parts.messages, NEWCOMER));
    storage_make_room(storage, NEWCOMER);
    assert_true(storage_run(storage, 0, INT64_MAX));
    assert_true(messages_have_memory(subject->relay.parts.messages, NEWCOMER));
    assert_int_equal(count_stored(subject), 2);
    assert_false(storage_run(storage, 0, INT64_MAX));   /* not again */
    assert_int_equal(count_stored(subject), 2);
}

/* There is none to be had: all belongs to messages that are out. */
static void makes_no_room_of_what_is_not_there(void **state)
{
    struct subject *subject = *state;
    struct storage *storage = subject->relay.parts.storage;

    crowd(subject, 256);
    storage_make_room(storage, NEWCOMER);
    assert_false(storage_run(storage, 0, INT64_MAX));
    assert_int_equal(count_stored(subject), COUNT_DROPPED);
}

/* With a disk that is full, that is tried once a minute. */
static void waits_after_one_that_could_not_be_stored(void **state)
{
    struct subject *subject = *state;
    struct storage *storage = subject->relay.parts.storage;

    crowd(subject, 254);
    block(subject);
    storage_make_room(storage, NEWCOMER);
    assert_false(storage_run(storage, 0, INT64_MAX));
    unblock(subject);
    storage_make_room(storage, NEWCOMER);
    assert_false(storage_run(storage, ROOM_TIME - 1, INT64_MAX));
    assert_int_equal(count_stored(subject), 0);
    assert_true(storage_run(storage, ROOM_TIME, INT64_MAX));
    assert_int_equal(count_stored(subject), 2);
}

/* --- Callers who wait for an attempt. --- */

static void note_last(void *context, int fd, short events)
{
    (void)events;
    *(int *)context = fd;
}

/* As the poll loop has it: of the listener, if no client is there yet. */
static void handle(struct relay *relay, short events)
{
    int last = -1;

    control_each(relay->parts.control, note_last, &last);
    control_handle(relay->parts.control, last, events);
}

/* A caller waits for the attempt at a message. */
static int begin_to_wait(struct subject *subject, size_t i)
{
    const struct client_question question = {
        .path = subject->relay.control_path, .request = REQUEST_WAIT,
        .argument = subject->ids[i],
    };
    struct error err;
    int fd = client_begin(&question, &err);

    assert_int_not_equal(fd, -1);
    handle(&subject->relay, POLLIN);
    return fd;
}

/* The answer that this caller gets; "" if they wait still. The client is gone
 * then. */
static char *answer_of(struct relay *relay, int fd)
{
    struct error err;
    struct buf got;

    handle(relay, POLLOUT);
    control_expire(relay->parts.control, INT64_MAX);
    buf_init(&got, SIZE_MAX);
    buf_add_text(&got, "");
    (void)io_read_all(fd, &got, &err);
    io_close(&fd);
    return got.data != NULL ? got.data : alloc_string("");
}

/* A caller asks while the smarthost is up, which goes down for that reason. */
static const struct {
    const char *reason;         /* of the smarthost */
    bool keeps;                 /* the message will not be tried now */
    const char *answer;
} waits[COUNT_DROPPED] = {
    { NULL, true, "no smarthost takes mail now" },
    { "connection refused", true, "connection refused" },
    { "connection refused", false, NULL },
};

static void lets_callers_go_who_would_wait_for_nothing(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;

    for (size_t i = 0; i < COUNT(waits); i++) {
        int fd = begin_to_wait(subject, i);
        host->reason = waits[i].reason == NULL
                       ? NULL : alloc_string(waits[i].reason);
        if (waits[i].keeps)
            storage_keep(relay->parts.storage, message(subject, i));
        else
            storage_put(message(subject, i));
        char *answer = answer_of(relay, fd);
        if (waits[i].answer == NULL ? *answer != '\0'
                                    : strstr(answer, "4.4.1") == NULL ||
                                      strstr(answer, waits[i].answer) == NULL)
            fail_msg("row %zu: %s", i, answer);
        free(answer);
        free(host->reason);
        host->reason = NULL;
    }
}

/* The caller waits still: it is tried where it is. */
static void stays_in_drop_if_it_cannot_be_stored(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    block(subject);
    int fd = begin_to_wait(subject, 0);
    assert_false(storage_put(message(subject, 0)));
    assert_false(storage_keep(relay->parts.storage, message(subject, 0)));
    assert_int_equal(count_stored(subject), 0);
    char *answer = answer_of(relay, fd);
    assert_string_equal(answer, "");
    free(answer);
    unblock(subject);
    assert_true(storage_put(message(subject, 0)));
    assert_int_equal(count_stored(subject), 1);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, relay_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(leaves_them_in_drop_until_it_must),
        ON_SPOOL(stores_all_but_what_is_out),
        ON_SPOOL(stores_in_rounds),
        ON_SPOOL(stores_as_many_as_a_user_needs),
        ON_SPOOL(makes_no_room_of_what_is_not_there),
        ON_SPOOL(waits_after_one_that_could_not_be_stored),
        ON_SPOOL(lets_callers_go_who_would_wait_for_nothing),
        ON_SPOOL(stays_in_drop_if_it_cannot_be_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
