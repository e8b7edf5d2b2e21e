#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "postrider/probe_remedy.h"
#include "util/text.h"

static const struct {
    enum outcome_stage stage;
    enum reach reach;
    int code;
    const char *status;
    bool has_login;
    const char *remedy;         /* the start of it; NULL: none */
} cases[] = {
    { STAGE_CONNECT, REACH_REFUSED, 0, "", true, "check host and port" },
    { STAGE_CONNECT, REACH_TIMED_OUT, 0, "", true, "a firewall on the way" },
    { STAGE_CONNECT, REACH_UNREACHABLE, 0, "", true, "is the network up?" },
    { STAGE_CONNECT, REACH_CONNECTED, 0, "", true, NULL },
    { STAGE_CONNECT, REACH_TLS, 0, "", true, NULL },
    { STAGE_CONNECT, REACH_REPLY, 554, "5.3.2", true, "its reply says why" },
    { STAGE_CONNECT, REACH_REPLY, 421, "", true, "its reply says why" },
    /* Credentials that are not accepted by us have no reply. */
    { STAGE_CONNECT, REACH_REPLY, 0, "", true, NULL },
    { STAGE_MAIL, REACH_REPLY, 550, "5.7.1", true, "send from an address" },
    { STAGE_MAIL, REACH_REPLY, 451, "4.7.1", true, NULL },
    { STAGE_RCPT, REACH_REPLY, 550, "5.1.1", true, "check the address" },
    { STAGE_RCPT, REACH_REPLY, 550, "5.1.8", true, "send from an address" },
    { STAGE_RCPT, REACH_REPLY, 553, "5.7.1", true, "send from an address" },
    { STAGE_RCPT, REACH_REPLY, 554, "5.7.1", false, "it relays for known" },
    { STAGE_RCPT, REACH_REPLY, 550, "5.1.1", false, "check the address; if" },
    { STAGE_RCPT, REACH_REPLY, 450, "4.2.1", true, NULL },
    { STAGE_DATA, REACH_REPLY, 554, "5.2.252", true, "send from an address" },
    { STAGE_DATA, REACH_REPLY, 550, "5.7.60", true, "if that is about the" },
    { STAGE_DATA, REACH_REPLY, 554, "5.6.0", true, NULL },
};

static void finds_a_remedy_by_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;

        error_set(&err, FAULT_TEMPORARY, "mx: no");
        error_reply(&err, cases[i].code, cases[i].status);
        err.reach = cases[i].reach;
        assert_false(probe_remedy(cases[i].stage, cases[i].has_login, &err));
        if (cases[i].remedy == NULL ? *err.remedy != '\0'
                                    : !text_starts(err.remedy,
                                                   cases[i].remedy))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(err.what, "mx: no");
    }
}

/* A host and a reply can have any words. */
static void words_do_not_count(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, FAULT_TEMPORARY,
              "connection-refused.example: greeting: 5.7.139 relay, timed out");
    err.reach = REACH_CONNECTED;
    assert_false(probe_remedy(STAGE_CONNECT, true, &err));
    assert_string_equal(err.remedy, "");
}

static void what_is_known_where_it_was_raised_stays(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, FAULT_TEMPORARY, "mx: no");
    error_remedy(&err, "ask");
    err.reach = REACH_REFUSED;
    assert_false(probe_remedy(STAGE_CONNECT, true, &err));
    assert_string_equal(err.text, "mx: no; ask");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_remedy_by_facts),
        cmocka_unit_test(words_do_not_count),
        cmocka_unit_test(what_is_known_where_it_was_raised_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
