#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/dsn.h"
#include "util/scratch.h"
#include "util/text.h"

#define ID "0123456789abcdef0123456789abcdef"
#define REPORT_ID "0123456789abcdef0123456789abcdf0"
#define RECEIVED 1700000000

static char host[] = "web1.example.com", domain[] = "example.com";
static char rule_match[] = "*", rule_address[] = "shop@example.com";
static char rule_empty[] = "";

/* A message from reverse_path to three: failed, delivered, open. */
struct subject {
    struct entry *entry;
    struct state *state;
    struct config config;
};

static void write_message(const char *reverse_path, const char *body,
                          bool is_8bit, struct entry **entry)
{
    struct envelope env = { 0 };
    struct error err;
    struct draft *draft = draft_new_report(ID, SCRATCH_PLACES, &err);

    assert_true(envelope_set_reverse_path(&env, reverse_path, &err) &&
                envelope_add_recipient(&env, "bad@b.example",
                                       "rfc822;Bad+20One@b.example", 0,
                                       &err) &&
                envelope_add_recipient(&env, "good@b.example", NULL,
                                       NOTIFY_SUCCESS, &err) &&
                envelope_add_recipient(&env, "late@b.example", NULL, 0,
                                       &err));
    env.envelope_id = alloc_string("env+2Bid");
    assert_true(draft_envelope(draft, &env, &err) &&
                draft_add(draft, body, strlen(body), &err) &&
                draft_end(draft, is_8bit, &err));
    *entry = entry_open(dup(draft_descriptor(draft)), ID, &err);
    assert_non_null(*entry);
    draft_free(draft);
    envelope_free(&env);
}

static void make(struct subject *subject, const char *reverse_path,
                 const char *body, bool is_8bit)
{
    *subject = (struct subject){
        .state = state_new(3),
        .config = { .hostname = host, .domain = domain,
                    .expire_after = 432000000 },
    };
    write_message(reverse_path, body, is_8bit, &subject->entry);
    subject->state->recipients[0] = (struct state_recipient){
        .result = STATE_FAILED, .status = alloc_string("5.1.1"),
        .relay = alloc_string("mx.example[192.0.2.1]:587"),
        .text = alloc_string("550 5.1.1 no such user"),
        .from_reply = true, .when = RECEIVED + 60,
    };
    subject->state->recipients[1] = (struct state_recipient){
        .result = STATE_DELIVERED, .status = alloc_string("2.0.0"),
        .relay = alloc_string("mx.example[192.0.2.1]:587"),
        .text = alloc_string("250 2.0.0 Ok"), .from_reply = true,
        .when = RECEIVED + 60,
    };
    subject->state->recipients[2] = (struct state_recipient){
        .status = alloc_string("4.4.1"),
        .text = alloc_string("Connection refused"), .when = RECEIVED + 60,
    };
}

static void unmake(struct subject *subject)
{
    entry_free(subject->entry);
    state_free(subject->state);
}

/* The report as text; to NULL: to the sender. */
static void compose(const struct subject *subject, enum dsn_kind kind,
                    const char *to, struct buf *text, struct entry **report)
{
    struct error err;
    size_t count;
    size_t *indices = dsn_recipients(kind, subject->entry, subject->state,
                                     &count);
    if (to == NULL)
        to = envelope_reverse_path(&subject->entry->envelope);
    struct strings addresses = { 0 };
    strings_add(&addresses, to);
    struct draft *draft = dsn_compose(&(struct dsn){
        .kind = kind, .config = &subject->config, .entry = subject->entry,
        .state = subject->state, .recipients = indices, .count = count,
        .id = REPORT_ID, .received = RECEIVED, .to = &addresses,
        .folder = SCRATCH_PLACES,
    }, &err);

    strings_free(&addresses);
    free(indices);
    if (draft == NULL)
        fail_msg("%s", err.text);
    *report = entry_open(dup(draft_descriptor(draft)), REPORT_ID, &err);
    if (*report == NULL)
        fail_msg("%s", err.text);
    buf_init(text, SIZE_MAX);
    char *room = buf_reserve(text, (size_t)(*report)->content_length);
    text->length = (size_t)(*report)->content_length;
    assert_int_equal(io_read_at((*report)->fd, room, text->length,
                                (off_t)(*report)->content_start),
                     text->length);
    text->data[text->length] = '\0';
    draft_free(draft);
}

/* No bare CR or LF, no line over 998 octets, as every message of ours. */
static void assert_lines(const struct buf *text)
{
    size_t start = 0;

    for (size_t i = 0; i < text->length; i++) {
        bool cr = text->data[i] == '\r', lf = text->data[i] == '\n';
        if ((cr && text->data[i + 1] != '\n') ||
            (lf && (i == 0 || text->data[i - 1] != '\r')))
            fail_msg("bare line end at %zu", i);
        if (lf) {
            assert_true(i - start <= 1000);
            start = i + 1;
        }
    }
}

static size_t count_of(const struct buf *text, const char *what)
{
    size_t count = 0;

    for (const char *at = text->data; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void assert_has(const struct buf *text, const char *what)
{
    if (strstr(text->data, what) == NULL)
        fail_msg("%s\nis not in\n%s", what, text->data);
}

static void assert_has_not(const struct buf *text, const char *what)
{
    if (strstr(text->data, what) != NULL)
        fail_msg("%s\nis in\n%s", what, text->data);
}

static void reports_a_failure(void **state)
{
    struct subject subject;
    struct entry *report;
    struct buf text;

    (void)state;
    make(&subject, "a@example.com", FIXTURE_BODY, false);
    compose(&subject, DSN_FAILURE, NULL, &text, &report);
    assert_lines(&text);
    assert_string_equal(envelope_reverse_path(&report->envelope), "");
    assert_int_equal(report->envelope.count, 1);
    assert_string_equal(report->envelope.recipients[0].path, "a@example.com");
    assert_has(&text, "From: Mail Delivery System "
                      "<MAILER-DAEMON@example.com>\r\n");
    assert_has(&text, "To: a@example.com\r\n");
    assert_has(&text, "Auto-Submitted: auto-replied\r\n");
    assert_has(&text, "MIME-Version: 1.0\r\n");
    assert_has(&text, "Content-Type: multipart/report; "
                      "report-type=delivery-status;\r\n"
                      "\tboundary=\"=_" REPORT_ID "\"\r\n");
    assert_has(&text, "<bad@b.example>: mx.example[192.0.2.1]:587 said: "
                      "550 5.1.1 no such user\r\n");
    assert_has(&text, "Reporting-MTA: dns; web1.example.com\r\n");
    assert_has(&text, "Original-Envelope-Id: env+id\r\n");
    assert_has(&text, "Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n");
    assert_has(&text, "Original-Recipient: rfc822; Bad One@b.example\r\n"
                      "Final-Recipient: rfc822; bad@b.example\r\n"
                      "Action: failed\r\nStatus: 5.1.1\r\n"
                      "Remote-MTA: dns; mx.example\r\n"
                      "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
                      "Last-Attempt-Date: Tue, 14 Nov 2023 22:14:20 +0000\r\n");
    assert_has_not(&text, "good@b.example");
    assert_has_not(&text, "late@b.example");
    assert_has(&text, "Content-Type: message/rfc822\r\n\r\n" FIXTURE_BODY);
    assert_int_equal(count_of(&text, "--=_" REPORT_ID "\r\n"), 3);
    assert_int_equal(count_of(&text, "--=_" REPORT_ID "--\r\n"), 1);
    entry_free(report);
    buf_free(&text);
    unmake(&subject);
}

static void reports_delay_and_success(void **state)
{
    struct subject subject;
    struct entry *report;
    struct buf text;

    (void)state;
    make(&subject, "a@example.com", FIXTURE_BODY, false);
    compose(&subject, DSN_DELAY, NULL, &text, &report);
    assert_lines(&text);
    assert_has(&text, "Final-Recipient: rfc822; late@b.example\r\n"
                      "Action: delayed\r\nStatus: 4.4.1\r\n"
                      "Diagnostic-Code: x-postrider; Connection refused\r\n");
    assert_has(&text, "Will-Retry-Until: Sun, 19 Nov 2023 22:13:20 +0000");
    assert_has(&text, "Content-Type: text/rfc822-headers\r\n\r\n"
                      "Subject: hello\r\n\r\n");
    assert_has_not(&text, ".dot");
    assert_has_not(&text, "bad@b.example");
    entry_free(report);
    buf_free(&text);
    compose(&subject, DSN_SUCCESS, NULL, &text, &report);
    assert_has(&text, "Final-Recipient: rfc822; good@b.example\r\n"
                      "Action: relayed\r\nStatus: 2.0.0\r\n");
    assert_has_not(&text, "late@b.example");
    entry_free(report);
    buf_free(&text);
    unmake(&subject);
}

/* NOTIFY, what was reported already, and the null reverse-path. */
static const struct {
    enum dsn_kind kind;
    const char *from;
    unsigned notify;            /* of the failed and the open one */
    bool notified;
    size_t count;
} wishes[] = {
    { DSN_FAILURE, "a@example.com", 0, false, 1 },
    { DSN_FAILURE, "a@example.com", NOTIFY_FAILURE, false, 1 },
    { DSN_FAILURE, "a@example.com", NOTIFY_DELAY, false, 0 },
    { DSN_FAILURE, "a@example.com", NOTIFY_NEVER, false, 0 },
    { DSN_FAILURE, "a@example.com", NOTIFY_SUCCESS, false, 0 },
    { DSN_FAILURE, "a@example.com", 0, true, 0 },
    { DSN_FAILURE, "", 0, false, 0 },
    { DSN_DELAY, "a@example.com", 0, false, 1 },
    { DSN_DELAY, "a@example.com", NOTIFY_FAILURE, false, 0 },
    { DSN_DELAY, "a@example.com", NOTIFY_NEVER, false, 0 },
    { DSN_DELAY, "", 0, false, 0 },
    { DSN_SUCCESS, "a@example.com", 0, false, 1 },
    { DSN_SUCCESS, "", 0, false, 0 },
    { DSN_DOUBLE, "", NOTIFY_NEVER, false, 1 },
    { DSN_DOUBLE, "", 0, true, 0 },
    { DSN_DOUBLE, "a@example.com", 0, false, 0 },
};

static void goes_by_what_the_sender_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wishes); i++) {
        struct subject subject;
        size_t count;
        make(&subject, wishes[i].from, FIXTURE_BODY, false);
        subject.entry->envelope.recipients[0].notify = wishes[i].notify;
        subject.entry->envelope.recipients[2].notify = wishes[i].notify;
        subject.state->recipients[0].notified = wishes[i].notified;
        free(dsn_recipients(wishes[i].kind, subject.entry, subject.state,
                            &count));
        if (count != wishes[i].count)
            fail_msg("row %zu: %zu", i, count);
        unmake(&subject);
    }
}

/* A server that refuses such lines must take the report about them. */
static void quotes_no_overlong_line(void **state)
{
    static const struct {
        const char *before;     /* 1500 octets in a line, and what is after */
        const char *after;
        const char *part;       /* of the report */
    } cases[] = {
        { "Subject: s\r\n\r\nx\r\n", "y\r\n",
          "text/rfc822-headers\r\n\r\nSubject: s\r\n\r\n\r\n--" },
        { "Subject: s\r\nX-Long: ", "\r\nTo: c@d.example\r\n\r\ny\r\n",
          "text/rfc822-headers\r\n\r\nSubject: s\r\n\r\n--" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        struct entry *report;
        struct buf text;
        char line[1501] = "";
        memset(line, 'z', 1500);
        char *message = alloc_format("%s%s\r\n%s", cases[i].before, line,
                                     cases[i].after);
        make(&subject, "a@example.com", message, false);
        subject.entry->envelope.dsn_return = RETURN_FULL;
        compose(&subject, DSN_FAILURE, NULL, &text, &report);
        assert_lines(&text);
        assert_has(&text, cases[i].part);
        entry_free(report);
        buf_free(&text);
        free(message);
        unmake(&subject);
    }
}

static void returns_what_ret_says(void **state)
{
    static const struct {
        enum dsn_return wanted;
        size_t size;            /* of the body */
        bool whole;
    } cases[] = {
        { RETURN_UNSPECIFIED, 100,    true  },
        { RETURN_UNSPECIFIED, 60000,  false },
        { RETURN_FULL,        200000, true  },
        { RETURN_HEADERS,     100,    false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        struct entry *report;
        struct buf text;
        char *body = alloc_zero(cases[i].size + 1, 1);
        memset(body, 'z', cases[i].size);
        for (size_t at = 70; at + 1 < cases[i].size; at += 72)
            memcpy(body + at, "\r\n", 2);
        char *message = alloc_format("Subject: s\r\n\r\n%s\r\n", body);
        make(&subject, "a@example.com", message, false);
        subject.entry->envelope.dsn_return = cases[i].wanted;
        compose(&subject, DSN_FAILURE, NULL, &text, &report);
        assert_lines(&text);
        assert_has(&text, "Subject: s\r\n");
        if ((strstr(text.data, message) != NULL) != cases[i].whole)
            fail_msg("row %zu", i);
        entry_free(report);
        buf_free(&text);
        free(message);
        free(body);
        unmake(&subject);
    }
}

static void declares_8_bits_and_uses_the_sender_rule(void **state)
{
    struct subject subject;
    struct sender_rule rule = { .match = rule_match, .address = rule_address,
                                .name = rule_empty, .smarthost = rule_empty };
    struct entry *report;
    struct buf text;

    (void)state;
    make(&subject, "a@example.com", "Subject: x\r\n\r\nGr\xc3\xbc\xc3\x9f"
         "e\r\n", true);
    subject.config.senders = &rule;
    subject.config.sender_count = 1;
    compose(&subject, DSN_FAILURE, NULL, &text, &report);
    assert_true(report->is_8bit);
    assert_has(&text, "From: Mail Delivery System <shop@example.com>\r\n");
    assert_has(&text, "\r\nContent-Transfer-Encoding: 8bit\r\n");
    entry_free(report);
    buf_free(&text);
    unmake(&subject);
}

static void tells_the_postmaster_once(void **state)
{
    struct subject subject;
    struct entry *report;
    struct buf text;

    (void)state;
    make(&subject, "", FIXTURE_BODY, false);
    compose(&subject, DSN_DOUBLE, "admin@example.com", &text, &report);
    assert_string_equal(envelope_reverse_path(&report->envelope), "");
    assert_string_equal(report->envelope.recipients[0].path,
                        "admin@example.com");
    assert_has(&text, "To: admin@example.com\r\n");
    assert_has(&text, "Action: failed\r\n");
    entry_free(report);
    buf_free(&text);
    unmake(&subject);
}

/* It counts for the sender, and so does a report about it. */
static void is_of_the_sender(void **state)
{
    struct subject subject;
    struct entry *report, *second;
    struct buf text;

    (void)state;
    make(&subject, "a@a.example", FIXTURE_BODY, false);
    subject.entry->uid = geteuid() + 7;
    compose(&subject, DSN_FAILURE, NULL, &text, &report);
    buf_free(&text);
    assert_int_equal(entry_user(report, report->uid), geteuid() + 7);
    entry_free(subject.entry);
    subject.entry = report;
    compose(&subject, DSN_DOUBLE, "admin@example.com", &text, &second);
    buf_free(&text);
    assert_int_equal(entry_user(second, second->uid), geteuid() + 7);
    entry_free(second);
    unmake(&subject);
}

/* Replies and headers that no line can hold. */
static void folds_what_is_long(void **state)
{
    struct subject subject;
    struct entry *report;
    struct buf text;
    char *reply = alloc_zero(4001, 1);

    (void)state;
    for (int with_blanks = 0; with_blanks < 2; with_blanks++) {
        memset(reply, 'r', 4000);
        for (size_t i = 0; with_blanks && i < 4000; i += 13)
            reply[i] = ' ';
        make(&subject, "a@example.com", "no header at all", false);
        free(subject.state->recipients[0].text);
        subject.state->recipients[0].text = alloc_string(reply);
        compose(&subject, DSN_FAILURE, NULL, &text, &report);
        assert_lines(&text);
        entry_free(report);
        buf_free(&text);
        unmake(&subject);
    }
    free(reply);
}

/* Nothing that was submitted may add a field or a recipient to a report. */
static void cannot_be_forged(void **state)
{
    struct subject subject;
    struct entry *report;
    struct buf text;

    (void)state;
    make(&subject, "a@example.com", FIXTURE_BODY, false);
    free(subject.entry->envelope.recipients[0].original);
    free(subject.entry->envelope.envelope_id);
    subject.entry->envelope.recipients[0].original =
        alloc_string("rfc822;x+0D+0AAction:+20delivered");
    subject.entry->envelope.envelope_id = alloc_string("x+0D+0AForged:+20y");
    compose(&subject, DSN_FAILURE, NULL, &text, &report);
    assert_lines(&text);
    assert_has_not(&text, "\r\nForged:");
    assert_has_not(&text, "\r\nAction: delivered");
    entry_free(report);
    buf_free(&text);
    unmake(&subject);
}

static int set_up(void **state)
{
    (void)state;
    return setenv("TZ", "UTC", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_a_failure),
        cmocka_unit_test(reports_delay_and_success),
        cmocka_unit_test(goes_by_what_the_sender_asked),
        cmocka_unit_test(returns_what_ret_says),
        cmocka_unit_test(quotes_no_overlong_line),
        cmocka_unit_test(declares_8_bits_and_uses_the_sender_rule),
        cmocka_unit_test(tells_the_postmaster_once),
        cmocka_unit_test(is_of_the_sender),
        cmocka_unit_test(folds_what_is_long),
        cmocka_unit_test(cannot_be_forged),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
