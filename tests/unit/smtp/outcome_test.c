#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "util/alloc.h"
#include "util/text.h"

static const struct {
    enum outcome_stage stage;
    int code;
    const char *reply_status;
    enum outcome_kind kind;
    enum fault fault;
    const char *status;
} replies[] = {
    { STAGE_DATA, 250, "2.6.0", OUTCOME_DELIVERED, FAULT_NONE, "2.6.0" },
    { STAGE_DATA, 250, "", OUTCOME_DELIVERED, FAULT_NONE, "2.0.0" },
    /* The recipient, his domain, or something else. */
    { STAGE_RCPT, 550, "5.1.1", OUTCOME_FAILED, FAULT_RECIPIENT, "5.1.1" },
    { STAGE_RCPT, 550, "5.1.10", OUTCOME_FAILED, FAULT_RECIPIENT, "5.1.10" },
    { STAGE_RCPT, 550, "5.1.2", OUTCOME_FAILED, FAULT_HOST, "5.1.2" },
    { STAGE_RCPT, 553, "5.1.7", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.1.7" },
    { STAGE_RCPT, 553, "5.1.8", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.1.8" },
    { STAGE_RCPT, 554, "5.7.1", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.7.1" },
    { STAGE_RCPT, 550, "5.7.1", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.7.1" },
    { STAGE_RCPT, 550, "", OUTCOME_FAILED, FAULT_RECIPIENT, "5.1.1" },
    { STAGE_RCPT, 551, "", OUTCOME_FAILED, FAULT_RECIPIENT, "5.1.6" },
    { STAGE_RCPT, 553, "", OUTCOME_FAILED, FAULT_RECIPIENT, "5.1.3" },
    { STAGE_RCPT, 554, "", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.0.0" },
    /* Too many recipients, RFC 5321 section 4.5.3.1.10. */
    { STAGE_RCPT, 552, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.5.3" },
    { STAGE_RCPT, 552, "5.5.3", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.5.3" },
    { STAGE_RCPT, 552, "5.2.2", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.2.2" },
    { STAGE_RCPT, 452, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.5.3" },
    { STAGE_RCPT, 450, "4.2.1", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.2.1" },
    { STAGE_RCPT, 421, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.3.2" },
    /* The sender. */
    { STAGE_MAIL, 550, "", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.0.0" },
    { STAGE_MAIL, 550, "5.1.8", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.1.8" },
    { STAGE_MAIL, 552, "", OUTCOME_FAILED, FAULT_DATA, "5.3.4" },
    { STAGE_MAIL, 554, "5.3.4", OUTCOME_FAILED, FAULT_DATA, "5.3.4" },
    { STAGE_MAIL, 451, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.3.0" },
    /* The message. */
    { STAGE_DATA, 552, "", OUTCOME_FAILED, FAULT_DATA, "5.3.4" },
    { STAGE_DATA, 554, "5.6.1", OUTCOME_FAILED, FAULT_DATA, "5.6.1" },
    { STAGE_DATA, 554, "5.2.3", OUTCOME_FAILED, FAULT_DATA, "5.2.3" },
    { STAGE_DATA, 554, "5.3.4", OUTCOME_FAILED, FAULT_DATA, "5.3.4" },
    { STAGE_DATA, 554, "5.7.1", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.7.1" },
    { STAGE_DATA, 550, "", OUTCOME_FAILED, FAULT_UNAVAILABLE, "5.0.0" },
    { STAGE_DATA, 452, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.3.1" },
    { STAGE_DATA, 354, "", OUTCOME_DEFERRED, FAULT_TEMPORARY, "4.0.0" },
};

static void replies_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct outcome outcome = { 0 };
        struct reply reply;
        reply_init(&reply);
        reply.code = replies[i].code;
        strcpy(reply.status, replies[i].reply_status);
        buf_add_text(&reply.text, "why\nso");
        outcome_from_reply(&outcome, replies[i].stage, &reply);
        if (outcome.kind != replies[i].kind ||
            outcome.fault != replies[i].fault ||
            strcmp(outcome.status, replies[i].status) != 0)
            fail_msg("row %zu: %d %s: kind %d fault %d status %s", i,
                     reply.code, reply.status, (int)outcome.kind,
                     (int)outcome.fault, outcome.status);
        assert_int_equal(outcome.stage, replies[i].stage);
        assert_int_equal(outcome.code, reply.code);
        assert_false(outcome.uncertain);
        assert_non_null(strstr(outcome.text, " why so"));
        outcome_free(&outcome);
        reply_free(&reply);
    }
}

static const struct {
    enum outcome_stage stage;
    enum fault fault;
    const char *text;
    enum fault kept;
    const char *status;
    enum reach reach;
} errors[] = {
    { STAGE_CONNECT, FAULT_TEMPORARY, "mx: refused", FAULT_TEMPORARY,
      "4.4.1", REACH_REFUSED },
    { STAGE_DATA, FAULT_TEMPORARY, "mx: closed", FAULT_TEMPORARY, "4.4.2", 0 },
    { STAGE_MAIL, FAULT_PROTOCOL, "mx: 354 to MAIL", FAULT_TEMPORARY,
      "4.5.0", 0 },
    { STAGE_CONNECT, FAULT_PERMISSION, "mx: AUTH refused", FAULT_PERMISSION,
      "4.7.8", 0 },
    { STAGE_CONNECT, FAULT_CONFIG, "tls_ca_file", FAULT_CONFIG, "4.3.5", 0 },
    { STAGE_DATA, FAULT_IO, "read", FAULT_TEMPORARY, "4.3.0", 0 },
    { STAGE_CONNECT, FAULT_TLS, "mx: certificate of mx: expired",
      FAULT_TEMPORARY, "4.7.5", REACH_TLS },
    { STAGE_CONNECT, FAULT_TEMPORARY, "mx: greeting: 421 no TLS today",
      FAULT_TEMPORARY, "4.4.1", REACH_REPLY },
};

static void errors_defer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        struct outcome outcome = { 0 };
        struct error err;
        error_set(&err, errors[i].fault, "%s", errors[i].text);
        error_remedy(&err, "mend it");
        err.reach = errors[i].reach;
        outcome_from_error(&outcome, errors[i].stage, &err);
        assert_int_equal(outcome.kind, OUTCOME_DEFERRED);
        assert_int_equal(outcome.fault, errors[i].kept);
        assert_string_equal(outcome.status, errors[i].status);
        assert_string_equal(outcome.text, errors[i].text);
        assert_string_equal(outcome.remedy, "mend it");
        assert_int_equal(outcome.code, 0);
        assert_string_equal(outcome_word(&outcome), "deferred");
        outcome_free(&outcome);
    }
}

/* What is not for good after all. */
static void failures_can_be_deferred(void **state)
{
    struct outcome outcome = {
        .kind = OUTCOME_FAILED, .stage = STAGE_MAIL,
        .fault = FAULT_UNAVAILABLE, .status = "5.5.1",
        .text = alloc_string("503 5.5.1 MAIL first"),
    };

    (void)state;
    outcome_defer(&outcome);
    assert_int_equal(outcome.kind, OUTCOME_DEFERRED);
    assert_int_equal(outcome.fault, FAULT_TEMPORARY);
    assert_string_equal(outcome.status, "4.5.1");
    outcome_free(&outcome);
    outcome = (struct outcome){ .kind = OUTCOME_DELIVERED, .status = "2.0.0" };
    outcome_defer(&outcome);
    assert_int_equal(outcome.kind, OUTCOME_DELIVERED);
    assert_string_equal(outcome.status, "2.0.0");
    outcome_free(&outcome);
}

static void copies_own_their_text(void **state)
{
    struct outcome one = { 0 }, two = { 0 };

    (void)state;
    outcome_refuse(&one, "5.6.7", "no SMTPUTF8");
    outcome_copy(&two, &one);
    outcome_copy(&two, &one);
    outcome_free(&one);
    assert_int_equal(one.kind, OUTCOME_NONE);
    assert_null(one.text);
    assert_string_equal(two.text, "no SMTPUTF8");
    assert_string_equal(outcome_word(&two), "bounced");
    outcome_free(&two);
    two.kind = OUTCOME_DELIVERED;
    assert_string_equal(outcome_word(&two), "sent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_decide),
        cmocka_unit_test(errors_defer),
        cmocka_unit_test(failures_can_be_deferred),
        cmocka_unit_test(copies_own_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
