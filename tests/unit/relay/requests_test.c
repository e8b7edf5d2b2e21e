/* Requests over the control socket: the permission of each caller, and the
 * answers that are not lists or changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "clients_fixture.h"

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
    struct clients *clients = *state;

    for (size_t i = 0; i < COUNT(permissions); i++)
        if (!clients_get(clients, ALICE, permissions[i].request, "all",
                         permissions[i].alice) ||
            !clients_get(clients, 0, permissions[i].request, "all",
                         permissions[i].root))
            fail_msg("row %zu", i);
}

static void leaves_the_rest_to_administrators(void **state)
{
    struct clients *clients = *state;

    assert_true(clients_get(clients, ALICE, REQUEST_RELOAD, "",
                            "error not permitted"));
    assert_true(clients_get(clients, ALICE, REQUEST_REQUEUE, clients->alices,
                            "error not permitted"));
    assert_true(clients_get(clients, 0, REQUEST_REQUEUE, clients->alices,
                            "0\n"));
    assert_true(clients_get(clients, geteuid(), REQUEST_REQUEUE,
                            clients->alices, "0\n"));
}

/* --- Having mail tried. --- */

static void tries_a_users_mail_once_a_minute(void **state)
{
    struct clients *clients = *state;
    struct relay *relay = &clients->relay;

    assert_true(clients_get(clients, ALICE, REQUEST_FLUSH, "", "1\n"));
    relay_wait(relay, MINUTE - 1500);
    assert_true(clients_get(clients, ALICE, REQUEST_FLUSH, "",
                            "error your mail was tried less than a minute "
                            "ago: ask again in 2 s"));
    assert_true(clients_get(clients, BOB, REQUEST_FLUSH, "", "1\n"));
    assert_true(clients_get(clients, 0, REQUEST_FLUSH, "", "2\n"));
    assert_true(clients_get(clients, 0, REQUEST_FLUSH, "", "2\n"));
    relay_wait(relay, 1500);
    assert_true(clients_get(clients, ALICE, REQUEST_RETRY, clients->alices,
                            "1\n"));
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
    struct clients *clients = *state;
    struct relay *relay = &clients->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;

    for (size_t i = 0; i < COUNT(flushes); i++) {
        relay_wait(relay, MINUTE);
        int64_t now = relay_now(relay)->awake;
        host->state = flushes[i].state;
        host->failed = now - 40000;
        host->trial_due = now + 600000;
        if (!clients_get(clients, flushes[i].uid, REQUEST_FLUSH, "",
                         flushes[i].answer) ||
            host->trial_due != now + flushes[i].trial)
            fail_msg("row %zu", i);
    }
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
    struct clients *clients = *state;
    struct relay *relay = &clients->relay;
    struct availability *host = &relay->parts.hops->list[0].availability;

    for (size_t i = 0; i < COUNT(waits); i++) {
        struct message *message = messages_find(relay->parts.messages,
                                                clients->alices);
        enum control_reply reply;
        if (waits[i].is_out)
            give(relay, message);
        if (waits[i].is_held)
            schedule_hold(relay->parts.messages->schedule, message);
        host->reason = waits[i].reason == NULL
                       ? NULL : alloc_string(waits[i].reason);
        char *answer = clients_ask(clients, waits[i].uid, REQUEST_WAIT,
                                   clients->alices, &reply);
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
    struct clients *clients = *state;
    enum control_reply reply;

    char *answer = clients_ask(clients, CAROL, REQUEST_WAIT,
                               "ffffffffffffffffffffffffffffffff", &reply);
    assert_int_equal(reply, CONTROL_WAITS);
    free(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR_CLIENTS(changes_what_is_the_askers),
        FOR_CLIENTS(leaves_the_rest_to_administrators),
        FOR_CLIENTS(tries_a_users_mail_once_a_minute),
        FOR_CLIENTS(has_a_smarthost_tried),
        FOR_CLIENTS(waits_for_an_attempt_that_will_come),
        FOR_CLIENTS(waits_for_a_message_that_is_not_found_yet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
