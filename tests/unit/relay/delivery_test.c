/* Which outcomes are about the session rather than the message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/delivery.h"
#include "util/text.h"

#define DELIVERED OUTCOME_DELIVERED
#define DEFERRED  OUTCOME_DEFERRED
#define FAILED    OUTCOME_FAILED

static struct outcome outcome_of(enum outcome_kind kind,
                                 enum outcome_stage stage, int code,
                                 const char *status)
{
    struct outcome outcome = {
        .kind = kind, .stage = stage, .code = code,
        .fault = kind == OUTCOME_DEFERRED ? FAULT_TEMPORARY : FAULT_NONE,
    };

    snprintf(outcome.status, sizeof outcome.status, "%s", status);
    return outcome;
}

static void blames_the_session(void **state)
{
    static const struct {
        enum outcome_kind kind;
        enum outcome_stage stage;
        int code;
        const char *status;
        bool session;
    } cases[] = {
        { DEFERRED, STAGE_MAIL, 452, "4.3.1", true },
        { DEFERRED, STAGE_MAIL, 452, "4.5.3", true },
        { DEFERRED, STAGE_MAIL, 451, "4.7.1", true },
        { DEFERRED, STAGE_MAIL, 451, "4.1.8", false },
        { DEFERRED, STAGE_MAIL, 452, "4.2.2", false },
        { DEFERRED, STAGE_MAIL, 451, "4.6.0", false },
        { DEFERRED, STAGE_MAIL, 0, "4.4.2", true },     /* closed */
        { DEFERRED, STAGE_MAIL, 0, "4.5.0", false },    /* not a reply */
        { DEFERRED, STAGE_RCPT, 452, "4.5.3", true },
        { DEFERRED, STAGE_RCPT, 450, "4.7.1", false },  /* greylisted */
        { DEFERRED, STAGE_RCPT, 421, "4.7.0", true },
        { DEFERRED, STAGE_DATA, 421, "4.3.2", true },
        { DEFERRED, STAGE_DATA, 451, "4.3.0", false },
        { DEFERRED, STAGE_DATA, 432, "4.3.2", true },
        { FAILED, STAGE_MAIL, 550, "5.7.1", false },
        { DELIVERED, STAGE_DATA, 250, "2.0.0", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct outcome outcome = outcome_of(cases[i].kind, cases[i].stage,
                                            cases[i].code, cases[i].status);
        struct delivery delivery = { .outcomes = &outcome, .count = 1 };
        if (delivery_blame_session(&delivery) != cases[i].session ||
            delivery_is_undone(&delivery) != cases[i].session)
            fail_msg("%d %s", cases[i].code, cases[i].status);
    }
}

static void blames_it_for_all_or_none(void **state)
{
    struct outcome outcomes[] = {
        outcome_of(OUTCOME_DEFERRED, STAGE_RCPT, 452, "4.5.3"),
        outcome_of(OUTCOME_DELIVERED, STAGE_DATA, 250, "2.0.0"),
    };
    struct delivery delivery = { .outcomes = outcomes, .count = 2 };

    (void)state;
    assert_false(delivery_blame_session(&delivery));
    assert_false(outcomes[0].again);
    outcomes[1] = outcome_of(OUTCOME_DEFERRED, STAGE_DATA, 0, "4.4.2");
    outcomes[1].uncertain = true;
    assert_false(delivery_blame_session(&delivery));
    outcomes[1].uncertain = false;
    assert_true(delivery_blame_session(&delivery));
    assert_true(outcomes[0].again && outcomes[1].again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blames_the_session),
        cmocka_unit_test(blames_it_for_all_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
