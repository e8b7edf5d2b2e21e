#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "spool_fixture.h"
#include "util/text.h"

#include "../in_range.h"

#define ID "0123456789abcdef0123456789abcdef"

static struct state *some_state(void)
{
    struct state *known = state_new(3);

    known->attempts = 7;
    known->last = 1700000001;
    known->next = 4300000000;       /* in 2106, more than 32 bits */
    known->warned = true;
    known->reports = 2;
    memcpy(known->report, "fedcba9876543210fedcba9876543210",
           sizeof known->report);
    memcpy(known->about, "failure-1", sizeof "failure-1");
    known->recipients[0] = (struct state_recipient){
        .result = STATE_FAILED, .notified = true,
        .status = alloc_string("5.1.1"),
        .relay = alloc_string("mx.example[192.0.2.1]:587"),
        .text = alloc_string("550 5.1.1 no such user \\x0a - end"),
        .remedy = alloc_string("check the address"),
        .from_reply = true, .when = 1700000001,
    };
    known->recipients[1].result = STATE_DELIVERED;
    known->recipients[1].status = alloc_string("2.0.0");
    return known;
}

static void assert_same(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        assert_true(a == b);
    else
        assert_string_equal(a, b);
}

static void assert_alike(const struct state *a, const struct state *b)
{
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->last, b->last);
    assert_int_equal(a->next, b->next);
    assert_int_equal(a->warned, b->warned);
    assert_int_equal(a->held, b->held);
    assert_int_equal(a->reports, b->reports);
    assert_string_equal(a->report, b->report);
    assert_string_equal(a->about, b->about);
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct state_recipient *x = &a->recipients[i];
        const struct state_recipient *y = &b->recipients[i];
        assert_int_equal(x->result, y->result);
        assert_int_equal(x->notified, y->notified);
        assert_int_equal(x->from_reply, y->from_reply);
        assert_same(x->remedy, y->remedy);
        assert_int_equal(x->when, y->when);
        assert_same(x->status, y->status);
        assert_same(x->relay, y->relay);
        assert_same(x->text, y->text);
    }
}

static void keeps_all_it_is_given(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct error err;
    struct state *known = some_state();

    assert_true(state_save(spool, ID, known, &err));
    struct state *read = state_load(spool, ID, 3, &err);
    if (read == NULL)
        fail_msg("%s", err.text);
    assert_alike(known, read);
    assert_int_equal(state_open_count(read), 1);
    state_free(read);
    state_free(known);
}

static void starts_with_nothing(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct error err;
    struct state *fresh = state_load(
        spool, "ffffffffffffffffffffffffffffffff", 2, &err);

    assert_non_null(fresh);
    assert_int_equal(state_open_count(fresh), 2);
    assert_int_equal(fresh->attempts, 0);
    assert_null(fresh->recipients[0].status);
    state_free(fresh);
}

/* A number may read as another number; nothing may crash, and a file that is
 * cut must not pass for one with fewer outcomes. */
static void refuses_a_cut_file_and_survives_a_changed_one(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct error err;
    struct buf text;
    struct state *known = some_state();

    assert_true(state_save(spool, ID, known, &err));
    state_free(known);
    buf_init(&text, SIZE_MAX);
    int fd = openat(spool->state, ID, O_RDONLY | O_CLOEXEC);
    assert_true(io_read_all(fd, &text, &err));
    close(fd);
    for (size_t length = 0; length < text.length; length++) {
        fixture_write(spool->state, ID, text.data, length);
        if (state_load(spool, ID, 3, &err) != NULL)
            fail_msg("cut at %zu", length);
        assert_int_equal(err.fault, FAULT_DATA);
    }
    for (size_t i = 0; i < text.length; i++) {
        static const char others[] = { '\0', '\n', ' ', '9', '\xff' };
        for (size_t o = 0; o < sizeof others; o++) {
            char was = text.data[i];
            text.data[i] = others[o];
            fixture_write(spool->state, ID, text.data, text.length);
            struct state *read = state_load(spool, ID, 3, &err);
            if (read == NULL && err.fault != FAULT_NEWER)
                assert_int_equal(err.fault, FAULT_DATA);
            state_free(read);
            text.data[i] = was;
        }
    }
    buf_free(&text);
}

#define FIRST "postrider-state 1 " ID "\n"
#define RCPT "rcpt open 0 0 0 - - -\n"

static const struct {
    const char *text;
    enum fault fault;
    unsigned attempts;
} files[] = {
    { FIRST RCPT "end\n",                              FAULT_NONE, 0 },
    { FIRST "held 1\nattempts 3\n" RCPT "end\n",      FAULT_NONE, 3 },
    { FIRST RCPT "reports 0\nattempts 3\nend\n",      FAULT_NONE, 3 },
    { FIRST "opt-x\nattempts 3\nopt-y 1 2\n" RCPT "end\n", FAULT_NONE, 3 },
    { "postrider-state 2 " ID "\n",                    FAULT_NEWER, 0 },
    { "postrider-state 12 " ID " x\ny",                FAULT_NEWER, 0 },
    { FIRST "x 1\n" RCPT "end\n",                      FAULT_NEWER, 0 },
    { FIRST "rcpt-more 1\n" RCPT "end\n",              FAULT_NEWER, 0 },
    { FIRST RCPT,                                      FAULT_DATA, 0 },
    { FIRST RCPT "end",                                FAULT_DATA, 0 },
    { FIRST RCPT "end\nattempts 3\n",                  FAULT_DATA, 0 },
    { FIRST RCPT RCPT "end\n",                         FAULT_DATA, 0 },
    { FIRST "end\n",                                   FAULT_DATA, 0 },
    { FIRST "attempts\n" RCPT "end\n",                 FAULT_DATA, 0 },
    { FIRST "held 2\n" RCPT "end\n",                   FAULT_DATA, 0 },
    { FIRST "attempts 4294967296\n" RCPT "end\n",      FAULT_DATA, 0 },
    { FIRST "Attempts 1\n" RCPT "end\n",               FAULT_DATA, 0 },
    { FIRST "\n" RCPT "end\n",                         FAULT_DATA, 0 },
    { FIRST "rcpt lost 0 0 0 - - -\nend\n",            FAULT_DATA, 0 },
};

static void reads_lines_in_any_order_and_knows_what_is_newer(void **state)
{
    const struct spool *spool = &((struct fixture *)*state)->spool;

    for (size_t i = 0; i < COUNT(files); i++) {
        struct error err = { 0 };
        fixture_write(spool->state, ID, files[i].text, strlen(files[i].text));
        struct state *read = state_load(spool, ID, 1, &err);
        if (err.fault != files[i].fault || (read == NULL) != (err.fault != 0))
            fail_msg("%s: %d: %s", files[i].text, err.fault, err.text);
        if (read != NULL)
            assert_int_equal(read->attempts, files[i].attempts);
        state_free(read);
    }
}

/* With the longest texts, too, the most recipients there can be fit into the
 * file; and what does not is never written over what is there. */
static void holds_as_many_recipients_as_an_envelope(void **state)
{
    enum { LONG = 4000 };
    const struct spool *spool = &((struct fixture *)*state)->spool;
    size_t counts[] = { ENVELOPE_RECIPIENTS_MAX, 2000000 };
    char *text = alloc_zero(LONG + 1, 1);

    memset(text, 'x', 1023);
    memcpy(text + 1023, "\xc3\xbc", 2);
    memset(text + 1025, 'y', LONG - 1025);
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct error err = { 0 };
        struct state *known = state_new(counts[i]);
        for (size_t r = 0; r < known->count; r++)
            known->recipients[r].text = known->recipients[r].relay = text;
        bool saved = state_save(spool, ID, known, &err);
        assert_int_equal(saved, i == 0);
        memset(known->recipients, 0,
               known->count * sizeof *known->recipients);
        state_free(known);
        struct state *read = state_load(spool, ID, counts[0], &err);
        assert_non_null(read);
        assert_int_equal(strlen(read->recipients[counts[0] - 1].text), 1023);
        state_free(read);
    }
    free(text);
}

/* Users write the reason of a flaw as they like: no character ends in it. */
static void cuts_what_is_not_utf8(void **state)
{
    enum { LONG = 4000 };
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct error err = { 0 };
    struct state *known = some_state();
    char *text = alloc_zero(LONG + 1, 1);

    memset(text, 0x80, LONG);
    free(known->recipients[0].text);
    known->recipients[0].text = text;
    if (!state_save(spool, ID, known, &err))
        fail_msg("%s", err.text);
    struct state *read = state_load(spool, ID, 3, &err);
    assert_non_null(read);
    assert_int_in_range(strlen(read->recipients[0].text), 1000, 1024);
    state_free(read);
    state_free(known);
}

static void belongs_to_one_message(void **state)
{
    static const size_t counts[] = { 0, 1, 2, 4, 100 };
    const struct spool *spool = &((struct fixture *)*state)->spool;
    struct error err;
    struct state *known = some_state();

    assert_true(state_save(spool, ID, known, &err));
    for (size_t i = 0; i < COUNT(counts); i++)
        assert_null(state_load(spool, ID, counts[i], &err));
    static const char other[] = "00000000000000000000000000000000";
    assert_int_equal(renameat(spool->state, ID, spool->state, other), 0);
    assert_null(state_load(spool, other, 3, &err));
    assert_int_equal(err.fault, FAULT_DATA);
    state_free(known);
}

/* Without it a report is made twice, at worst. */
static void can_do_without_a_report_that_is_cut(void **state)
{
    static const char *const lines[] = {
        "opt-report", "opt-report ", "opt-report failure-1",
        "opt-report failure-1 ", "opt-report failure-1 x",
        "opt-report failure-1 " ID "0", "opt-report  " ID " x",
        "opt-report " ID ID " " ID,
    };
    const struct spool *spool = &((struct fixture *)*state)->spool;

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct error err;
        char *text = alloc_format("postrider-state 1 %s\n%s\nend\n", ID,
                                  lines[i]);
        fixture_write(spool->state, ID, text, strlen(text));
        struct state *read = state_load(spool, ID, 0, &err);
        if (read == NULL || *read->report != '\0')
            fail_msg("%s", lines[i]);
        state_free(read);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_all_it_is_given),
        cmocka_unit_test(starts_with_nothing),
        cmocka_unit_test(refuses_a_cut_file_and_survives_a_changed_one),
        cmocka_unit_test(reads_lines_in_any_order_and_knows_what_is_newer),
        cmocka_unit_test(holds_as_many_recipients_as_an_envelope),
        cmocka_unit_test(cuts_what_is_not_utf8),
        cmocka_unit_test(belongs_to_one_message),
        cmocka_unit_test(can_do_without_a_report_that_is_cut),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
