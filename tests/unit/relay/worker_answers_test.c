/* A worker's report is evidence about its smarthost, and ends a job or a part
 * of it: the test is the worker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "relay/worker_pool.h"
#include "relay_fixture.h"
#include "util/text.h"

enum { MINUTE = 60000 };

struct subject {
    struct relay relay;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    *state = relay_new(sizeof(struct subject));
    return 0;
}

static void renew(struct subject *subject)
{
    relay_stop(&subject->relay);
    fixture_empty(&subject->relay.fixture);
    relay_start(&subject->relay);
}

static void submit(struct subject *subject, size_t recipients)
{
    relay_drop(&subject->relay, subject->id, &(struct message_shape){
        .reverse_path = "a@example.com", .recipients = recipients });
    relay_pick_up(&subject->relay);
}

static struct availability *host(struct subject *subject)
{
    return &subject->relay.parts.hops->list[0].availability;
}

static struct message *message(struct subject *subject)
{
    return messages_find(subject->relay.parts.messages, subject->id);
}

/* --- An outcome shows something of the smarthost. --- */

/* An outcome of a message that is under way, and the smarthost before. */
static const struct judged {
    enum availability_state before;     /* not up: the message is its trial */
    bool has_served;
    bool has_replied;           /* to mail, within the last minute */
    enum outcome_kind kind;
    int code;
    enum fault fault;
    bool wants_login;
    enum availability_state after;
    bool is_open;               /* the recipient, then */
} judgements[] = {
    /* replies to mail, of whatever kind */
    { HOP_UP,   false, false, OUTCOME_DELIVERED, 250, FAULT_NONE, false,
      HOP_UP, false },
    { HOP_UP,   false, false, OUTCOME_DEFERRED, 450, FAULT_TEMPORARY, false,
      HOP_UP, true },
    { HOP_UP,   false, false, OUTCOME_FAILED, 550, FAULT_RECIPIENT, false,
      HOP_UP, false },
    { HOP_DOWN, false, false, OUTCOME_DELIVERED, 250, FAULT_NONE, false,
      HOP_UP, false },
    { HOP_DOWN, false, false, OUTCOME_DEFERRED, 450, FAULT_TEMPORARY, false,
      HOP_UP, true },
    /* silence is the message's, if others had a reply lately */
    { HOP_UP,   false, true,  OUTCOME_DEFERRED, 0, FAULT_TEMPORARY, false,
      HOP_UP, true },
    { HOP_UP,   false, false, OUTCOME_DEFERRED, 0, FAULT_TEMPORARY, false,
      HOP_DOWN, true },
    { HOP_UP,   true,  false, OUTCOME_DEFERRED, 0, FAULT_TEMPORARY, false,
      HOP_DOWN, true },
    /* it wants a login: of all mail, if it has taken none without */
    { HOP_UP,   false, false, OUTCOME_DEFERRED, 530, FAULT_PERMISSION, false,
      HOP_PARKED, true },
    { HOP_UP,   false, false, OUTCOME_FAILED, 550, FAULT_UNAVAILABLE, true,
      HOP_PARKED, true },
    { HOP_UP,   true,  false, OUTCOME_FAILED, 550, FAULT_UNAVAILABLE, true,
      HOP_UP, false },
};

static void send_outcome(struct subject *subject, const struct outcome *outcome)
{
    static char peer[] = RELAY_PEER;
    struct wire_outcome one = { .index = 0, .outcome = *outcome };
    struct packet packet = wire_packet(WIRE_OUTCOMES);

    packet.job = subject->relay.job;
    packet.outcomes = &one;
    packet.count = 1;
    packet.peer = peer;
    relay_send(&subject->relay, &packet);
}

/* It takes one message when a trial is due. */
static void be_before(struct subject *subject, const struct judged *row)
{
    struct availability *one = host(subject);
    int64_t now = relay_now(&subject->relay)->awake;

    one->has_served = row->has_served;
    one->replied = row->has_replied ? now - MINUTE : 0;
    if (row->before == HOP_UP)
        return;
    one->state = row->before;
    one->refuses = true;        /* so that a session alone shows nothing */
    one->fault = FAULT_TEMPORARY;
    one->reason = alloc_string("it was");
    one->trial_due = now;
}

static void judges_the_smarthost_by_an_outcome(void **state)
{
    struct subject *subject = *state;
    char text[] = "why";

    for (size_t i = 0; i < COUNT(judgements); i++) {
        const struct judged *row = &judgements[i];
        be_before(subject, row);
        submit(subject, 1);
        relay_give(&subject->relay);
        assert_int_not_equal(subject->relay.job, 0);
        send_outcome(subject, &(struct outcome){
            .kind = row->kind, .code = row->code, .fault = row->fault,
            .stage = STAGE_MAIL, .status = "4.0.0", .text = text,
            .wants_login = row->wants_login });
        if (host(subject)->state != row->after ||
            (message(subject) != NULL) != row->is_open)
            fail_msg("row %zu: %d", i, host(subject)->state);
        assert_int_equal(host(subject)->replied ==
                         relay_now(&subject->relay)->awake, row->code != 0);
        renew(subject);
    }
}

/* Its mail goes to disk, and waits there. */
static void stores_all_when_it_goes_down(void **state)
{
    char text[] = "silence";
    struct subject *subject = *state;

    submit(subject, 1);
    relay_give(&subject->relay);
    submit(subject, 1);
    assert_false(message(subject)->stored);
    send_outcome(subject, &(struct outcome){
        .kind = OUTCOME_DEFERRED, .fault = FAULT_TEMPORARY,
        .stage = STAGE_MAIL, .status = "4.4.2", .text = text });
    relay_store_what_must_be(&subject->relay);
    assert_true(message(subject)->stored);
}

/* --- Sessions. --- */

static const struct closed {
    bool was_down;
    enum fault fault;
    enum reach reach;
    bool others_work;
    bool renews;                /* another token is asked for */
    enum availability_state after;
} closings[] = {
    { false, FAULT_TEMPORARY,  REACH_REFUSED, false, false, HOP_DOWN },
    { false, FAULT_PERMISSION, REACH_REPLY,   false, false, HOP_PARKED },
    { false, FAULT_CONFIG,     REACH_NONE,    false, false, HOP_PARKED },
    { false, FAULT_TEMPORARY,  REACH_REFUSED, true,  false, HOP_UP },
    { false, FAULT_PERMISSION, REACH_REPLY,   false, true,  HOP_UP },
    { true,  FAULT_PERMISSION, REACH_REPLY,   false, true,  HOP_DOWN },
};

static void judges_the_smarthost_by_a_session(void **state)
{
    char token[] = "0123abcd";
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(closings); i++) {
        struct packet packet = wire_packet(WIRE_CLOSED);
        if (closings[i].was_down)
            be_before(subject, &(struct judged){ .before = HOP_DOWN });
        submit(subject, 1);
        relay_promise_worker(&subject->relay);
        relay_dispatch(&subject->relay);
        relay_become_worker(&subject->relay);
        error_set(&packet.error, closings[i].fault, "why");
        packet.error.reach = closings[i].reach;
        packet.token = closings[i].renews ? token : NULL;
        if (closings[i].others_work)    /* one was opened since */
            subject->relay.parts.hops->list[0].workers->opened = INT64_MAX;
        relay_send(&subject->relay, &packet);
        if (host(subject)->state != closings[i].after)
            fail_msg("row %zu: %d", i, host(subject)->state);
        assert_false(host(subject)->on_trial);
        renew(subject);
    }
}

static void keeps_when_a_certificate_ends(void **state)
{
    static char peer[] = RELAY_PEER;
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    submit(subject, 1);
    relay_promise_worker(relay);
    relay_dispatch(relay);
    relay_become_worker(relay);
    relay_send(relay, &(struct packet){ .kind = WIRE_OPENED, .peer = peer,
                                        .certificate_end = 1800000000 });
    assert_int_equal(relay->parts.hops->list[0].certificate_end, 1800000000);
}

/* --- Messages that it refuses. --- */

/* One recipient who gets it shows that the smarthost takes mail. */
static const struct {
    const char *codes;          /* of the recipients */
    unsigned counted, refused;
} refusals[] = {
    { "2", 1, 0 }, { "5", 1, 1 }, { "52", 1, 0 }, { "55", 1, 1 },
    { "4", 0, 0 }, { "54", 1, 1 },
};

static void counts_messages_that_are_refused(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(refusals); i++) {
        unsigned refused;
        submit(subject, strlen(refusals[i].codes));
        relay_give(&subject->relay);
        relay_settle(&subject->relay, refusals[i].codes);
        unsigned counted =
            refusals_count(&subject->relay.parts.hops->list[0].refusals,
                           relay_now(&subject->relay)->awake, &refused);
        if (counted != refusals[i].counted || refused != refusals[i].refused)
            fail_msg("row %zu: %u of %u", i, refused, counted);
        renew(subject);
    }
}

/* --- The end of a job. --- */

/* How a job ends without an outcome: what the worker sends, if anything, or how
 * it ends. */
static const struct end {
    enum wire_kind kind;        /* JOB: nothing */
    bool refused;
    int status;                 /* of the process that ends; -1: it goes on */
    int64_t due;                /* milliseconds, at least */
    unsigned attempts, refusals;
} ends[] = {
    { WIRE_DONE,     false, -1,      60000,  0, 0 },    /* unreadable to it */
    { WIRE_RETURNED, false, -1,      0,      0, 0 },
    { WIRE_RETURNED, true,  -1,      0,      0, 1 },
    { WIRE_JOB,      false, 0,       0,      0, 0 },
    { WIRE_JOB,      false, SIGSEGV, 300000, 1, 0 },
};

static void puts_back_what_was_not_tried(void **state)
{
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    for (size_t i = 0; i < COUNT(ends); i++) {
        submit(subject, 2);
        relay_give(relay);
        if (ends[i].kind != WIRE_JOB)
            relay_send(relay, &(struct packet){ .kind = ends[i].kind,
                                                .job = relay->job,
                                                .refused = ends[i].refused });
        if (ends[i].status != -1) {
            io_close(&relay->worker);
            relay_reap(relay, ends[i].status);
        }
        int64_t due = relay_due(relay, subject->id);
        if (due < ends[i].due || due > ends[i].due + ends[i].due / 4 ||
            message(subject)->attempts != ends[i].attempts ||
            message(subject)->refused != ends[i].refusals)
            fail_msg("row %zu: %lld", i, (long long)due);
        renew(subject);
    }
}

/* Its journal has what the worker could not report any more. */
static void takes_what_the_journal_has(void **state)
{
    static const size_t accepted[] = { 1 };
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;

    submit(subject, 2);
    relay_give(relay);
    journal_note(relay->journal, subject->id, accepted, 1);
    io_close(&relay->worker);
    relay_reap(relay, SIGKILL);
    assert_int_equal(relay->parts.totals.delivered, 1);
    relay_wait(relay, relay_due(relay, subject->id));
    relay_give(relay);
    assert_int_equal(relay->count, 1);
    assert_int_equal(relay->recipients[0], 0);
}

/* A worker reports an outcome twice, or of a recipient that it was not
 * given. */
static void takes_each_outcome_once(void **state)
{
    static char peer[] = RELAY_PEER;
    struct subject *subject = *state;
    struct relay *relay = &subject->relay;
    static const size_t indices[] = { 0, 0, 7 };
    struct wire_outcome outcomes[COUNT(indices)] = { 0 };
    struct packet packet = wire_packet(WIRE_OUTCOMES);

    submit(subject, 2);
    relay_give(relay);
    for (size_t i = 0; i < COUNT(indices); i++) {
        outcomes[i].index = indices[i];
        relay_fill_outcome(&outcomes[i].outcome, '2');
    }
    packet.job = relay->job;
    packet.outcomes = outcomes;
    packet.count = COUNT(indices);
    packet.peer = peer;
    relay_send(relay, &packet);
    assert_int_equal(relay->parts.totals.delivered, 1);
    assert_int_equal(message(subject)->place, MESSAGE_OUT);
    for (size_t i = 0; i < COUNT(indices); i++)
        outcome_free(&outcomes[i].outcome);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, relay_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(judges_the_smarthost_by_an_outcome),
        ON_SPOOL(stores_all_when_it_goes_down),
        ON_SPOOL(judges_the_smarthost_by_a_session),
        ON_SPOOL(keeps_when_a_certificate_ends),
        ON_SPOOL(counts_messages_that_are_refused),
        ON_SPOOL(puts_back_what_was_not_tried),
        ON_SPOOL(takes_what_the_journal_has),
        ON_SPOOL(takes_each_outcome_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
