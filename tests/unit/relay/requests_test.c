/* Requests over the control socket: the permission of each caller, and the
 * answer, of the messages of two users. message_test.c has the effect on a
 * message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay_fixture.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, CAROL, MINUTE = 60000 };

struct subject {
    struct relay relay;
    char alices[RANDOM_ID_LENGTH + 1];
    char bobs[RANDOM_ID_LENGTH + 1];
};

static void submit(struct subject *subject, char *id, const char *sender,
                   uid_t uid)
{
    struct relay *relay = &subject->relay;

    relay_drop(relay, id, &(struct message_shape){ .reverse_path = sender,
                                                   .recipients = 2 });
    relay_pick_up(relay);
    messages_find(relay->parts.messages, id)->uid = uid;
}

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);

    relay_set_up(&subject->relay);
    log_open(LOG_OFF, "test");
    relay_start(&subject->relay);
    submit(subject, subject->alices, "alice@example.com", ALICE);
    submit(subject, subject->bobs, "bob@example.com", BOB);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    relay_stop(&subject->relay);
    relay_tear_down(&subject->relay);
    free(subject);
    return 0;
}

/* The whole answer, without the words to a client who waits, and whether it
 * was left open. The caller frees it. */
static char *ask(struct subject *subject, uid_t uid, enum request request,
                 const char *argument, enum control_reply *reply)
{
    struct control_progress progress = { 0 };
    char waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf whole, part;
    const struct control_request what = {
        .uid = uid, .request = request, .argument = argument,
        .progress = &progress, .out = &part, .waiting = waiting,
    };

    buf_init(&whole, SIZE_MAX);
    buf_add_text(&whole, "");
    do {
        buf_init(&part, SIZE_MAX);
        *reply = requests_answer(subject->relay.parts.requests, &what,
                                 relay_now(&subject->relay));
        buf_add(&whole, part.data != NULL ? part.data : "", part.length);
        buf_free(&part);
    } while (*reply == CONTROL_MORE);
    return whole.data != NULL ? whole.data : alloc_string("");
}

static bool starts(struct subject *subject, uid_t uid, enum request request,
                   const char *argument, const char *start)
{
    enum control_reply reply;
    char *answer = ask(subject, uid, request, argument, &reply);
    bool right = strncmp(answer, start, strlen(start)) == 0;

    if (!right)
        print_error("got: %s", answer);
    free(answer);
    return right;
}

/* --- Permissions. --- */

/* A number: so many messages of the two were changed. */
static const struct {
    enum request request;
    const char *alice, *root;
} permissions[] = {
    { REQUEST_HOLD,    "error not permitted", "2\n" },
    { REQUEST_RELEASE, "error not permitted", "2\n" },
    { REQUEST_RETRY,   "1\n",                 "2\n" },
    { REQUEST_REMOVE,  "1\n",                 "1\n" },
};

static void changes_what_is_the_askers(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(permissions); i++)
        if (!starts(subject, ALICE, permissions[i].request, "all",
                    permissions[i].alice) ||
            !starts(subject, 0, permissions[i].request, "all",
                    permissions[i].root))
            fail_msg("row %zu", i);
}

static void changes_nothing_of_others(void **state)
{
    static const enum request requests[] = { REQUEST_RETRY, REQUEST_REMOVE };
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(requests); i++) {
        relay_wait(&subject->relay, MINUTE);
        assert_true(starts(subject, ALICE, requests[i], subject->bobs, "0\n"));
        relay_wait(&subject->relay, MINUTE);
        assert_true(starts(subject, ALICE, requests[i],
                           "ffffffffffffffffffffffffffffffff", "0\n"));
    }
    assert_non_null(messages_find(subject->relay.parts.messages,
                                  subject->bobs));
}

static void leaves_the_rest_to_administrators(void **state)
{
    struct subject *subject = *state;

    assert_true(starts(subject, ALICE, REQUEST_RELOAD, "",
                       "error not permitted"));
    assert_true(starts(subject, ALICE, REQUEST_REQUEUE, subject->alices,
                       "error not permitted"));
    assert_true(starts(subject, 0, REQUEST_REQUEUE, subject->alices, "0\n"));
    assert_true(starts(subject, geteuid(), REQUEST_REQUEUE, subject->alices,
                       "0\n"));
}

/* One that is held is not tried on request; one that a worker has
 * is removed when it is back. */
static void reports_what_it_could_not_do_yet(void **state)
{
    struct subject *subject = *state;

    assert_true(starts(subject, 0, REQUEST_HOLD, subject->alices, "1\n"));
    assert_true(starts(subject, 0, REQUEST_RETRY, "all", "held 1\n1\n"));
    relay_give(&subject->relay);
    assert_true(starts(subject, 0, REQUEST_REMOVE, "all", "1 1\n"));
    assert_non_null(messages_find(subject->relay.parts.messages,
                                  subject->bobs));
    relay_settle_all(&subject->relay, '4');
    assert_null(messages_find(subject->relay.parts.messages, subject->bobs));
}

/* --- Messages by what is in them. --- */

static const struct {
    const char *filter;         /* "I": the queue-id of Alice's is added */
    const char *tried;
} filters[] = {
    { "I ", "1\n" },
    { "!I ", "1\n" },
    { "I fffffffffffffffffffffffff", "0\n" },
    { "S alice@", "1\n" },
    { "S @example.com", "2\n" },
    { "S c@example.com", "0\n" },       /* a recipient */
    { "!S alice@", "1\n" },
    { "R c@example.com", "2\n" },
    { "R alice@", "0\n" },
    { "!R c@", "0\n" },
};

static void tries_messages_by_what_is_in_them(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(filters); i++) {
        size_t length = strlen(filters[i].filter);
        bool names = filters[i].filter[length - 2] == 'I' &&
                     filters[i].filter[length - 1] == ' ';
        char *filter = alloc_format("%s%s", filters[i].filter,
                                    names ? subject->alices : "");
        if (!starts(subject, 0, REQUEST_RUN, filter, filters[i].tried))
            fail_msg("row %zu", i);
        free(filter);
    }
}

/* A summary that is too long to be kept is read from the file. */
static void reads_what_it_does_not_keep(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    char id[RANDOM_ID_LENGTH + 1];

    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = 500 });
    relay_pick_up(relay);
    relay_store_all(relay);
    relay_store_what_must_be(relay);
    assert_null(messages_find(relay->parts.messages, id)->summary);
    assert_true(starts(subject, 0, REQUEST_RUN, "R 499@example.com", "1\n"));
    assert_true(starts(subject, 0, REQUEST_RUN, "!R 499@example.com", "2\n"));
    unlinkat(relay->fixture.spool.queue, id, 0);
    assert_true(starts(subject, 0, REQUEST_RUN, "!R 499@example.com", "2\n"));
}

/* --- Having mail tried. --- */

static void tries_a_users_mail_once_a_minute(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    assert_true(starts(subject, ALICE, REQUEST_FLUSH, "", "1\n"));
    relay_wait(relay, MINUTE - 1500);
    assert_true(starts(subject, ALICE, REQUEST_FLUSH, "",
                       "error your mail was tried less than a minute ago: ask "
                       "again in 2 s"));
    assert_true(starts(subject, BOB, REQUEST_FLUSH, "", "1\n"));
    assert_true(starts(subject, 0, REQUEST_FLUSH, "", "2\n"));
    assert_true(starts(subject, 0, REQUEST_FLUSH, "", "2\n"));
    relay_wait(relay, 1500);
    assert_true(starts(subject, ALICE, REQUEST_RETRY, subject->alices, "1\n"));
}

static const struct {
    enum availability_state state;
    uid_t uid;
    const char *answer;
    int64_t trial;              /* milliseconds until it is due */
} flushes[] = {
    { HOP_DOWN,   0,     "2\n", 0 },
    { HOP_DOWN,   ALICE, "1\n", 20000 },    /* a minute after it failed */
    { HOP_PARKED, 0,     "2\n", 0 },
    { HOP_PARKED, ALICE, "error smarthost main is parked", 600000 },
};

static void has_a_smarthost_tried(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;

    for (size_t i = 0; i < COUNT(flushes); i++) {
        relay_wait(relay, MINUTE);
        int64_t now = relay_now(relay)->awake;
        host->state = flushes[i].state;
        host->failed = now - 40000;
        host->trial_due = now + 600000;
        if (!starts(subject, flushes[i].uid, REQUEST_FLUSH, "",
                    flushes[i].answer) ||
            host->trial_due != now + flushes[i].trial)
            fail_msg("row %zu", i);
    }
}

/* --- The list. --- */

static size_t count_lines(const char *answer, const char *part)
{
    size_t count = 0;

    for (const char *at = answer; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

/* The part of the two messages that each caller sees; the rest is others'. */
static const struct {
    uid_t uid;
    size_t alices, bobs;
    const char *others;
} lists[] = {
    { 0,     1, 1, NULL },
    { ALICE, 1, 0, "others\t1\t" },
    { CAROL, 0, 0, "others\t2\t" },
};

static void lists_what_the_asker_may_see(void **state)
{
    struct subject *subject = *state;
    enum control_reply reply;

    for (size_t i = 0; i < COUNT(lists); i++) {
        char *answer = ask(subject, lists[i].uid, REQUEST_LIST, "", &reply);
        if (count_lines(answer, "alice@") != lists[i].alices ||
            count_lines(answer, "bob@") != lists[i].bobs ||
            (strstr(answer, "others") != NULL) != (lists[i].others != NULL) ||
            (lists[i].others != NULL &&
             strstr(answer, lists[i].others) == NULL))
            fail_msg("row %zu: %s", i, answer);
        free(answer);
    }
}

/* Those that cannot be read are others' for a user. */
static void lists_what_cannot_be_read(void **state)
{
    struct subject *subject = *state;
    enum control_reply reply;
    struct error err;

    error_set(&err, FAULT_NEWER, "it is newer");
    unread_add(&subject->relay.parts.messages->unread, &err);
    char *roots = ask(subject, 0, REQUEST_LIST, "", &reply);
    char *alices = ask(subject, ALICE, REQUEST_LIST, "", &reply);
    assert_non_null(strstr(roots, "unread\t1\tit is newer\n"));
    assert_null(strstr(alices, "unread"));
    assert_non_null(strstr(alices, "others\t2\t"));
    free(roots);
    free(alices);
}

/* Committed before the question: in the answer. */
static void lists_what_has_just_come(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct control_progress progress = { 0 };
    char id[RANDOM_ID_LENGTH + 1], waiting[RANDOM_ID_LENGTH + 1] = "";
    struct buf out;
    const struct control_request what = {
        .uid = 0, .request = REQUEST_LIST, .argument = "",
        .progress = &progress, .out = &out, .waiting = waiting,
    };

    buf_init(&out, SIZE_MAX);
    relay_drop(relay, id, &(struct message_shape){
        .reverse_path = "late@example.com", .recipients = 1 });
    assert_int_equal(relay_answer(relay, &what), CONTROL_MORE);
    while (pickup_run(relay->parts.pickup, relay_now(relay), INT64_MAX))
        ;
    while (relay_answer(relay, &what) == CONTROL_MORE)
        ;
    assert_non_null(strstr(out.data, "late@example.com"));
    buf_free(&out);
}

/* --- Waiting for an attempt. --- */

static const struct {
    const char *reason;         /* of the smarthost */
    bool is_out, is_held;
    uid_t uid;
    enum control_reply reply;
    const char *answer;
} waits[] = {
    { NULL,       false, false, ALICE, CONTROL_WAITS, "" },
    { "it fails", false, false, ALICE, CONTROL_DONE,
      "deferred - 4.4.1 it fails" },
    { NULL,       false, true,  ALICE, CONTROL_DONE,
      "deferred - 4.4.1 held by the administrator" },
    { NULL,       false, false, BOB,   CONTROL_DONE, "error no such message" },
    { "it fails", true,  false, ALICE, CONTROL_WAITS, "" },
};

/* To a worker, after others. */
static void give(struct relay *relay, const struct message *message)
{
    relay_give(relay);
    while (message->place != MESSAGE_OUT) {
        relay_settle_all(relay, '2');
        relay_give(relay);
    }
}

static void waits_for_an_attempt_that_will_come(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;

    for (size_t i = 0; i < COUNT(waits); i++) {
        struct message *message = messages_find(relay->parts.messages,
                                                subject->alices);
        enum control_reply reply;
        if (waits[i].is_out)
            give(relay, message);
        if (waits[i].is_held)
            schedule_hold(relay->parts.messages->schedule, message);
        host->reason = waits[i].reason == NULL
                       ? NULL : alloc_string(waits[i].reason);
        char *answer = ask(subject, waits[i].uid, REQUEST_WAIT,
                           subject->alices, &reply);
        if (reply != waits[i].reply ||
            strncmp(answer, waits[i].answer, strlen(waits[i].answer)) != 0)
            fail_msg("row %zu: %s", i, answer);
        free(answer);
        free(host->reason);
        host->reason = NULL;
        if (waits[i].is_held)
            schedule_at(relay->parts.messages->schedule, message, 0);
    }
}

/* Its file was committed, and has not been found. */
static void waits_for_a_message_that_is_not_found_yet(void **state)
{
    struct subject *subject = *state;
    enum control_reply reply;

    char *answer = ask(subject, CAROL, REQUEST_WAIT,
                       "ffffffffffffffffffffffffffffffff", &reply);
    assert_int_equal(reply, CONTROL_WAITS);
    free(answer);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(changes_what_is_the_askers),
        ON_SPOOL(changes_nothing_of_others),
        ON_SPOOL(leaves_the_rest_to_administrators),
        ON_SPOOL(reports_what_it_could_not_do_yet),
        ON_SPOOL(tries_messages_by_what_is_in_them),
        ON_SPOOL(reads_what_it_does_not_keep),
        ON_SPOOL(tries_a_users_mail_once_a_minute),
        ON_SPOOL(has_a_smarthost_tried),
        ON_SPOOL(lists_what_the_asker_may_see),
        ON_SPOOL(lists_what_cannot_be_read),
        ON_SPOOL(lists_what_has_just_come),
        ON_SPOOL(waits_for_an_attempt_that_will_come),
        ON_SPOOL(waits_for_a_message_that_is_not_found_yet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
