/* Submission: the message is whole in drop/, or the caller gets an error
 * and nothing is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../unit/spool/spool_fixture.h"
#include "fault.h"
#include "util/scratch.h"

struct subject {
    struct fixture fixture;
    size_t size;                /* octets of the body */
    bool is_encoded;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
};

static char *body_of(size_t size)
{
    char *body = alloc_zero(size + 1, 1);

    memset(body, 'x', size);
    memcpy(body + size - 2, "\r\n", 2);
    return body;
}

static void prepare(void *context)
{
    struct subject *subject = context;

    fixture_empty(&subject->fixture);
    *subject->id = '\0';
}

/* The body is taken back and added again, as one that is encoded is. */
static bool add_again(struct subject *subject, struct draft *draft,
                      const char *body)
{
    struct scratch old;
    bool done = draft_take_back(draft, &old, &subject->err);

    if (done) {
        assert_int_equal(old.length, subject->size);
        done = draft_add(draft, body, subject->size, &subject->err);
    }
    scratch_close(&old);
    return done;
}

/* What sendmail does: begin, write, commit. */
static bool run(void *context)
{
    struct subject *subject = context;
    struct envelope env;
    char *body = body_of(subject->size);
    struct draft *draft = draft_new_dropped(subject->fixture.path,
                                            &subject->err);

    fixture_envelope(&env);
    if (draft != NULL)
        memcpy(subject->id, draft_id(draft), sizeof subject->id);
    bool done = draft != NULL &&
                draft_envelope(draft, &env, &subject->err) &&
                draft_add(draft, body, subject->size, &subject->err) &&
                (!subject->is_encoded || add_again(subject, draft, body)) &&
                draft_end(draft, false, &subject->err) &&
                draft_commit(draft, &subject->err);
    draft_free(draft);
    envelope_free(&env);
    free(body);
    return done;
}

static bool is_whole(const struct subject *subject, const char *name)
{
    struct error err;
    int fd = openat(subject->fixture.spool.drop, name, O_RDONLY | O_CLOEXEC);
    struct entry *entry = fd == -1 ? NULL : entry_open(fd, name, &err);
    bool whole = entry != NULL && entry->content_length == subject->size;

    entry_free(entry);
    return whole;
}

static void check(void *context, bool done, const struct wrap_plan *plan)
{
    const struct subject *subject = context;
    const struct fixture *fixture = &subject->fixture;
    size_t count = fixture_count(fixture->spool.drop);

    if (done && (count != 1 || !is_whole(subject, subject->id)))
        fail_msg("%s: accepted, but %zu in drop/", plan_text(plan), count);
    if (!done && count != 0)
        fail_msg("%s: refused, but something is left", plan_text(plan));
    if (!done && error_exit_status(subject->err.fault) != 75)
        fail_msg("%s: exit status %d: %s", plan_text(plan),
                 error_exit_status(subject->err.fault), subject->err.text);
    if (plan->how == WRAP_SHORT && !done)
        fail_msg("%s: a short write is not a failure", plan_text(plan));
}

/* What has a message's name is a message; beside it may be what the daemon
 * throws out. */
static void check_crashed(void *context, bool done,
                          const struct wrap_plan *plan)
{
    const struct subject *subject = context;
    struct strings names = { 0 };
    size_t messages = 0;

    fixture_list(subject->fixture.spool.drop, &names);
    for (size_t i = 0; i < names.count; i++) {
        bool named = random_is_id(names.items[i]);
        if (named && !is_whole(subject, names.items[i]))
            fail_msg("%s: it is not whole", plan_text(plan));
        if (!named && strncmp(names.items[i], ".t", 2) != 0)
            fail_msg("%s: %s is not a name", plan_text(plan), names.items[i]);
        messages += named;
    }
    if (messages > 1 || (done && messages != 1))
        fail_msg("%s: %zu messages", plan_text(plan), messages);
    strings_free(&names);
}

static void stores_or_refuses(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare, run, check, subject };

    subject->size = 100;
    fail_each_call(&trial);
    subject->size = 300000;
    fail_each_call(&trial);
    subject->is_encoded = true;
    fail_each_call(&trial);
}

static void is_whole_or_not_there_when_killed(void **state)
{
    struct subject *subject = *state;
    const struct trial trial = { prepare, run, check_crashed, subject };

    subject->size = 300000;
    crash_at_each_call(&trial);
}

static int set_up(void **state)
{
    return fixture_set_up_in(state, sizeof(struct subject));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_or_refuses),
        cmocka_unit_test(is_whole_or_not_there_when_killed),
    };

    return cmocka_run_group_tests(tests, set_up, fixture_tear_down);
}
