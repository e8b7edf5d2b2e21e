/* The daemon's side: at every point of taking, storing, remembering, removing
 * and recovering, a restart finds the message once, or its original is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../unit/spool/spool_fixture.h"
#include "fault.h"
#include "spool/recovery.h"
#include "util/scratch.h"

#define SIZE_LIMIT 1000000
#define RECEIVED 1700000000

struct subject {
    struct fixture fixture;
    char id[RANDOM_ID_LENGTH + 1];
    uint64_t memory_max;        /* 0: the copy is a file */
    bool with_state;
    bool other;                 /* another message has its name in drop/ */
    bool unsynced;              /* a sync has failed */
    struct entry *entry;
    struct state *state;        /* first recipient delivered */
    struct draft *draft;
    struct error err;
    enum drop_result taken;
    size_t found;               /* by recovery */
};

static void forget(struct subject *subject)
{
    entry_free(subject->entry);
    state_free(subject->state);
    draft_free(subject->draft);
    subject->entry = NULL;
    subject->state = NULL;
    subject->draft = NULL;
    fixture_empty(&subject->fixture);
}

static bool in_queue(const struct subject *subject)
{
    return fixture_is_whole(subject->fixture.spool.queue, subject->id,
                            subject->id);
}

static bool in_drop(const struct subject *subject)
{
    return fixture_is_whole(subject->fixture.spool.drop, subject->id,
                            subject->id);
}

/* Is the first recipient known to have the message? */
static bool has_outcomes(const struct subject *subject,
                         struct state *(*load)(const struct spool *,
                                               const char *, size_t,
                                               struct error *))
{
    struct error err;
    struct state *state = load(&subject->fixture.spool, subject->id, 2, &err);
    bool delivered = state != NULL &&
                     state->recipients[0].result == STATE_DELIVERED;

    if (state == NULL)
        fail_msg("%s", err.text);
    state_free(state);
    return delivered;
}

static bool remembers(const struct subject *subject)
{
    return has_outcomes(subject, state_load);
}

static struct state *state_of_half(void)
{
    struct state *state = state_new(2);

    state->attempts = 1;
    state->recipients[0].result = STATE_DELIVERED;
    state->recipients[0].status = alloc_string("2.0.0");
    state->recipients[0].text = alloc_string("250 2.0.0 Ok");
    return state;
}

static bool recover(void *context)
{
    struct subject *subject = context;

    const struct spool *spool = &subject->fixture.spool;
    char id[RANDOM_ID_LENGTH + 1];
    enum recovery_step step;

    subject->found = 0;
    struct recovery *recovery = recovery_new(spool, &subject->err);
    if (recovery == NULL)
        return false;
    while ((step = recovery_go_on(recovery, id)) != RECOVERY_DONE) {
        if (step != RECOVERY_FOUND)
            continue;
        assert_string_equal(id, subject->id);
        subject->found++;
    }
    recovery_free(recovery);
    return true;
}

/* After a restart: exactly one of drop/ and queue/ has it, whole. */
static void assert_safe(struct subject *subject, const struct wrap_plan *plan)
{
    if (!recover(subject))
        fail_msg("%s: recovery: %s", plan_text(plan), subject->err.text);
    bool queued = in_queue(subject), dropped = in_drop(subject);
    if (!queued && !dropped)
        fail_msg("%s: lost", plan_text(plan));
    if (queued && dropped)
        fail_msg("%s: twice", plan_text(plan));
    if (subject->found != queued)
        fail_msg("%s: found %zu", plan_text(plan), subject->found);
    if (fixture_count(subject->fixture.spool.queue) != queued)
        fail_msg("%s: queue/ has something else", plan_text(plan));
}

/* Pick-up. */

static void prepare_drop(void *context)
{
    struct subject *subject = context;

    forget(subject);
    fixture_drop(&subject->fixture, subject->id);
}

static bool take(void *context)
{
    struct subject *subject = context;
    const struct drop_limits limits = { SIZE_LIMIT, subject->memory_max };

    subject->taken = drop_take(&subject->fixture.spool, subject->id, &limits,
                               &subject->entry, &subject->err);
    return subject->taken == DROP_TAKEN;
}

static void check_taken(void *context, bool done, const struct wrap_plan *plan)
{
    struct subject *subject = context;

    if (!in_drop(subject))
        fail_msg("%s: the original is gone", plan_text(plan));
    if (!done && subject->taken != DROP_LATER && plan->how != WRAP_CRASH)
        fail_msg("%s: thrown out", plan_text(plan));
    if (!done && plan->how == WRAP_SHORT)
        fail_msg("%s: short is not a failure", plan_text(plan));
    if (!done && plan->how != WRAP_CRASH &&
        fixture_count(subject->fixture.spool.queue) != 0)
        fail_msg("%s: half a copy is left", plan_text(plan));
    if (subject->entry != NULL &&
        (strcmp(subject->entry->id, subject->id) != 0 ||
         subject->entry->content_length != strlen(FIXTURE_BODY)))
        fail_msg("%s: taken wrongly", plan_text(plan));
    assert_safe(subject, plan);
}

static void takes_or_leaves(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_drop, take, check_taken, subject };

    for (subject->memory_max = 0; subject->memory_max <= SIZE_LIMIT;
         subject->memory_max += SIZE_LIMIT) {
        fail_each_call(&trial);
        crash_at_each_call(&trial);
    }
}

/* Storing. */

static void prepare_taken(void *context)
{
    struct subject *subject = context;

    prepare_drop(subject);
    assert_true(take(subject));
    if (subject->with_state)
        subject->state = state_of_half();
}

static bool store(void *context)
{
    struct subject *subject = context;

    return queue_store(&subject->fixture.spool, subject->entry, RECEIVED,
                       subject->state, &subject->err);
}

static void assert_stored(struct subject *subject,
                          const struct wrap_plan *plan)
{
    assert_safe(subject, plan);
    if (!in_queue(subject))
        fail_msg("%s: not stored", plan_text(plan));
    if (remembers(subject) != subject->with_state)
        fail_msg("%s: outcomes forgotten", plan_text(plan));

    int64_t received = 0;
    struct entry *entry = queue_file_open(&subject->fixture.spool, subject->id,
                                          &received, &subject->err);
    assert_non_null(entry);
    assert_int_equal(received, RECEIVED);
    entry_free(entry);
}

static void check_stored(void *context, bool done,
                         const struct wrap_plan *plan)
{
    struct subject *subject = context;

    if (done)
        assert_stored(subject, plan);
    else
        assert_safe(subject, plan);
}

/* While the daemon runs on, it tries again. */
static void check_stored_again(void *context, bool done,
                               const struct wrap_plan *plan)
{
    struct subject *subject = context;

    if (!done && !store(subject))
        fail_msg("%s: not even now: %s", plan_text(plan), subject->err.text);
    assert_stored(subject, plan);
}

static void stores_or_keeps_original(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_taken, store, check_stored, subject };
    const struct trial again = { prepare_taken, store, check_stored_again,
                                 subject };

    for (int variant = 0; variant < 4; variant++) {
        subject->with_state = (variant & 1) != 0;
        subject->memory_max = (variant & 2) != 0 ? SIZE_LIMIT : 0;
        fail_each_call(&trial);
        fail_each_call(&again);
        crash_at_each_call(&trial);
    }
}

/* Storing fails at one call; trying again, the process is killed at another. */
static void survives_a_failure_and_a_crash(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_taken, store, check_stored, subject };
    bool reached = true;

    subject->with_state = true;
    for (unsigned first = 1; reached; first++)
        for (unsigned second = 1; ; second++) {
            struct wrap_plan plan = { .at = first, .how = EIO };
            subject->memory_max = first % 2 == 0 ? 0 : SIZE_LIMIT;
            prepare_taken(subject);
            wrap_start(plan);
            bool done = store(subject);
            reached = wrap_stop() >= first;
            if (done)
                break;
            plan = (struct wrap_plan){ .at = second, .how = WRAP_CRASH };
            int status = run_and_crash(&trial, &plan);
            check_stored(subject, status == 0, &plan);
            if (status != 137)
                break;
        }
}

/* Outcomes. */

static void prepare_queued(void *context)
{
    struct subject *subject = context;

    subject->with_state = false;
    subject->memory_max = SIZE_LIMIT;
    prepare_taken(subject);
    assert_true(store(subject));
    struct state *empty = state_new(2);
    empty->attempts = 1;
    assert_true(state_save(&subject->fixture.spool, subject->id, empty,
                           &subject->err));
    state_free(empty);
    subject->state = state_of_half();
}

static bool save(void *context)
{
    struct subject *subject = context;

    return state_save(&subject->fixture.spool, subject->id, subject->state,
                      &subject->err);
}

static void check_saved(void *context, bool done, const struct wrap_plan *plan)
{
    struct subject *subject = context;

    assert_safe(subject, plan);
    if (!remembers(subject) && done)
        fail_msg("%s: forgotten", plan_text(plan));
    if (fixture_count(subject->fixture.spool.state) != 1)
        fail_msg("%s: something is left in state/", plan_text(plan));
}

static void replaces_state_or_keeps_it(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_queued, save, check_saved, subject };

    fail_each_call(&trial);
    crash_at_each_call(&trial);
}

/* Reports. */

static void prepare_report(void *context)
{
    struct subject *subject = context;
    struct envelope env;

    forget(subject);
    random_id(subject->id);
    subject->draft = draft_new_report(subject->id, SCRATCH_PLACES,
                                      &subject->err);
    assert_non_null(subject->draft);
    fixture_envelope(&env);
    assert_true(draft_envelope(subject->draft, &env, &subject->err) &&
                draft_add(subject->draft, FIXTURE_BODY, strlen(FIXTURE_BODY),
                          &subject->err) &&
                draft_end(subject->draft, false, &subject->err));
    envelope_free(&env);
}

static bool add(void *context)
{
    struct subject *subject = context;

    return queue_add(&subject->fixture.spool, subject->draft, RECEIVED,
                     &subject->err);
}

/* Killed or not, doing it over makes one report, and not two. */
static void check_added(void *context, bool done, const struct wrap_plan *plan)
{
    struct subject *subject = context;

    recover(subject);
    if (done && !in_queue(subject))
        fail_msg("%s: no report", plan_text(plan));
    if (subject->found != in_queue(subject))
        fail_msg("%s: %zu reports", plan_text(plan), subject->found);
    if (!add(subject) || !in_queue(subject) ||
        fixture_count(subject->fixture.spool.queue) != 1)
        fail_msg("%s: not to be repeated", plan_text(plan));
}

static void makes_one_report(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_report, add, check_added, subject };

    fail_each_call(&trial);
    crash_at_each_call(&trial);
}

/* The end of a message. */

static void prepare_half_done(void *context)
{
    struct subject *subject = context;

    prepare_queued(subject);
    assert_true(save(subject));
}

static bool remove_it(void *context)
{
    struct subject *subject = context;

    return queue_remove(&subject->fixture.spool, subject->id, &QUEUE_ALL_FILES,
                        true);
}

/* It is gone, or what is known about it is there. */
static void check_removed(void *context, bool done,
                          const struct wrap_plan *plan)
{
    struct subject *subject = context;

    if (!done && plan->how != WRAP_CRASH && !remembers(subject))
        fail_msg("%s: outcomes forgotten", plan_text(plan));
    if (!recover(subject))
        fail_msg("%s: recovery", plan_text(plan));
    if (in_queue(subject) ? !remembers(subject)
                          : fixture_count(subject->fixture.spool.state) != 0)
        fail_msg("%s: message and state do not match", plan_text(plan));
}

static void removes_message_before_state(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_half_done, remove_it, check_removed,
                                 subject };

    fail_each_call(&trial);
    crash_at_each_call(&trial);
}

static bool give_up(void *context)
{
    struct subject *subject = context;

    return queue_fail(&subject->fixture.spool, subject->id, &subject->err);
}

static bool has_failed(const struct subject *subject)
{
    return fixture_is_whole(subject->fixture.spool.failed, subject->id,
                            subject->id);
}

static void check_given_up(void *context, bool done,
                           const struct wrap_plan *plan)
{
    struct subject *subject = context;
    bool failed = has_failed(subject);

    if (!recover(subject))
        fail_msg("%s: recovery", plan_text(plan));
    if (done && !failed)
        fail_msg("%s: not in failed/", plan_text(plan));
    if (failed == in_queue(subject))
        fail_msg("%s: lost or twice", plan_text(plan));
    if (!has_outcomes(subject, failed ? state_load_failed : state_load))
        fail_msg("%s: outcomes forgotten", plan_text(plan));
}

static bool has_file(int folder, const struct subject *subject,
                     const char *suffix)
{
    char *name = alloc_format("%s%s", subject->id, suffix);
    bool there = fixture_exists(folder, name);

    free(name);
    return there;
}

/* It moves without a sync, but then its outcomes are in both places: a power
 * cut may take it back. */
static void check_outcomes_stay(const struct subject *subject, bool moved,
                                const struct wrap_plan *plan)
{
    const struct spool *spool = &subject->fixture.spool;

    if (moved && has_failed_sync(plan) &&
        (!has_file(spool->state, subject, "") ||
         !has_file(spool->failed, subject, ".state")))
        fail_msg("%s: outcomes are in one place", plan_text(plan));
}

static void check_giving_up(void *context, bool done,
                            const struct wrap_plan *plan)
{
    struct subject *subject = context;

    check_outcomes_stay(subject, done, plan);
    check_given_up(subject, done, plan);
}

static void keeps_what_failed(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_half_done, give_up, check_giving_up,
                                 subject };

    fail_each_call_unsynced(&trial);
    crash_at_each_call(&trial);
}

/* And back. */

static void prepare_given_up(void *context)
{
    struct subject *subject = context;

    prepare_half_done(subject);
    assert_true(give_up(subject));
}

static bool restore(void *context)
{
    struct subject *subject = context;

    return queue_restore(&subject->fixture.spool, subject->id, &subject->err);
}

/* Before renameat2(2) it may have both names: the new one counts. */
static void check_restored(void *context, bool done,
                           const struct wrap_plan *plan)
{
    struct subject *subject = context;

    check_outcomes_stay(subject, done, plan);
    if (!recover(subject))
        fail_msg("%s: recovery", plan_text(plan));
    bool queued = in_queue(subject), failed = has_failed(subject);
    if (queued == failed && (!queued || !plan->old_kernel))
        fail_msg("%s: lost or twice", plan_text(plan));
    if ((queued && !has_outcomes(subject, state_load)) ||
        (failed && !has_outcomes(subject, state_load_failed)))
        fail_msg("%s: outcomes forgotten", plan_text(plan));
    if (done && !queued)
        fail_msg("%s: not in queue/", plan_text(plan));
    if (done && wrap_failed() == NULL &&
        fixture_count(subject->fixture.spool.failed) != 0)
        fail_msg("%s: something is left in failed/", plan_text(plan));
}

static void restores_with_outcomes(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_given_up, restore, check_restored,
                                 subject };

    fail_each_call_unsynced(&trial);
    crash_at_each_call(&trial);
}

/* Recovery, from each state that a stop can leave. */

enum leaving { DROPPED, TORN_COPY, COPY, COPY_AND_STATE, TORN_AND_STATE,
               QUEUED_TOO, QUEUED_AND_STATE, LEAVINGS };

static void prepare_leaving(struct subject *subject, enum leaving leaving)
{
    const struct spool *spool = &subject->fixture.spool;
    char *temporary;
    struct buf text;

    subject->with_state = leaving == COPY_AND_STATE ||
                          leaving == QUEUED_AND_STATE ||
                          leaving == TORN_AND_STATE;
    subject->memory_max = SIZE_LIMIT;
    prepare_taken(subject);
    if (leaving == DROPPED)
        return;
    assert_true(store(subject));
    fixture_text(subject->id, FIXTURE_BODY, &text);
    fixture_write(spool->drop, subject->id, text.data, text.length);
    temporary = alloc_format(".%s", subject->id);
    if (leaving < QUEUED_TOO)
        assert_int_equal(renameat(spool->queue, subject->id, spool->queue,
                                  temporary), 0);
    if (leaving == TORN_COPY || leaving == TORN_AND_STATE)
        fixture_write(spool->queue, temporary, text.data, text.length / 2);
    buf_free(&text);
    free(temporary);
}

static void check_recovered(struct subject *subject, enum leaving leaving,
                            const struct wrap_plan *plan)
{
    assert_safe(subject, plan);
    /* A whole copy may as well be named. */
    if (leaving != COPY && in_queue(subject) != (leaving >= QUEUED_TOO ||
                                                 leaving == COPY_AND_STATE))
        fail_msg("%s: leaving %d is in the wrong place", plan_text(plan),
                 leaving);
    if (in_queue(subject) && subject->with_state && !remembers(subject))
        fail_msg("%s: leaving %d: outcomes forgotten", plan_text(plan),
                 leaving);
}

/* The start whose sync has failed. */
static void check_originals_stay(const struct subject *subject,
                                 enum leaving leaving,
                                 const struct wrap_plan *plan)
{
    if (has_failed_sync(plan) && !in_drop(subject))
        fail_msg("%s: leaving %d: the original is gone", plan_text(plan),
                 leaving);
}

/* Taking what is in queue/ already, or another file of its name. */

static void prepare_met(void *context)
{
    struct subject *subject = context;

    prepare_leaving(subject, QUEUED_AND_STATE);
    entry_free(subject->entry);
    subject->entry = NULL;
    if (!subject->other)
        return;
    struct buf text;
    fixture_text(subject->id, "Subject: other\r\n\r\n", &text);
    fixture_write(subject->fixture.spool.drop, subject->id, text.data,
                  text.length);
    buf_free(&text);
}

static bool meet(void *context)
{
    struct subject *subject = context;

    if (take(context))
        fail_msg("taken over a message in queue/");
    return subject->taken == DROP_GONE;
}

static void check_met(void *context, bool done, const struct wrap_plan *plan)
{
    struct subject *subject = context;
    bool dropped = fixture_exists(subject->fixture.spool.drop, subject->id);

    if (!in_queue(subject) || !remembers(subject))
        fail_msg("%s: what was there is not", plan_text(plan));
    if (fixture_count(subject->fixture.spool.queue) != 1)
        fail_msg("%s: queue/ has something else", plan_text(plan));
    if (done ? dropped : !dropped && plan->how != WRAP_CRASH)
        fail_msg("%s: drop/ is not as it says", plan_text(plan));
    if (subject->other && !dropped)
        fail_msg("%s: the other is gone", plan_text(plan));
    /* The name in queue/ must be durable before the one in drop/ goes. */
    if (has_failed_sync(plan)) {
        subject->unsynced = true;
        if (!dropped)
            fail_msg("%s: removed all the same", plan_text(plan));
    }
    recover(subject);
    dropped = fixture_exists(subject->fixture.spool.drop, subject->id);
    if (!in_queue(subject) || dropped != subject->other)
        fail_msg("%s: a start does not mend it", plan_text(plan));
}

static void removes_the_original_only(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare_met, meet, check_met, subject };

    for (int other = 0; other < 2; other++) {
        subject->other = other == 1;
        subject->unsynced = false;
        fail_each_call(&trial);
        crash_at_each_call(&trial);
        assert_true(subject->unsynced != subject->other);
    }
}

static void recovers_although_recovery_fails(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { NULL, recover, NULL, subject };

    for (enum leaving leaving = 0; leaving < LEAVINGS; leaving++) {
        unsigned calls = 1;
        for (unsigned at = 1; at <= calls; at++) {
            struct wrap_plan plan = { .at = at, .how = WRAP_CRASH };
            prepare_leaving(subject, leaving);
            run_and_crash(&trial, &plan);
            check_recovered(subject, leaving, &plan);
            for (size_t i = 0; i < COUNT(ways_to_fail); i++) {
                plan = ways_to_fail[i];
                plan.at = at;
                prepare_leaving(subject, leaving);
                wrap_start(plan);
                recover(subject);
                unsigned made = wrap_stop();
                calls = made > calls ? made : calls;
                check_originals_stay(subject, leaving, &plan);
                check_recovered(subject, leaving, &plan);
            }
        }
    }
}

/* When recovery says that all is well, all is found. */
static void recovery_tells_of_all_or_fails(void **state)
{
    struct subject *subject = *state;
    struct wrap_plan plan = { .how = EIO };
    unsigned calls;

    do {
        plan.at++;
        prepare_leaving(subject, QUEUED_AND_STATE);
        wrap_start(plan);
        bool done = recover(subject);
        calls = wrap_stop();
        if (done && subject->found != 1)
            fail_msg("%s: found %zu", plan_text(&plan), subject->found);
    } while (wrap_failed() != NULL);
    assert_true(calls > 10);
}

static int set_up(void **state)
{
    return fixture_set_up_in(state, sizeof(struct subject));
}

static int tear_down(void **state)
{
    forget(*state);
    return fixture_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_or_leaves),
        cmocka_unit_test(stores_or_keeps_original),
        cmocka_unit_test(survives_a_failure_and_a_crash),
        cmocka_unit_test(replaces_state_or_keeps_it),
        cmocka_unit_test(makes_one_report),
        cmocka_unit_test(removes_message_before_state),
        cmocka_unit_test(keeps_what_failed),
        cmocka_unit_test(restores_with_outcomes),
        cmocka_unit_test(removes_the_original_only),
        cmocka_unit_test(recovers_although_recovery_fails),
        cmocka_unit_test(recovery_tells_of_all_or_fails),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
