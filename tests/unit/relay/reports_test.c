/* Where reports go, and that each is made once: of messages whose outcomes are
 * known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/log_delivery.h"
#include "relay/message.h"
#include "relay/reports.h"
#include "relay/shares.h"
#include "util/log.h"
#include "util/text.h"

enum { NOW = 1700000000 };

struct subject {
    struct fixture fixture;
    struct config config;
    char *aliases;              /* path of the file */
    struct totals totals;
    struct message_home home;
    struct reports *reports;
    struct message *message;    /* open; NULL: none */
    struct strings made;
};

static int set_up(void **state)
{
    static char host[] = "web1.example.com", domain[] = "example.com",
                empty[] = "";
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
    subject->aliases = alloc_format("%s/aliases", subject->fixture.path);
    subject->config = (struct config){
        .hostname = host, .domain = domain, .local_recipient = empty,
        .aliases = subject->aliases, .expire_after = 432000000,
    };
    subject->home = (struct message_home){ .spool = &subject->fixture.spool,
                                           .shares = shares_new() };
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    if (subject->message != NULL)
        message_free(subject->message);
    strings_free(&subject->made);
    reports_free(subject->reports);
    reasons_forget(&subject->home.reasons);
    shares_free(subject->home.shares);
    unlink(subject->aliases);
    free(subject->aliases);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* A daemon starts with these aliases. */
static void start(struct subject *subject, const char *aliases)
{
    reports_free(subject->reports);
    fixture_write(AT_FDCWD, subject->aliases, aliases, strlen(aliases));
    subject->reports = reports_new(&subject->config, &subject->fixture.spool,
                                   &subject->totals);
}

/* --- A message, each of whose recipients failed. --- */

static void take(struct subject *subject, const char *sender,
                 bool from_local, const char *recipient)
{
    static const struct drop_limits limits = { 100000, 100000 };
    const struct spool *spool = &subject->fixture.spool;
    struct envelope env = { 0 };
    struct entry *entry = NULL;
    char id[RANDOM_ID_LENGTH + 1];
    struct error err;
    struct buf text;

    if (subject->message != NULL)
        message_free(subject->message);
    random_id(id);
    struct draft *draft = draft_new_report(id, SCRATCH_PLACES, &err);
    assert_true(envelope_set_reverse_path(&env, sender, &err));
    env.from_local = from_local;
    assert_true(envelope_add_recipient(&env, recipient, NULL, 0, &err));
    assert_true(draft_envelope(draft, &env, &err));
    assert_true(draft_add(draft, FIXTURE_BODY, strlen(FIXTURE_BODY), &err));
    assert_true(draft_end(draft, false, &err));
    buf_init(&text, SIZE_MAX);
    assert_true(io_read_all(draft_descriptor(draft), &text, &err));
    fixture_write(spool->drop, id, text.data, text.length);
    assert_int_equal(drop_take(spool, id, &limits, &entry, &err), DROP_TAKEN);
    subject->message = message_new_taken(&subject->home, entry, NOW);
    buf_free(&text);
    draft_free(draft);
    envelope_free(&env);
}

static void fail_all(struct subject *subject)
{
    static char status[] = "5.1.1", text[] = "550 no such user";
    struct state *known = message_state(subject->message);

    for (size_t i = 0; i < known->count; i++)
        state_put(known, i, &(struct state_recipient){
            .result = STATE_FAILED, .status = status, .text = text });
}

/* The only recipient of the report that was made last. */
static char *destination(struct subject *subject)
{
    int64_t received;
    struct error err;

    assert_true(subject->made.count > 0);
    struct entry *entry =
        queue_file_open(&subject->fixture.spool,
                        subject->made.items[subject->made.count - 1],
                        &received, &err);
    assert_non_null(entry);
    assert_int_equal(entry->envelope.count, 1);
    char *path = alloc_string(entry->envelope.recipients[0].path);
    entry_free(entry);
    return path;
}

/* --- Where they go. --- */

static const struct {
    const char *aliases;
    const char *sender;
    bool from_local;            /* it was completed from a local name */
    const char *to;
} senders[] = {
    { "", "alice@example.com", false, "alice@example.com" },
    { "", "alice@example.com", true, "alice@example.com" },
    { "alice: alice@mail.example\n", "alice@example.com", true,
      "alice@mail.example" },
    { "alice: alice@mail.example\n", "alice@example.com", false,
      "alice@example.com" },
    { "alice: alice@mail.example\n", "alice@localhost", false,
      "alice@mail.example" },
    { "alice: |program\n", "alice@example.com", true, "alice@example.com" },
};

static void report_failure(struct subject *subject)
{
    if (!reports_to_sender(subject->reports, subject->message, DSN_FAILURE,
                           NOW, &subject->made))
        fail_msg("no report");
}

static void goes_to_where_the_senders_mail_goes(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(senders); i++) {
        start(subject, senders[i].aliases);
        take(subject, senders[i].sender, senders[i].from_local,
             "b@example.com");
        fail_all(subject);
        report_failure(subject);
        char *to = destination(subject);
        if (strcmp(to, senders[i].to) != 0)
            fail_msg("row %zu: %s", i, to);
        free(to);
    }
}

/* The manager reads no file any more. */
static void goes_by_the_aliases_of_the_start(void **state)
{
    static const char other[] = "alice: other@mail.example\n";
    struct subject *subject = *state;

    start(subject, "alice: alice@mail.example\n");
    fixture_write(AT_FDCWD, subject->aliases, other, strlen(other));
    take(subject, "alice@example.com", true, "b@example.com");
    fail_all(subject);
    report_failure(subject);
    char *to = destination(subject);
    assert_string_equal(to, "alice@mail.example");
    free(to);
}

/* --- Messages without a sender. --- */

static const struct {
    const char *aliases;
    const char *recipient;      /* of the message that failed */
    enum report_result result;
    size_t made;
} postmasters[] = {
    { "postmaster: root@mail.example\n", "b@example.com", REPORT_MADE, 1 },
    { "", "b@example.com", REPORT_HAS_NO_READER, 0 },
    /* mail for the postmaster itself */
    { "postmaster: root@mail.example\n", "root@mail.example",
      REPORT_HAS_NO_READER, 0 },
    { "postmaster: root@mail.example\n", "root@MAIL.example",
      REPORT_HAS_NO_READER, 0 },
};

static void reports_to_the_postmaster_what_has_no_sender(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(postmasters); i++) {
        size_t before = subject->made.count;
        start(subject, postmasters[i].aliases);
        take(subject, "", false, postmasters[i].recipient);
        fail_all(subject);
        enum report_result result =
            reports_to_postmaster(subject->reports, subject->message, NOW,
                                  &subject->made);
        if (result != postmasters[i].result ||
            subject->made.count - before != postmasters[i].made)
            fail_msg("row %zu: %d", i, result);
    }
}

/* --- Each once. --- */

static void reports_each_recipient_once(void **state)
{
    struct subject *subject = *state;

    start(subject, "");
    take(subject, "alice@example.com", false, "b@example.com");
    report_failure(subject);
    assert_int_equal(subject->made.count, 0);   /* nothing has failed */
    fail_all(subject);
    report_failure(subject);
    report_failure(subject);
    assert_int_equal(subject->made.count, 1);
    assert_int_equal(subject->totals.reports, 1);
    assert_true(message_state(subject->message)->recipients[0].notified);
    assert_int_equal(message_state(subject->message)->reports, 1);
}

static enum report_result report(struct subject *subject, bool has_sender)
{
    if (!has_sender)
        return reports_to_postmaster(subject->reports, subject->message, NOW,
                                     &subject->made);
    return reports_to_sender(subject->reports, subject->message, DSN_FAILURE,
                             NOW, &subject->made)
           ? REPORT_MADE : REPORT_IN_TROUBLE;
}

/* It could not be written: the next attempt makes the same one, as does one
 * after a stop. */
static void makes_the_same_report_again(void **state)
{
    struct subject *subject = *state;
    const struct spool *spool = &subject->fixture.spool;
    char id[RANDOM_ID_LENGTH + 1];

    start(subject, "postmaster: root@mail.example\n");
    for (int has_sender = 0; has_sender < 2; has_sender++) {
        take(subject, has_sender ? "alice@example.com" : "", false,
             "b@example.com");
        fail_all(subject);
        struct state *known = message_state(subject->message);
        random_id(known->report);
        memcpy(id, known->report, sizeof id);
        snprintf(known->about, sizeof known->about, "%s-1",
                 has_sender ? "failure" : "double");
        char *blocked = alloc_format(".%s", id);
        assert_int_equal(mkdirat(spool->queue, blocked, 0700), 0);
        assert_int_equal(report(subject, has_sender), REPORT_IN_TROUBLE);
        assert_false(known->recipients[0].notified);
        unlinkat(spool->queue, blocked, AT_REMOVEDIR);
        assert_int_equal(report(subject, has_sender), REPORT_MADE);
        assert_string_equal(subject->made.items[subject->made.count - 1], id);
        assert_string_equal(known->report, "");
        free(blocked);
    }
}

/* One about others has another name. */
static void names_a_report_by_what_it_is_about(void **state)
{
    struct subject *subject = *state;

    start(subject, "");
    take(subject, "alice@example.com", false, "b@example.com");
    fail_all(subject);
    struct state *known = message_state(subject->message);
    snprintf(known->report, sizeof known->report,
             "0123456789abcdef0123456789abcdef");
    snprintf(known->about, sizeof known->about, "failure-2");
    report_failure(subject);
    assert_string_not_equal(subject->made.items[0],
                            "0123456789abcdef0123456789abcdef");
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(goes_to_where_the_senders_mail_goes),
        ON_SPOOL(goes_by_the_aliases_of_the_start),
        ON_SPOOL(reports_to_the_postmaster_what_has_no_sender),
        ON_SPOOL(reports_each_recipient_once),
        ON_SPOOL(makes_the_same_report_again),
        ON_SPOOL(names_a_report_by_what_it_is_about),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
