/* The ends and the findings of workers are evidence about their smarthost: the
 * test is the launcher and all workers, and sets times back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/launch.h"
#include "relay/wire.h"
#include "relay/worker_pool.h"
#include "relay/workers.h"
#include "util/log.h"
#include "util/text.h"

enum { MOST = 4, FIRST_PID = 500, SECOND = 1000, MINUTE = 60000 };

struct subject {
    struct fixture fixture;
    int launcher;               /* our ends */
    int workers[MOST];
    struct launch *launch;
    struct workers *pool;
};

static void make_pool(struct subject *subject)
{
    static char name[] = "main";
    static const struct smarthost smarthost = { .name = name,
                                                .connections = MOST };
    static const struct strings no_journals;

    subject->pool = workers_new(subject->launch, &smarthost, 0,
                                &subject->fixture.spool, &no_journals);
}

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);
    int ends[2];

    fixture_open(&subject->fixture);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                ends), 0);
    subject->launcher = ends[0];
    subject->launch = launch_new(ends[1]);
    for (size_t i = 0; i < MOST; i++)
        subject->workers[i] = -1;
    make_pool(subject);
    *state = subject;
    return 0;
}

static void end_pool(struct subject *subject)
{
    workers_free(subject->pool);
    for (size_t i = 0; i < MOST; i++)
        io_close(&subject->workers[i]);
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    end_pool(subject);
    launch_free(subject->launch);
    io_close(&subject->launcher);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* --- Workers, and what they send. --- */

static void start(struct subject *subject, size_t i)
{
    struct packet answer = wire_packet(WIRE_STARTED), request;
    struct error err;

    answer.pid = FIRST_PID + (pid_t)i;
    assert_true(wire_send(subject->launcher, &answer, &err));
    assert_true(workers_start(subject->pool, &err));
    assert_int_equal(wire_receive(subject->launcher, WIRE_MANAGER, &request,
                                  &err), 1);
    assert_int_equal(request.kind, WIRE_START_WORKER);
    subject->workers[i] = request.fd;
    request.fd = -1;
    wire_free(&request);
}

static struct worker_slot *slot(struct subject *subject, size_t i)
{
    return subject->pool->slots[i];
}

static void send_packet(struct subject *subject, size_t i,
                        struct packet *packet)
{
    struct error err;

    packet->fd = packet->journal = -1;
    if (!wire_send(subject->workers[i], packet, &err))
        fail_msg("%s", err.text);
    workers_note_input(slot(subject, i));
}

static bool next_event(struct subject *subject, struct worker_event *event)
{
    *event = (struct worker_event){ 0 };
    return workers_next(subject->pool, event);
}

static void open_session(struct subject *subject, size_t i)
{
    static char peer[] = "mx.example[192.0.2.1]:25";
    struct worker_event event;

    send_packet(subject, i, &(struct packet){ .kind = WIRE_OPENED,
                                              .peer = peer });
    assert_true(next_event(subject, &event));
    assert_int_equal(event.kind, WORKER_OPENED);
}

/* How an attempt to get a session ended. */
static void close_session(struct subject *subject, size_t i, enum fault fault,
                          enum reach reach, struct worker_event *event)
{
    struct packet packet = wire_packet(WIRE_CLOSED);

    error_set(&packet.error, fault, "why");
    packet.error.reach = reach;
    send_packet(subject, i, &packet);
    assert_true(next_event(subject, event));
    assert_int_equal(event->kind, WORKER_CLOSED);
}

/* The next packet of that kind that a worker gets; others are passed over. */
static bool receive(struct subject *subject, size_t i, enum wire_kind kind,
                    struct packet *packet)
{
    struct error err;

    while (wire_receive(subject->workers[i], WIRE_MANAGER, packet, &err) == 1) {
        if (packet->kind == kind)
            return true;
        wire_free(packet);
    }
    return false;
}

/* --- One that gets no session. --- */

/* The other worker, if there is one. */
enum other { NO_OTHER, OPENING, IDLE, SILENT, LONG_SILENT };

static const struct {
    enum other other;
    enum fault fault;
    enum reach reach;
    bool served;                /* the smarthost is not to blame */
    bool counts;                /* it takes no more connections */
} closed[] = {
    { NO_OTHER,    FAULT_TEMPORARY,  REACH_TIMED_OUT, false, false },
    { OPENING,     FAULT_TEMPORARY,  REACH_TIMED_OUT, false, false },
    /* another session answers: it takes no more at a time */
    { IDLE,        FAULT_TEMPORARY,  REACH_TIMED_OUT, true,  true },
    { IDLE,        FAULT_PERMISSION, REACH_REPLY,     true,  true },
    /* one that does not: it has a message that takes long, if the smarthost
     * has answered at all */
    { SILENT,      FAULT_TEMPORARY,  REACH_TIMED_OUT, false, false },
    { SILENT,      FAULT_TEMPORARY,  REACH_REPLY,     true,  true },
    { LONG_SILENT, FAULT_TEMPORARY,  REACH_REPLY,     false, false },
    /* it is this machine that failed */
    { IDLE,        FAULT_CONFIG,     REACH_NONE,      false, false },
    { IDLE,        FAULT_PERMISSION, REACH_NONE,      false, false },
};

static void be_at(struct subject *subject, size_t i, enum other other)
{
    int64_t silent = other == LONG_SILENT ? MINUTE : SECOND;

    start(subject, i);
    if (other == OPENING)
        return;
    open_session(subject, i);
    subject->pool->opened = 0;              /* long ago */
    slot(subject, i)->since -= silent;
    slot(subject, i)->count = other == IDLE ? 0 : 1;
}

static void knows_whether_the_smarthost_is_to_blame(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;

    for (size_t i = 0; i < COUNT(closed); i++) {
        if (closed[i].other != NO_OTHER)
            be_at(subject, 0, closed[i].other);
        size_t last = closed[i].other != NO_OTHER;
        start(subject, last);
        close_session(subject, last, closed[i].fault, closed[i].reach, &event);
        if (event.served != closed[i].served ||
            (subject->pool->concurrency.borne > 0) != closed[i].counts)
            fail_msg("row %zu", i);
        assert_false(event.renews);
        slot(subject, 0)->count = 0;
        end_pool(subject);
        make_pool(subject);
    }
}

/* It was begun before: that shows what the smarthost is like. */
static void excuses_one_that_was_overtaken(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;

    start(subject, 0);
    start(subject, 1);
    slot(subject, 1)->started -= SECOND;
    open_session(subject, 0);
    slot(subject, 0)->leaves = true;
    close_session(subject, 1, FAULT_TEMPORARY, REACH_TIMED_OUT, &event);
    assert_true(event.served);
}

/* Some servers count a session that has just ended for a moment: that is
 * excused once, and for a moment no other one is opened. */
static void excuses_one_after_the_end_of_another(void **state)
{
    static const struct {
        int64_t after;          /* milliseconds, the one was begun */
        enum reach reach;
        bool served;
    } cases[] = {
        { 0, REACH_REPLY, true }, { 1999, REACH_REPLY, true },
        { 2000, REACH_REPLY, false }, { 0, REACH_TIMED_OUT, false },
    };
    struct subject *subject = *state;
    struct worker_event event;

    for (size_t i = 0; i < COUNT(cases); i++) {
        start(subject, 0);
        subject->pool->left = slot(subject, 0)->started - cases[i].after;
        close_session(subject, 0, FAULT_TEMPORARY, cases[i].reach, &event);
        if (event.served != cases[i].served)
            fail_msg("row %zu", i);
        assert_int_equal(subject->pool->hold > 0, cases[i].served);
        assert_int_equal(subject->pool->concurrency.borne, 0);
        assert_int_equal(subject->pool->left, 0);
        end_pool(subject);
        make_pool(subject);
    }
}

static void takes_an_end_without_a_word_for_a_failure(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;

    start(subject, 0);
    io_close(&subject->workers[0]);
    assert_true(workers_reap(subject->pool, FIRST_PID, SIGSEGV));
    assert_false(workers_reap(subject->pool, FIRST_PID, SIGSEGV));
    assert_true(next_event(subject, &event));
    assert_int_equal(event.kind, WORKER_CLOSED);
    assert_int_equal(event.error->fault, FAULT_TEMPORARY);
    assert_false(event.served);
    assert_false(next_event(subject, &event));
    assert_int_equal(workers_count(subject->pool), 0);
}

/* One that was asked to leave has nothing to report. */
static void takes_no_offence_at_one_that_leaves(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;

    start(subject, 0);
    workers_stop(subject->pool);
    assert_true(workers_leave(subject->pool));
    io_close(&subject->workers[0]);
    assert_true(workers_reap(subject->pool, FIRST_PID, SIGTERM));
    assert_false(workers_leave(subject->pool));
    assert_false(next_event(subject, &event));
    assert_int_equal(workers_count(subject->pool), 0);
}

/* --- A token that was refused. --- */

static void refuse_token(struct subject *subject, size_t i,
                         struct worker_event *event)
{
    char token[] = "0123abcd";
    struct packet packet = wire_packet(WIRE_CLOSED);

    error_set(&packet.error, FAULT_PERMISSION, "why");
    packet.error.reach = REACH_REPLY;
    packet.token = token;
    send_packet(subject, i, &packet);
    assert_true(next_event(subject, event));
}

/* The next worker gets another one: if that is refused, too, so be it. */
static void has_a_token_renewed_once(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;
    struct packet packet;

    start(subject, 0);
    refuse_token(subject, 0, &event);
    assert_true(event.renews);
    start(subject, 1);
    assert_true(receive(subject, 1, WIRE_REFUSED, &packet));
    assert_string_equal(packet.token, "0123abcd");
    wire_free(&packet);
    refuse_token(subject, 1, &event);
    assert_false(event.renews);
}

static void renews_again_after_a_session(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;
    struct packet packet;

    start(subject, 0);
    refuse_token(subject, 0, &event);
    start(subject, 1);
    open_session(subject, 1);
    start(subject, 2);
    assert_false(receive(subject, 2, WIRE_REFUSED, &packet));
    refuse_token(subject, 2, &event);
    assert_true(event.renews);
}

/* --- Findings of others. --- */

static void starts_with_the_findings_of_others(void **state)
{
    struct subject *subject = *state;
    struct packet distrust = wire_packet(WIRE_DISTRUST);
    struct packet limit = wire_packet(WIRE_LIMIT);
    struct worker_event event;
    struct packet packet;

    start(subject, 0);
    assert_false(receive(subject, 0, WIRE_OPENED, &packet));
    open_session(subject, 0);
    distrust.distrust = (struct distrust){ .extensions = CAP_CHUNKING,
                                           .hello = 7 };
    send_packet(subject, 0, &distrust);
    limit.limit = 30;
    limit.sure = true;
    send_packet(subject, 0, &limit);
    assert_false(next_event(subject, &event));
    assert_int_equal(workers_distrust(subject->pool), CAP_CHUNKING);
    start(subject, 1);
    assert_true(receive(subject, 1, WIRE_DISTRUST, &packet));
    assert_int_equal(packet.distrust.extensions, CAP_CHUNKING);
    wire_free(&packet);
    assert_true(receive(subject, 1, WIRE_OPENED, &packet));
    assert_string_equal(packet.peer, "mx.example[192.0.2.1]:25");
    wire_free(&packet);
    assert_true(receive(subject, 1, WIRE_LIMIT, &packet));
    assert_int_equal(packet.limit, 30);
    wire_free(&packet);
    assert_true(receive(subject, 0, WIRE_LIMIT, &packet));  /* also that one */
    wire_free(&packet);
}

/* ... where they are silent: it begins at another address. */
static void passes_over_addresses_that_are_silent(void **state)
{
    struct subject *subject = *state;
    struct packet packet;

    start(subject, 0);
    assert_false(receive(subject, 0, WIRE_SILENT, &packet));
    start(subject, 1);
    assert_true(receive(subject, 1, WIRE_SILENT, &packet));
    assert_int_equal(packet.count, 1);
    wire_free(&packet);
    subject->pool->renewals = 3;
    start(subject, 2);
    assert_true(receive(subject, 2, WIRE_SILENT, &packet));
    assert_int_equal(packet.count, 5);
    wire_free(&packet);
}

static void knows_that_the_smarthost_answers(void **state)
{
    struct subject *subject = *state;
    struct packet packet;

    start(subject, 0);
    start(subject, 1);
    open_session(subject, 1);
    start(subject, 2);
    assert_false(receive(subject, 2, WIRE_SILENT, &packet));
}

/* Those before it may answer again. */
static void forgets_a_winner_after_ten_minutes(void **state)
{
    struct subject *subject = *state;
    struct packet packet;

    start(subject, 0);
    open_session(subject, 0);
    subject->pool->winner_until -= 10 * MINUTE;
    start(subject, 1);
    assert_false(receive(subject, 1, WIRE_OPENED, &packet));
}

/* --- Jobs. --- */

static void give(struct subject *subject, size_t i, struct message *message)
{
    static const size_t recipients[] = { 0 };
    const struct worker_job job = {
        .message = message, .id = "0123456789abcdef0123456789abcdef",
        .recipients = recipients, .count = 1,
    };
    struct error err;

    assert_true(workers_give(subject->pool, slot(subject, i), &job, &err));
}

static void recalls_from_those_that_are_silent(void **state)
{
    static const struct {
        size_t jobs;
        int64_t silent;
        bool recalled;
    } cases[] = {
        { 2, 500, true }, { 2, 499, false }, { 1, 500, false },
    };
    struct subject *subject = *state;
    struct packet packet;

    start(subject, 0);
    open_session(subject, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct worker_slot *one = slot(subject, 0);
        one->recalled = false;
        one->count = cases[i].jobs;
        workers_recall(subject->pool, one->since + cases[i].silent);
        bool recalled = receive(subject, 0, WIRE_RECALL, &packet);
        if (recalled != cases[i].recalled)
            fail_msg("row %zu", i);
        workers_recall(subject->pool, one->since + 10 * SECOND);
        assert_int_equal(receive(subject, 0, WIRE_RECALL, &packet),
                         !recalled && one->count > 1);  /* once */
        one->count = 0;
    }
}

static const struct {
    enum wire_kind kind;        /* what the worker sends; JOB: nothing */
    int status;                 /* as it ends then; -1: it does not */
    enum worker_event_kind event;
    bool crashed, refused;
} ends[] = {
    { WIRE_DONE,     -1,      WORKER_DONE, false, false },
    { WIRE_RETURNED, -1,      WORKER_LOST, false, true },
    { WIRE_JOB,      0,       WORKER_LOST, false, false },
    { WIRE_JOB,      SIGTERM, WORKER_LOST, false, false },
    { WIRE_JOB,      SIGSEGV, WORKER_LOST, true,  false },
    { WIRE_JOB,      1 << 8,  WORKER_LOST, true,  false },
    { WIRE_DONE,     SIGSEGV, WORKER_DONE, false, false },
};

static void knows_how_a_job_ended(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;
    int mark;                   /* stands for a message */

    for (size_t i = 0; i < COUNT(ends); i++) {
        start(subject, 0);
        open_session(subject, 0);
        give(subject, 0, (struct message *)(void *)&mark);
        assert_int_equal(workers_jobs(subject->pool), 1);
        if (ends[i].kind != WIRE_JOB)
            send_packet(subject, 0, &(struct packet){
                .kind = ends[i].kind, .job = 1, .refused = ends[i].refused });
        if (ends[i].status != -1)
            workers_reap(subject->pool, FIRST_PID, ends[i].status);
        assert_true(next_event(subject, &event));
        if (event.kind != ends[i].event || event.crashed != ends[i].crashed ||
            event.refused != ends[i].refused ||
            event.message != (struct message *)(void *)&mark)
            fail_msg("row %zu", i);
        assert_false(next_event(subject, &event));
        assert_int_equal(workers_jobs(subject->pool), 0);
        end_pool(subject);
        make_pool(subject);
    }
}

/* It does not keep to what there is between us. */
static void ends_a_worker_that_sends_nonsense(void **state)
{
    struct subject *subject = *state;
    struct worker_event event;
    struct packet packet;
    struct error err;

    start(subject, 0);
    open_session(subject, 0);
    assert_int_equal(send(subject->workers[0], "?", 1, 0), 1);
    workers_note_input(slot(subject, 0));
    assert_false(next_event(subject, &event));
    assert_int_equal(wire_receive(subject->launcher, WIRE_MANAGER, &packet,
                                  &err), 1);
    assert_int_equal(packet.kind, WIRE_SIGNAL);
    assert_int_equal(packet.pid, FIRST_PID);
    assert_int_equal(packet.value, SIGKILL);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(knows_whether_the_smarthost_is_to_blame),
        ON_SPOOL(excuses_one_that_was_overtaken),
        ON_SPOOL(excuses_one_after_the_end_of_another),
        ON_SPOOL(takes_an_end_without_a_word_for_a_failure),
        ON_SPOOL(takes_no_offence_at_one_that_leaves),
        ON_SPOOL(has_a_token_renewed_once),
        ON_SPOOL(renews_again_after_a_session),
        ON_SPOOL(starts_with_the_findings_of_others),
        ON_SPOOL(passes_over_addresses_that_are_silent),
        ON_SPOOL(knows_that_the_smarthost_answers),
        ON_SPOOL(forgets_a_winner_after_ten_minutes),
        ON_SPOOL(recalls_from_those_that_are_silent),
        ON_SPOOL(knows_how_a_job_ended),
        ON_SPOOL(ends_a_worker_that_sends_nonsense),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
