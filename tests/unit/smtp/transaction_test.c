#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sample.h"

/* One message of "hi\r\n" to bob and eve, or to bob alone. */
static const struct {
    const char *name;
    size_t count;
    bool usable;                /* is the session afterwards? */
    const char *outcomes[2];
    const char *script[ROWS];
} singles[] = {
    { "one flight, then the content", 1, true, { "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:250 ok",
        LEAVES } },
    { "in lockstep", 2, true, { "D 2.6.0", "D 2.6.0" },
      { LOCKSTEP, "C:" MAIL, "S:250 ok", "C:" BOB, "S:251 ok", "C:" EVE,
        "S:252 ok", "C:DATA\r\n", "S:354 go", "C:hi\r\n.\r\n",
        "S:250 2.6.0 ok", LEAVES } },
    { "all in one flight", 1, true, { "D 2.0.0" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n250 ok\r\n250 kept\r\n", LEAVES } },
    { "BDAT in lockstep", 1, true, { "D 2.0.0" },
      { HELLO("250 CHUNKING\r\n"), "C:" MAIL, "S:250 ok", "C:" BOB,
        "S:250 ok", "C:BDAT 4 LAST\r\nhi\r\n", "S:250 ok", LEAVES } },
    { "one of two is refused", 2, true, { "D 2.0.0", "F 5.1.1" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "refused ones keep their outcome", 2, true, { "T 4.2.0", "F 5.7.1" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n",
        "s:250 ok\r\n450 later\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:554 5.7.1 spam", LEAVES } },
    { "all refused, and DATA", 2, true, { "F 5.1.1", "T 4.5.3" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n",
        "s:250 ok\r\n550 5.1.1 no\r\n552 many\r\n503 none\r\n", LEAVES } },
    { "all refused, but not DATA: the lone dot", 1, true, { "F 5.1.1" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n550 5.1.1 no\r\n354 go\r\n", "C:.\r\n", "S:250 ok",
        LEAVES } },
    { "all refused in lockstep", 1, true, { "F 5.1.1" },
      { LOCKSTEP, "C:" MAIL, "S:250 ok", "C:" BOB, "S:550 5.1.1 no",
        LEAVES } },
    { "all refused under BDAT", 1, true, { "F 5.1.1" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n550 5.1.1 no\r\n554 none\r\n", LEAVES } },
    { "MAIL refused", 2, true, { "F 5.1.8", "F 5.1.8" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n",
        "s:550 5.1.8 no\r\n503 x\r\n503 x\r\n503 x\r\n", LEAVES } },
    { "MAIL refused in lockstep", 2, true, { "T 4.3.0", "T 4.3.0" },
      { LOCKSTEP, "C:" MAIL, "S:451 later", LEAVES } },
    { "MAIL refused, all else taken: nobody gets it", 1, true, { "F 5.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:550 no\r\n250 ok\r\n354 go\r\n", "C:.\r\n", "S:250 ok",
        LEAVES } },
    { "DATA refused", 1, true, { "T 4.3.1" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n452 full\r\n", LEAVES } },
    /* What is no SMTP any more. */
    { "250 to DATA", 1, false, { "T 4.5.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n", "E:" } },
    { "354 to MAIL", 1, false, { "T 4.5.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n", "S:354 go", "E:" } },
    { "354 to RCPT", 1, false, { "T 4.5.0" },
      { LOCKSTEP, "C:" MAIL, "S:250 ok", "C:" BOB, "S:354 go", "E:" } },
    { "an acceptance before the final dot", 1, false, { "T 4.5.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n", "E:" } },
    { "354 to the final dot", 1, false, { "U 4.5.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:354 go",
        "E:" } },
    { "no CRLF after the acceptance", 1, false, { "U 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "s:250 ok" } },
    { "closed instead of an answer", 1, false, { "U 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n" } },
    { "closed before the content", 2, false, { "T 4.4.2", "F 5.1.1" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n550 5.1.1 no\r\n" } },
    { "closed under BDAT", 1, false, { "U 4.4.2" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n250 ok\r\n" } },
    { "silent after the final dot", 1, false, { "U 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "E:" } },
    /* 421 is the last that is said: nothing more is waited for. */
    { "421 to MAIL", 2, false, { "T 4.3.2", "T 4.3.2" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n", "S:421 bye", "E:" } },
    { "421 to RCPT", 2, false, { "T 4.3.2", "T 4.4.2" },
      { PIPELINING, "C:" MAIL BOB EVE "DATA\r\n", "s:250 ok\r\n421 bye\r\n",
        "E:" } },
    { "421 to RCPT under BDAT", 2, false, { "T 4.3.2", "T 4.4.2" },
      { CHUNKING, "C:" MAIL BOB EVE "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n421 bye\r\n", "E:" } },
    { "421 to DATA", 1, false, { "T 4.3.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n421 bye\r\n", "E:" } },
    { "421 to the final dot", 1, false, { "T 4.3.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "C:hi\r\n.\r\n", "S:421 bye",
        "E:" } },
};

static void every_recipient_gets_one_outcome(void **state)
{
    static const char *const paths[] = { "bob@b.example", "eve@b.example" };

    (void)state;
    for (size_t i = 0; i < COUNT(singles); i++) {
        struct peer peer;
        struct sample sample;
        const char *name = singles[i].name;
        struct session *session = open_or_fail(&peer, singles[i].script);
        sample_init(&sample, "hi\r\n", paths, singles[i].count);
        bool usable = transaction_run(session, &sample.transaction);
        session_close(session);
        for (size_t j = 0; j < singles[i].count; j++)
            assert_outcome(name, &sample.outcomes[j],
                           singles[i].outcomes[j]);
        if (!peer_end(&peer))
            fail_msg("%s: the script", name);
        if (usable != singles[i].usable)
            fail_msg("%s: %susable", name, usable ? "" : "not ");
        sample_free(&sample);
    }
}

/* Parameters of MAIL and RCPT: only what is offered, and needed. */
static const struct {
    const char *name;
    bool is_8bit, wants_utf8, dsn;
    const char *outcome;
    const char *script[ROWS];
} parameters[] = {
    { "all that there are", true, true, true, "D 2.0.0",
      { HELLO("250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"),
        "C:MAIL FROM:<al@a.example> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS "
        "ENVID=x+2By\r\n", "S:250 ok",
        "C:RCPT TO:<bob@b.example> NOTIFY=FAILURE,DELAY "
        "ORCPT=rfc822;bob@b.example\r\n", "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "none is offered", true, true, true, "D 2.0.0",
      { LOCKSTEP, "C:" MAIL, "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "none is needed", false, false, false, "D 2.0.0",
      { HELLO("250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"), "C:" MAIL,
        "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n", "S:354 go",
        "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "SMTPUTF8 is wanted", false, true, false, "D 2.0.0",
      { HELLO("250 SMTPUTF8\r\n"), "C:MAIL FROM:<al@a.example> SMTPUTF8\r\n",
        "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n", "S:354 go",
        "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "larger than the limit", false, false, false, "F 5.3.4",
      { HELLO("250 SIZE 8\r\n"), LEAVES } },
    { "just as large", false, false, false, "F 5.7.1",
      { HELLO("250 SIZE 9\r\n"), "C:MAIL FROM:<al@a.example> SIZE=9\r\n",
        "S:554 5.7.1 no", LEAVES } },
};

static void says_what_is_offered_and_needed(void **state)
{
    static const char *const paths[] = { "bob@b.example" };

    (void)state;
    for (size_t i = 0; i < COUNT(parameters); i++) {
        struct peer peer;
        struct sample sample;
        const char *name = parameters[i].name;
        struct session *session = open_or_fail(&peer, parameters[i].script);
        sample_init(&sample, ".\r\n", paths, 1);
        struct transaction *t = &sample.transaction;
        t->prefix = "P: q\r\n";
        t->prefix_length = 6;
        t->is_8bit = parameters[i].is_8bit;
        t->wants_utf8 = parameters[i].wants_utf8;
        if (parameters[i].dsn) {
            sample.envelope.dsn_return = RETURN_HEADERS;
            sample.envelope.envelope_id = alloc_string("x+2By");
            sample.envelope.recipients[0].notify = NOTIFY_FAILURE |
                                                   NOTIFY_DELAY;
            sample.envelope.recipients[0].original =
                alloc_string("rfc822;bob@b.example");
        }
        if (!transaction_run(session, t))
            fail_msg("%s: %s", name, sample.outcomes[0].text);
        session_close(session);
        assert_outcome(name, &sample.outcomes[0], parameters[i].outcome);
        if (!peer_end(&peer))
            fail_msg("%s: the script", name);
        sample_free(&sample);
    }
}

/* The file is shorter than it was said to be: no dot, no acceptance. */
static void never_ends_what_cannot_be_read(void **state)
{
    static const char *const paths[] = { "bob@b.example" };
    static const char *const script[] = {
        PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "E:", NULL };
    struct sample sample;
    struct peer peer;
    struct session *session = open_or_fail(&peer, script);

    (void)state;
    sample_init(&sample, "hi\r\n", paths, 1);
    sample.transaction.length += 10;
    assert_false(transaction_run(session, &sample.transaction));
    assert_outcome("short", &sample.outcomes[0], "T 4.3.0");
    session_close(session);
    assert_true(peer_end(&peer));
    sample_free(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipient_gets_one_outcome),
        cmocka_unit_test(says_what_is_offered_and_needed),
        cmocka_unit_test(never_ends_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
