/* One worker process as the manager sees it: when it can have another job, and
 * what its journal has of those it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "relay/wire.h"
#include "relay/worker_slot.h"
#include "spool/journal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, NOW = 1000000, JOURNAL_TIME = 600000,
       JOURNAL_LINES = 1000 };

struct subject {
    struct fixture fixture;
    struct worker_slot *slot;
    int worker;                 /* our end: we are the worker */
    bool keeps_journal;
};

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);
    struct error err;

    fixture_open(&subject->fixture);
    subject->slot = slot_new(&subject->fixture.spool, "main", &subject->worker,
                             &err);
    assert_non_null(subject->slot);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    slot_free(subject->slot, &subject->fixture.spool, subject->keeps_journal);
    io_close(&subject->worker);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* --- Another job. --- */

/* The state of a worker; then: is its session there, would a job begin soon,
 * may it have one? */
enum { OPEN = 1, ANSWERED = 2, FULL = 4, LEAVES = 8, CLOSED = 16, GONE = 32,
       KNOWN = OPEN | ANSWERED };
enum { NOT = 0, THERE = 1, QUICK = 3, ROOM = 7 };

static const struct {
    unsigned is;
    size_t jobs;
    int64_t cost;               /* of each, in microseconds */
    uint64_t octets;            /* of each */
    int64_t silent;             /* milliseconds */
    unsigned can;
} slots[] = {
    { KNOWN,        0,  1,      1,      0,    ROOM },
    { KNOWN,        15, 1,      1,      0,    ROOM },
    { KNOWN,        16, 1,      1,      0,    QUICK },
    /* a session that has not shown what it does yet */
    { OPEN,         3,  1,      1,      0,    ROOM },
    { OPEN,         4,  1,      1,      0,    QUICK },
    /* its socket takes no more */
    { KNOWN | FULL, 1,  1,      1,      0,    QUICK },
    /* half a second's worth, or a megabyte, is enough */
    { KNOWN,        2,  249999, 1,      0,    ROOM },
    { KNOWN,        2,  250000, 1,      0,    THERE },
    { KNOWN,        2,  1,      524287, 0,    ROOM },
    { KNOWN,        2,  1,      524288, 0,    QUICK },
    /* it is silent, with a job */
    { KNOWN,        1,  1,      1,      499,  ROOM },
    { KNOWN,        1,  1,      1,      500,  THERE },
    { KNOWN,        0,  1,      1,      500,  ROOM },
    /* it has no session, yet or any more */
    { 0,            0,  1,      1,      1999, QUICK },
    { 0,            0,  1,      1,      2000, THERE },
    { KNOWN | LEAVES, 0, 1,     1,      0,    NOT },
    { CLOSED,       0,  1,      1,      0,    NOT },
    { KNOWN | GONE, 0,  1,      1,      0,    NOT },
};

static void knows_whether_it_can_have_another_job(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(slots); i++) {
        unsigned is = slots[i].is;
        struct worker_slot slot = {
            .socket = (is & GONE) != 0 ? -1 : 0, .open = (is & OPEN) != 0,
            .answered = (is & ANSWERED) != 0, .full = (is & FULL) != 0,
            .leaves = (is & LEAVES) != 0, .closed = (is & CLOSED) != 0,
            .started = NOW - slots[i].silent, .since = NOW - slots[i].silent,
            .count = slots[i].jobs,
        };
        for (size_t n = 0; n < slot.count; n++)
            slot.jobs[n] = (struct slot_job){ .cost = slots[i].cost,
                                              .octets = slots[i].octets };
        unsigned can = !slot_is_there(&slot)        ? NOT
                       : !slot_is_quick(&slot, NOW) ? THERE
                       : !slot_has_room(&slot, NOW) ? QUICK : ROOM;
        if (can != slots[i].can ||
            (can != ROOM && slot_has_room(&slot, NOW)))
            fail_msg("row %zu: %u", i, can);
    }
}

/* --- Its jobs. --- */

static const char id[] = "0123456789abcdef0123456789abcdef";
static const char other[] = "ffffffffffffffffffffffffffffffff";

static bool give(struct subject *subject, uid_t owner, const char *name)
{
    static const size_t recipients[] = { 0, 2 };
    const struct worker_job job = {
        .id = name, .uid = owner, .owner = owner, .octets = 100, .fd = 0,
        .original = 0, .final = true, .recipients = recipients, .count = 2,
    };
    struct error err;

    return slot_give(subject->slot, &job, 3000, &err);
}

static void gives_jobs_numbers(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;
    struct packet packet;
    struct error err;

    for (uint64_t number = 1; number <= 2; number++) {
        assert_true(give(subject, ALICE, id));
        assert_int_equal(wire_receive(subject->worker, WIRE_MANAGER, &packet,
                                      &err), 1);
        assert_int_equal(packet.kind, WIRE_JOB);
        assert_int_equal(packet.job, number);
        assert_int_equal(packet.count, 2);
        assert_int_equal(packet.recipients[1], 2);
        assert_true(packet.final);
        assert_int_not_equal(packet.original, -1);
        wire_free(&packet);
    }
    slot_remove_job(slot, slot_find_job(slot, 1));
    assert_null(slot_find_job(slot, 1));
    assert_int_equal(slot_find_job(slot, 2)->number, 2);
    assert_true(give(subject, BOB, id));
    assert_non_null(slot_find_job(slot, 3));    /* none comes again */
    assert_true(slot_has_job_of(slot, ALICE));
    assert_true(slot_has_job_of(slot, BOB));
    slot_remove_job(slot, slot_find_job(slot, 3));
    assert_false(slot_has_job_of(slot, BOB));
}

/* It is silent since it got the first one. */
static void waits_from_its_first_job_on(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;

    slot->open = true;
    slot->since = 1;
    assert_int_equal(slot_late_at(slot), INT64_MAX);
    assert_true(give(subject, ALICE, id));
    assert_true(slot->since > 1);
    slot->since = 1;
    assert_true(give(subject, ALICE, id));
    assert_int_equal(slot->since, 1);
    assert_int_equal(slot_late_at(slot), 1 + WORKER_TIME);
}

static void keeps_none_that_could_not_be_given(void **state)
{
    struct subject *subject = *state;

    io_close(&subject->worker);
    assert_false(give(subject, ALICE, id));
    assert_true(subject->slot->full);
    assert_int_equal(subject->slot->count, 0);
    assert_int_equal(subject->slot->given, 0);
}

static void asks_for_what_was_not_begun(void **state)
{
    struct subject *subject = *state;
    struct packet packet;
    struct error err;

    slot_recall(subject->slot);
    assert_true(subject->slot->recalled);
    assert_int_equal(wire_receive(subject->worker, WIRE_MANAGER, &packet,
                                  &err), 1);
    assert_int_equal(packet.kind, WIRE_RECALL);
    wire_free(&packet);
}

/* --- Its journal. --- */

static void note(struct subject *subject, const char *name, size_t first,
                 size_t count)
{
    const size_t indices[] = { first, first + 1, first + 2 };

    journal_note(subject->slot->journal, name, indices, count);
}

static struct slot_job *next_end(struct subject *subject,
                                 struct finding *finding)
{
    return slot_next_end(subject->slot, &subject->fixture.spool, finding);
}

static void finds_all_lines_about_a_job_that_ended(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;
    struct finding finding = { 0 };

    assert_true(give(subject, ALICE, id));
    assert_true(give(subject, ALICE, other));
    note(subject, id, 0, 2);
    note(subject, other, 7, 1);
    note(subject, id, 5, 1);
    assert_null(next_end(subject, &finding));
    slot_find_job(slot, 1)->ended = true;
    struct slot_job *job = next_end(subject, &finding);
    assert_non_null(job);
    assert_int_equal(job->number, 1);
    assert_int_equal(finding.count, 3);
    assert_int_equal(finding.indices[0] + finding.indices[1] +
                     finding.indices[2], 0 + 1 + 5);
    free(finding.indices);
    slot_remove_job(slot, job);
    assert_null(next_end(subject, &finding));
}

static void ends_all_jobs_of_a_worker_that_is_gone(void **state)
{
    struct subject *subject = *state;
    struct finding finding = { 0 };
    size_t count = 0;
    struct slot_job *job;

    assert_true(give(subject, ALICE, id));
    assert_true(give(subject, ALICE, other));
    subject->slot->reaped = true;
    while ((job = next_end(subject, &finding)) != NULL) {
        assert_int_equal(finding.count, 0);
        slot_remove_job(subject->slot, job);
        count++;
    }
    assert_int_equal(count, 2);
}

/* Without its journal, recipients would get the message twice: so it waits, but
 * not for ever. */
static void waits_for_a_journal_that_cannot_be_read(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;
    struct finding finding = { 0 };

    assert_true(give(subject, ALICE, id));
    slot->reaped = true;
    journal_remove(&subject->fixture.spool, slot->number);
    assert_null(next_end(subject, &finding));
    assert_true(slot->stuck);
    assert_true(slot->unread_since > 0);
    slot->stuck = false;                    /* as workers_retry() has it */
    assert_null(next_end(subject, &finding));
    assert_false(slot->unread);
    slot->stuck = false;
    slot->unread_since = clock_now() - JOURNAL_TIME;
    assert_non_null(next_end(subject, &finding));
    assert_int_equal(finding.count, 0);
    assert_true(slot->unread);              /* the next start reads it */
}

static void waits_no_longer_than_until_it_can_be_read(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;
    struct finding finding = { 0 };

    assert_true(give(subject, ALICE, id));
    slot->reaped = true;
    note(subject, id, 4, 1);
    slot->unread_since = clock_now() - JOURNAL_TIME;
    assert_non_null(next_end(subject, &finding));
    assert_int_equal(finding.count, 1);
    assert_int_equal(slot->unread_since, 0);
    assert_false(slot->unread);
    free(finding.indices);
}

static const struct {
    size_t jobs;
    unsigned lines;
    bool trimmed;
} trims[] = {
    { 0, JOURNAL_LINES, false },
    { 0, JOURNAL_LINES + 1, true },
    { 1, JOURNAL_LINES + 1, false },
};

static void empties_a_long_journal_of_an_idle_worker(void **state)
{
    struct subject *subject = *state;
    struct worker_slot *slot = subject->slot;
    struct stat status;

    for (size_t i = 0; i < COUNT(trims); i++) {
        note(subject, id, 0, 3);
        slot->count = trims[i].jobs;
        slot->lines = trims[i].lines;
        slot_trim_journal(slot);
        assert_int_equal(fstat(slot->journal, &status), 0);
        assert_int_equal(status.st_size == 0, trims[i].trimmed);
        assert_int_equal(slot->lines, trims[i].trimmed ? 0 : trims[i].lines);
    }
    slot->count = 0;
}

static void keeps_its_journal_if_it_must(void **state)
{
    struct subject *subject = *state;
    const struct spool *spool = &subject->fixture.spool;
    struct error err;

    subject->keeps_journal = true;
    for (int keeps = 0; keeps < 2; keeps++) {
        slot_free(subject->slot, spool, keeps != 0);
        io_close(&subject->worker);
        assert_int_equal(fixture_count(spool->state), keeps);
        subject->slot = slot_new(spool, "main", &subject->worker, &err);
    }
    assert_int_equal(fixture_count(spool->state), 2);
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_whether_it_can_have_another_job),
        ON_SPOOL(gives_jobs_numbers),
        ON_SPOOL(waits_from_its_first_job_on),
        ON_SPOOL(keeps_none_that_could_not_be_given),
        ON_SPOOL(asks_for_what_was_not_begun),
        ON_SPOOL(finds_all_lines_about_a_job_that_ended),
        ON_SPOOL(ends_all_jobs_of_a_worker_that_is_gone),
        ON_SPOOL(waits_for_a_journal_that_cannot_be_read),
        ON_SPOOL(waits_no_longer_than_until_it_can_be_read),
        ON_SPOOL(empties_a_long_journal_of_an_idle_worker),
        ON_SPOOL(keeps_its_journal_if_it_must),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
