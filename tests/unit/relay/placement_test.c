/* Which worker gets a job, and when another one is started: of workers as they
 * may be, at a time that is set. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "relay/launch.h"
#include "relay/placement.h"
#include "relay/wire.h"
#include "relay/worker_pool.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, NOW = 1000000, SECOND = 1000, MOST = 4,
       ALL = 20,                /* connections, unless a row has others */
       QUICK = 1000, SLOW = 600000,     /* microseconds that a message takes */
       FIRST_PID = 500 };

/* A worker: what becomes of its session, and how many jobs it has. */
enum phase { NO_WORKER, OPEN, OPENING, LEAVING, CLOSED, REAPED };
struct shape {
    enum phase phase;
    size_t jobs;
    int64_t silent;             /* for so many milliseconds */
    uid_t owner;                /* of the jobs */
};
#define NONE               { NO_WORKER, 0, 0, 0 }
#define HAS(jobs)          { OPEN, jobs, 0, BOB }
#define SILENT(jobs, time) { OPEN, jobs, time, BOB }
#define OF(user, time)     { OPEN, 1, time, user }
#define OPENS(time)        { OPENING, 0, time, 0 }
#define LEAVES             { LEAVING, 1, 0, BOB }
#define IS_CLOSED          { CLOSED, 0, 0, 0 }
#define IS_REAPED          { REAPED, 0, 0, 0 }

struct subject {
    struct workers pool;
    struct worker_slot slots[MOST], *pointers[MOST];
};

static void shape_slot(struct worker_slot *slot, const struct shape *shape)
{
    *slot = (struct worker_slot){
        .socket = shape->phase == REAPED ? -1 : 0,
        .open = shape->phase == OPEN || shape->phase == LEAVING,
        .leaves = shape->phase == LEAVING,
        .closed = shape->phase == CLOSED,
        .reaped = shape->phase == REAPED,
        .answered = true,
        .started = NOW - shape->silent,
        .since = NOW - shape->silent,
        .count = shape->jobs,
    };
    for (size_t i = 0; i < shape->jobs; i++)
        slot->jobs[i] = (struct slot_job){ .owner = shape->owner,
                                           .octets = 1, .cost = QUICK };
}

/* The list ends with NO_WORKER, or is full. */
static void shape_pool(struct subject *subject, size_t connections,
                       const struct shape *shapes)
{
    struct workers *pool = &subject->pool;

    *pool = (struct workers){ .slots = subject->pointers };
    concurrency_init(&pool->concurrency, connections);
    durations_init(&pool->durations);
    while (pool->count < MOST && shapes[pool->count].phase != NO_WORKER) {
        struct worker_slot *slot = &subject->slots[pool->count];
        shape_slot(slot, &shapes[pool->count]);
        slot->pid = FIRST_PID + (pid_t)pool->count;
        pool->slots[pool->count++] = slot;
    }
}

/* --- A worker for a job. --- */

static const struct {
    struct shape shapes[MOST];
    int chosen;                 /* -1: none can take it */
} choices[] = {
    { { NONE }, -1 },
    { { OPENS(0) }, -1 },
    { { HAS(0) }, 0 },
    { { HAS(2), HAS(1), HAS(2) }, 1 },
    { { HAS(1), HAS(1) }, 0 },
    { { HAS(5), OPENS(0), HAS(6) }, 0 },
    { { HAS(5), LEAVES, HAS(6) }, 0 },
    { { HAS(5), IS_CLOSED, IS_REAPED }, 0 },
    { { SILENT(1, 500), SILENT(2, 499) }, 1 },
    { { SILENT(1, 500) }, -1 },
    { { SILENT(0, 500) }, 0 },  /* there was nothing to answer */
    { { HAS(WORKER_JOBS_MAX) }, -1 },
};

static void gives_to_the_one_with_the_fewest_jobs(void **state)
{
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(choices); i++) {
        shape_pool(&subject, ALL, choices[i].shapes);
        const struct worker_slot *slot = placement_choose(&subject.pool, NOW);
        if (slot != (choices[i].chosen == -1
                     ? NULL : &subject.slots[choices[i].chosen]))
            fail_msg("choice %zu", i);
    }
}

static void takes_what_was_not_measured_for_slow(void **state)
{
    static const struct shape none[] = { NONE };
    struct subject subject;
    struct workers *pool = &subject.pool;

    (void)state;
    shape_pool(&subject, ALL, none);
    assert_int_equal(placement_cost(pool, ALICE, 1), 500000);
    durations_note(&pool->durations, ALICE, 1, 3);
    assert_int_equal(placement_cost(pool, ALICE, 1), 3000);
    assert_int_equal(placement_cost(pool, BOB, 1), 500000);
}

/* --- The share of one user. --- */

static const struct {
    size_t connections;
    struct shape shapes[MOST];
    int64_t alice_takes;        /* milliseconds a message; -1: not measured */
    bool allowed;
} turns[] = {
    /* others can be started, or more than one is quick */
    { ALL, { OF(ALICE, 0) }, -1, true },
    { 3, { OF(ALICE, 0), HAS(0), HAS(0) }, -1, true },
    /* the last one is for what is quick, or for a user without a message */
    { 3, { OF(ALICE, 900), OF(ALICE, 900), HAS(0) }, -1, false },
    { 3, { OF(BOB, 900), OF(BOB, 900), HAS(0) }, -1, true },
    { 3, { OF(BOB, 900), OF(ALICE, 0), OF(BOB, 900) }, 1, true },
    { 3, { OF(BOB, 900), OF(ALICE, 0), OF(BOB, 900) }, 499, true },
    { 3, { OF(BOB, 900), OF(ALICE, 0), OF(BOB, 900) }, 500, false },
    /* the user's own mail is what is silent: measured or not */
    { 3, { OF(ALICE, 900), OF(BOB, 900), HAS(0) }, 1, false },
    /* there is none to spare */
    { 2, { OF(ALICE, 900), HAS(0) }, -1, true },
    { 1, { OF(ALICE, 0) }, -1, true },
};

static void spares_a_worker_for_other_users(void **state)
{
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(turns); i++) {
        shape_pool(&subject, turns[i].connections, turns[i].shapes);
        if (turns[i].alice_takes != -1)
            durations_note(&subject.pool.durations, ALICE, 1,
                           turns[i].alice_takes);
        if (placement_allows(&subject.pool, ALICE, 1, NOW) != turns[i].allowed)
            fail_msg("turn %zu", i);
    }
}

/* That there will be others counts only if they can be started now. */
static void counts_no_worker_that_cannot_come(void **state)
{
    static const struct shape shapes[MOST] = { OF(ALICE, 900), HAS(0) };
    struct subject subject;
    struct workers *pool = &subject.pool;

    (void)state;
    shape_pool(&subject, 4, shapes);
    assert_true(placement_allows(pool, ALICE, 1, NOW));
    pool->orphan_count = 2;
    assert_false(placement_allows(pool, ALICE, 1, NOW));
    pool->orphan_count = 0;
    pool->hold = NOW + 1;
    assert_false(placement_allows(pool, ALICE, 1, NOW));
}

/* --- Another worker. --- */

static const struct {
    size_t connections;
    struct shape shapes[MOST];
    size_t backlog;
    bool wanted;
} wants[] = {
    { ALL, { NONE }, 0, false },
    { ALL, { NONE }, 1, true },
    /* the first session is waited for: it shows what the smarthost is like */
    { ALL, { OPENS(0) }, 1000, false },
    /* it pays from five jobs a connection on */
    { ALL, { HAS(4) }, 4, false },
    { ALL, { HAS(4) }, 5, true },
    { ALL, { HAS(3) }, 5, false },              /* that one takes it */
    { ALL, { HAS(4), OPENS(0) }, 1000, false }, /* twice one is all yet */
    { ALL, { HAS(4), HAS(4) }, 8, false },
    { ALL, { HAS(4), HAS(4) }, 9, true },
    /* one that is silent does nothing of it */
    { ALL, { SILENT(4, 500) }, 1, true },
    { ALL, { SILENT(4, 500), SILENT(4, 500) }, 1, true },
    /* all are there */
    { 1, { HAS(16) }, 1000, false },
    { 2, { HAS(16), HAS(16) }, 1000, false },
    /* one that has ended keeps its place until its journal is read */
    { 2, { HAS(16), IS_REAPED }, 1000, false },
    /* where none is open, those that are silent leave room for a few */
    { ALL, { OPENS(1999) }, 1, false },
    { ALL, { OPENS(2000) }, 1, true },
    { ALL, { OPENS(9000), OPENS(5000), OPENS(2000) }, 1, true },
    { ALL, { OPENS(9000), OPENS(5000), OPENS(2000), OPENS(100) }, 1000, false },
    { ALL, { OPENS(9000), OPENS(5000), OPENS(3000), OPENS(2000) }, 1, false },
};

static void starts_another_when_it_pays(void **state)
{
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(wants); i++) {
        shape_pool(&subject, wants[i].connections, wants[i].shapes);
        struct workers *pool = &subject.pool;
        pool->started = NOW;
        if (placement_wants_more(pool, placement_choose(pool, NOW),
                                 wants[i].backlog, NOW) != wants[i].wanted)
            fail_msg("want %zu", i);
    }
}

/* As measured: three times as long as a session takes to open. */
static void asks_a_price_for_another_one(void **state)
{
    static const struct shape open[] = { HAS(16), NONE };
    struct subject subject;
    struct workers *pool = &subject.pool;

    (void)state;
    shape_pool(&subject, ALL, open);
    concurrency_opened(&pool->concurrency, 1, 100, NOW);
    concurrency_note(&pool->concurrency, 10000, NOW);
    assert_false(placement_wants_more(pool, NULL, 30, NOW));
    assert_true(placement_wants_more(pool, NULL, 31, NOW));
}

/* Where a message takes as long as a worker is waited for, each is worth one;
 * a session that is opened takes one. */
static void starts_one_for_each_slow_message(void **state)
{
    static const struct shape shapes[MOST] = { HAS(1), HAS(1), OPENS(0) };
    struct subject subject;
    struct workers *pool = &subject.pool;

    (void)state;
    shape_pool(&subject, ALL, shapes);
    durations_note(&pool->durations, ALICE, 1, 500);
    assert_false(placement_wants_more(pool, NULL, 1, NOW));
    assert_true(placement_wants_more(pool, NULL, 2, NOW));
}

static void starts_none_while_messages_get_slower(void **state)
{
    static const struct shape open[] = { HAS(16), NONE };
    static const struct shape idle[] = { HAS(0), NONE };
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        shape_pool(&subject, ALL, i == 0 ? open : idle);
        struct concurrency *concurrency = &subject.pool.concurrency;
        for (size_t n = 0; n < 100; n++)
            concurrency_note(concurrency, QUICK, NOW);
        for (size_t n = 0; n < 100; n++)
            concurrency_note(concurrency, 10 * QUICK, NOW);
        assert_int_equal(placement_wants_more(&subject.pool, NULL, 1000, NOW),
                         i == 1);
    }
}

/* After one that was refused as another one had just ended. */
static void holds_back_for_a_moment(void **state)
{
    static const struct shape none[] = { NONE };
    struct subject subject;

    (void)state;
    shape_pool(&subject, ALL, none);
    subject.pool.hold = NOW + 1;
    assert_false(placement_wants_more(&subject.pool, NULL, 1, NOW));
    assert_int_equal(placement_next_time(&subject.pool, NOW), NOW + 1);
    assert_true(placement_wants_more(&subject.pool, NULL, 1, NOW + 1));
    assert_int_equal(placement_next_time(&subject.pool, NOW + 1), INT64_MAX);
}

/* Connections of a daemon that was killed are the smarthost's still. */
static void counts_those_of_the_daemon_before(void **state)
{
    static const struct shape none[] = { NONE };
    struct subject subject;

    (void)state;
    shape_pool(&subject, 2, none);
    subject.pool.orphan_count = 2;
    assert_false(placement_wants_more(&subject.pool, NULL, 1, NOW));
    assert_int_equal(placement_next_time(&subject.pool, NOW), NOW + SECOND);
    subject.pool.orphan_count = 0;
    assert_true(placement_wants_more(&subject.pool, NULL, 1, NOW));
}

/* --- Room for it. --- */

static const struct {
    size_t connections;
    struct shape shapes[MOST];
    int gone;                   /* which one makes room: -1, none need */
} rooms[] = {
    { ALL, { NONE }, -1 },
    { ALL, { HAS(1) }, -1 },
    /* the youngest, whatever its place */
    { 2, { OPENS(4000), OPENS(2000) }, 1 },
    { 2, { OPENS(2000), OPENS(4000) }, 0 },
    { 3, { OPENS(9000), OPENS(2000), OPENS(3000) }, 1 },
    /* also the only one, where a session is open */
    { 2, { HAS(16), OPENS(2000) }, 1 },
};

/* The test is the launcher. */
static int signalled(int launcher)
{
    struct packet packet;
    struct error err;
    int pid = 0;

    while (wire_receive(launcher, WIRE_MANAGER, &packet, &err) == 1) {
        assert_int_equal(packet.kind, WIRE_SIGNAL);
        assert_int_equal(packet.value, SIGTERM);
        pid = packet.pid;
        wire_free(&packet);
    }
    return pid;
}

static void ends_the_youngest_that_is_silent(void **state)
{
    struct subject subject;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                ends), 0);
    struct launch *launch = launch_new(ends[0]);
    for (size_t i = 0; i < COUNT(rooms); i++) {
        int gone = rooms[i].gone;
        shape_pool(&subject, rooms[i].connections, rooms[i].shapes);
        subject.pool.launch = launch;
        subject.pool.name = "main";
        bool made = placement_make_room(&subject.pool, NOW);
        if (made != (gone != -1) ||
            signalled(ends[1]) != (made ? FIRST_PID + gone : 0) ||
            (made && !subject.slots[gone].leaves))
            fail_msg("room %zu", i);
        assert_int_equal(subject.pool.renewals, made);
    }
    launch_free(launch);
    close(ends[1]);
}

/* Seconds after the last one was started: a dead smarthost is not flooded. */
static void makes_room_less_and_less_often(void **state)
{
    static const int64_t delays[] = { 2, 4, 8, 16, 32, 60, 60 };
    static const struct shape silent[] = {
        OPENS(90000), OPENS(80000), NONE
    };
    struct subject subject;

    (void)state;
    for (unsigned i = 0; i < COUNT(delays); i++) {
        shape_pool(&subject, 2, silent);
        struct workers *pool = &subject.pool;
        int64_t at = NOW + delays[i] * SECOND;
        pool->started = NOW;
        pool->renewals = i;
        assert_int_equal(placement_next_time(pool, NOW), at);
        assert_false(placement_wants_more(pool, NULL, 1, at - 1));
        assert_true(placement_wants_more(pool, NULL, 1, at));
    }
}

/* Nothing can make room: the oldest may be slow; one is about to go. */
static void keeps_the_oldest_that_is_silent(void **state)
{
    static const struct {
        size_t connections;
        struct shape shapes[MOST];
    } cases[] = {
        { 1, { OPENS(90000) } },
        { 2, { OPENS(90000), LEAVES } },
        { 2, { OPENS(90000), IS_CLOSED } },
        { 3, { OPENS(90000), OPENS(80000), LEAVES } },
        { 2, { SILENT(16, 900), SILENT(16, 900) } },
    };
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        shape_pool(&subject, cases[i].connections, cases[i].shapes);
        if (placement_wants_more(&subject.pool, NULL, 1000, NOW))
            fail_msg("case %zu", i);
    }
}

/* --- When to look again. --- */

static const struct {
    struct shape shapes[MOST];
    int64_t next;               /* from now; -1: never */
} looks[] = {
    { { HAS(0) }, -1 },
    { { SILENT(1, 100) }, 400 },
    { { SILENT(1, 500) }, -1 },
    { { OPENS(500) }, 1500 },
    { { OPENS(500), SILENT(1, 100) }, 400 },
    { { LEAVES }, -1 },
};

static void looks_again_when_a_worker_is_late(void **state)
{
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++) {
        shape_pool(&subject, ALL, looks[i].shapes);
        int64_t next = placement_next_time(&subject.pool, NOW);
        if (next != (looks[i].next == -1 ? INT64_MAX : NOW + looks[i].next))
            fail_msg("look %zu", i);
    }
}

static void counts_the_open_sessions(void **state)
{
    static const struct shape shapes[MOST] = {
        HAS(1), OPENS(0), LEAVES, HAS(0)
    };
    struct subject subject;
    struct workers *pool = &subject.pool;

    (void)state;
    shape_pool(&subject, ALL, shapes);
    assert_int_equal(placement_standing(pool, NULL), 2);
    assert_int_equal(placement_standing(pool, pool->slots[0]), 1);
    assert_int_equal(placement_standing(pool, pool->slots[1]), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_to_the_one_with_the_fewest_jobs),
        cmocka_unit_test(takes_what_was_not_measured_for_slow),
        cmocka_unit_test(spares_a_worker_for_other_users),
        cmocka_unit_test(counts_no_worker_that_cannot_come),
        cmocka_unit_test(starts_another_when_it_pays),
        cmocka_unit_test(asks_a_price_for_another_one),
        cmocka_unit_test(starts_one_for_each_slow_message),
        cmocka_unit_test(starts_none_while_messages_get_slower),
        cmocka_unit_test(holds_back_for_a_moment),
        cmocka_unit_test(counts_those_of_the_daemon_before),
        cmocka_unit_test(ends_the_youngest_that_is_silent),
        cmocka_unit_test(makes_room_less_and_less_often),
        cmocka_unit_test(keeps_the_oldest_that_is_silent),
        cmocka_unit_test(looks_again_when_a_worker_is_late),
        cmocka_unit_test(counts_the_open_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
