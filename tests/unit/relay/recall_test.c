/* A start finds acceptances in journals, and flaws: before anything is sent
 * again, they are in the state of the message, logged and counted once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/log_delivery.h"
#include "relay/recall.h"
#include "spool/journal.h"
#include "spool/recovery.h"
#include "util/log.h"
#include "util/text.h"

enum { RECEIVED = 1700000000, NOW = RECEIVED + 60 };

static const struct dates dates = { .received = RECEIVED, .now = NOW };

struct subject {
    struct fixture fixture;
    struct config config;
    struct totals totals;
    struct recall *recall;
    struct recovery *recovery;
    char id[RANDOM_ID_LENGTH + 1];
};

static int set_up(void **state)
{
    static char empty[] = "";
    struct subject *subject = alloc_zero(1, sizeof *subject);
    struct error err;

    fixture_open(&subject->fixture);
    subject->config = (struct config){ .spool = subject->fixture.path,
                                       .redirect_all = empty };
    subject->recall = recall_new(&subject->config, &subject->fixture.spool,
                                 &subject->totals);
    subject->recovery = recovery_new(&subject->fixture.spool, &err);
    assert_non_null(subject->recovery);
    random_id(subject->id);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    recovery_free(subject->recovery);
    recall_free(subject->recall);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* --- A message, and what a worker noted of it. --- */

/* The octets of one to b@ and c@; notify: of both. */
static struct draft *compose(struct subject *subject, unsigned notify)
{
    struct envelope env = { 0 };
    struct error err;
    struct draft *draft = draft_new_report(subject->id, SCRATCH_PLACES,
                                           &err);

    assert_non_null(draft);
    assert_true(envelope_set_reverse_path(&env, "a@example.com", &err));
    assert_true(envelope_add_recipient(&env, "b@example.com", NULL, notify,
                                       &err));
    assert_true(envelope_add_recipient(&env, "c@example.com", NULL, notify,
                                       &err));
    assert_true(draft_envelope(draft, &env, &err));
    assert_true(draft_add(draft, FIXTURE_BODY, strlen(FIXTURE_BODY), &err));
    assert_true(draft_end(draft, false, &err));
    envelope_free(&env);
    return draft;
}

enum where { IN_QUEUE, IN_DROP, NOWHERE };

static void put(struct subject *subject, enum where where, unsigned notify)
{
    struct draft *draft = compose(subject, notify);
    struct error err;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    assert_true(io_read_all(draft_descriptor(draft), &text, &err));
    if (where == IN_QUEUE)
        assert_true(queue_add(&subject->fixture.spool, draft, RECEIVED,
                              &err));
    if (where == IN_DROP)
        fixture_write(subject->fixture.spool.drop, subject->id, text.data,
                      text.length);
    buf_free(&text);
    draft_free(draft);
}

/* The first recipients, so many of them: in a journal of a worker that has
 * ended. */
static void note(struct subject *subject, size_t count)
{
    static const size_t indices[] = { 0, 1, 7 };
    struct error err;
    unsigned number = 1;
    int fd = journal_create(&subject->fixture.spool, "main", &number, &err);

    assert_int_not_equal(fd, -1);
    journal_note(fd, subject->id, indices, count);
    close(fd);
}

static void start(struct subject *subject)
{
    struct strings journals;
    struct error err;

    if (!journal_list(&subject->fixture.spool, &journals, &err))
        fail_msg("%s", err.text);
    recall_journals(subject->recall, &journals, subject->recovery, NOW);
    strings_free(&journals);
}

static struct state *load(struct subject *subject)
{
    struct error err;
    struct state *state = state_load(&subject->fixture.spool, subject->id, 2,
                                     &err);

    assert_non_null(state);
    return state;
}

static bool has_journal(const struct subject *subject)
{
    return fixture_exists(subject->fixture.spool.state, "journal.1");
}

/* --- At a start. --- */

static const struct noted {
    enum where where;
    unsigned notify;            /* NOTIFY of both recipients */
    size_t noted;               /* so many were accepted */
    bool in_queue;              /* the message, afterwards */
    bool is_found;              /* ... and has to be read, as it is new there */
    uint64_t delivered;         /* counted */
} starts[] = {
    { IN_QUEUE, 0,              1, true,  false, 1 },
    { IN_QUEUE, 0,              2, false, false, 2 },
    { IN_QUEUE, NOTIFY_SUCCESS, 2, true,  false, 2 },   /* a report is due */
    { IN_QUEUE, 0,              3, false, false, 2 },   /* there is none 7 */
    { IN_DROP,  0,              1, true,  true,  1 },
    { IN_DROP,  0,              2, false, false, 2 },
    { NOWHERE,  0,              2, false, false, 0 },
};

static void check_state(struct subject *subject, const struct noted *row)
{
    struct state *state = load(subject);

    for (size_t i = 0; i < 2; i++) {
        const struct state_recipient *rcpt = &state->recipients[i];
        bool accepted = i < row->noted;
        assert_int_equal(rcpt->result,
                         accepted ? STATE_DELIVERED : STATE_OPEN);
        assert_int_equal(rcpt->when, accepted ? NOW : 0);
        assert_int_equal(rcpt->notified, accepted && row->notify == 0);
    }
    state_free(state);
}

static void records_what_journals_have(void **state)
{
    struct subject *subject = *state;
    const struct spool *spool = &subject->fixture.spool;

    for (size_t i = 0; i < COUNT(starts); i++) {
        const struct noted *row = &starts[i];
        size_t left = recovery_left(subject->recovery);
        fixture_empty(&subject->fixture);
        subject->totals = (struct totals){ 0 };
        put(subject, row->where, row->notify);
        note(subject, row->noted);
        start(subject);
        if (has_journal(subject) ||
            fixture_exists(spool->queue, subject->id) != row->in_queue ||
            recovery_left(subject->recovery) - left != row->is_found ||
            subject->totals.delivered != row->delivered)
            fail_msg("row %zu", i);
        if (row->in_queue)
            check_state(subject, row);
        else
            assert_int_equal(fixture_count(spool->drop), 0);
    }
}

/* As after a kill between the state and the journal's removal. */
static void counts_none_twice(void **state)
{
    struct subject *subject = *state;

    put(subject, IN_QUEUE, 0);
    note(subject, 1);
    start(subject);
    note(subject, 1);
    start(subject);
    assert_int_equal(subject->totals.delivered, 1);
    assert_false(has_journal(subject));
}

/* It goes to failed/ later: the journal must not stay for it. */
static void keeps_no_journal_for_what_cannot_be_sent(void **state)
{
    struct subject *subject = *state;

    fixture_write(subject->fixture.spool.queue, subject->id, "?\n", 2);
    note(subject, 1);
    start(subject);
    assert_false(has_journal(subject));
    assert_int_equal(subject->totals.delivered, 0);
}

/* --- Acceptances that could not be recorded. --- */

/* A folder where the new state would be. */
static void block(struct subject *subject)
{
    char *name = alloc_format(".%s", subject->id);

    assert_int_equal(mkdirat(subject->fixture.spool.state, name, 0700), 0);
    free(name);
}

static struct entry *read_entry(struct subject *subject)
{
    struct error err;
    int64_t received;
    struct entry *entry = queue_file_open(&subject->fixture.spool, subject->id,
                                          &received, &err);

    assert_non_null(entry);
    return entry;
}

/* Put what is remembered of the message into a new state: how many recipients
 * that settles. */
static size_t apply(struct subject *subject, bool *applied)
{
    struct entry *entry = read_entry(subject);
    struct state *state = state_new(2);

    *applied = recall_apply(subject->recall, entry, state, &dates);
    size_t count = 2 - state_open_count(state);
    state_free(state);
    entry_free(entry);
    return count;
}

static void remembers_what_it_could_not_record(void **state)
{
    struct subject *subject = *state;
    bool applied;

    put(subject, IN_QUEUE, 0);
    block(subject);
    note(subject, 1);
    start(subject);
    assert_true(has_journal(subject));
    assert_int_equal(apply(subject, &applied), 1);
    assert_true(applied);
    assert_int_equal(subject->totals.delivered, 1);     /* once */
    assert_int_equal(apply(subject, &applied), 0);
    assert_false(applied);
}

/* The state of a newer version: it is not known what was counted. */
static void counts_what_it_could_not_read_when_it_can(void **state)
{
    struct subject *subject = *state;
    const struct spool *spool = &subject->fixture.spool;
    char *newer = alloc_format("postrider-state 9 %s\n", subject->id);
    bool applied;

    put(subject, IN_QUEUE, 0);
    fixture_write(spool->state, subject->id, newer, strlen(newer));
    note(subject, 1);
    start(subject);
    assert_true(has_journal(subject));
    assert_int_equal(subject->totals.delivered, 0);
    assert_int_equal(apply(subject, &applied), 1);
    assert_int_equal(subject->totals.delivered, 1);
    free(newer);
}

static void remembers_for_each_message_alone(void **state)
{
    struct subject *subject = *state;
    char ids[2][RANDOM_ID_LENGTH + 1];
    bool applied;

    for (size_t i = 0; i < COUNT(ids); i++) {
        random_id(ids[i]);
        memcpy(subject->id, ids[i], sizeof ids[i]);
        put(subject, IN_QUEUE, 0);
        block(subject);
        note(subject, 1);
    }
    start(subject);
    random_id(subject->id);
    put(subject, IN_QUEUE, 0);
    assert_int_equal(apply(subject, &applied), 0);
    assert_false(applied);
    for (size_t i = 0; i < COUNT(ids); i++) {
        memcpy(subject->id, ids[i], sizeof ids[i]);
        assert_int_equal(apply(subject, &applied), 1);
        assert_true(applied);
    }
}

/* --- Flaws. --- */

static const struct {
    const char *whole;          /* of the message */
    const char *second;         /* of the second recipient */
    size_t failed;
    const char *status;         /* of the second */
} flaws[] = {
    { NULL, NULL, 0, NULL },
    { NULL, "it has no domain", 1, "5.1.3" },
    { "it has no end", NULL, 2, "5.6.0" },
    { "it has no end", "it has no domain", 2, "5.6.0" },
};

static void fails_what_has_a_flaw(void **state)
{
    struct subject *subject = *state;

    put(subject, IN_QUEUE, 0);
    for (size_t i = 0; i < COUNT(flaws); i++) {
        struct entry *entry = read_entry(subject);
        struct state *known = state_new(2);
        subject->totals.failed = 0;
        if (flaws[i].whole != NULL)
            entry_blame(entry, "5.6.0", flaws[i].whole);
        if (flaws[i].second != NULL)
            entry->envelope.recipients[1].flaw = alloc_string(flaws[i].second);
        assert_int_equal(recall_apply(subject->recall, entry, known, &dates),
                         flaws[i].failed > 0);
        if (subject->totals.failed != flaws[i].failed ||
            2 - state_open_count(known) != flaws[i].failed)
            fail_msg("row %zu", i);
        if (flaws[i].failed > 0) {
            assert_string_equal(known->recipients[1].status, flaws[i].status);
            assert_false(known->recipients[1].notified);
        }
        /* They are known then. */
        assert_false(recall_apply(subject->recall, entry, known, &dates));
        assert_int_equal(subject->totals.failed, flaws[i].failed);
        state_free(known);
        entry_free(entry);
    }
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(records_what_journals_have),
        ON_SPOOL(counts_none_twice),
        ON_SPOOL(keeps_no_journal_for_what_cannot_be_sent),
        ON_SPOOL(remembers_what_it_could_not_record),
        ON_SPOOL(counts_what_it_could_not_read_when_it_can),
        ON_SPOOL(remembers_for_each_message_alone),
        ON_SPOOL(fails_what_has_a_flaw),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
