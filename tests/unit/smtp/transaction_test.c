#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>
#include <sys/mman.h>

#include "mail/envelope.h"
#include "peer.h"
#include "smtp/transaction.h"
#include "util/alloc.h"
#include "util/text.h"

#define ROWS 32
#define HELLO(keywords) \
    "S:220 hello", "C:EHLO client.example\r\n", "s:250-hi\r\n" keywords
#define PIPELINING HELLO("250 PIPELINING\r\n")
#define LOCKSTEP HELLO("250 NOOP\r\n")
#define CHUNKING HELLO("250-PIPELINING\r\n250 CHUNKING\r\n")
#define LEAVES "C:QUIT\r\n", "S:221 bye", "E:"
#define MAIL "MAIL FROM:<al@a.example>\r\n"
#define BOB "RCPT TO:<bob@b.example>\r\n"
#define EVE "RCPT TO:<eve@b.example>\r\n"

/* A message, whole: the transaction and all it borrows. */
struct sample {
    struct transaction transaction;
    struct envelope envelope;
    struct outcome *outcomes;
    size_t *recipients;
};

static void sample_init(struct sample *sample, const char *content,
                        const char *const *paths, size_t count)
{
    struct error err;

    *sample = (struct sample){ 0 };
    assert_true(envelope_set_reverse_path(&sample->envelope, "al@a.example",
                                          &err));
    sample->outcomes = alloc_zero(count, sizeof *sample->outcomes);
    sample->recipients = alloc_zero(count, sizeof *sample->recipients);
    for (size_t i = 0; i < count; i++) {
        assert_true(envelope_add_recipient(&sample->envelope, paths[i], NULL,
                                           0, &err));
        sample->recipients[i] = i;
    }
    int fd = memfd_create("content", MFD_CLOEXEC);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    sample->transaction = (struct transaction){
        .envelope = &sample->envelope, .recipients = sample->recipients,
        .count = count, .outcomes = sample->outcomes, .fd = fd,
        .prefix = "", .length = strlen(content),
    };
}

static void sample_free(struct sample *sample)
{
    for (size_t i = 0; i < sample->transaction.count; i++)
        outcome_free(&sample->outcomes[i]);
    free(sample->outcomes);
    free(sample->recipients);
    envelope_free(&sample->envelope);
    close(sample->transaction.fd);
}

/* "D 2.0.0", "F 5.1.1", "T 4.2.0", and "U 4.4.2" for one that is uncertain. */
static void assert_outcome(const char *name, const struct outcome *outcome,
                           const char *expected)
{
    static const char letters[] = { '-', 'D', 'T', 'F' };
    char *got = alloc_format("%c %s", outcome->uncertain
                                          ? 'U' : letters[outcome->kind],
                             outcome->status);

    if (strcmp(got, expected) != 0)
        fail_msg("%s: %s (%s), not %s", name, got,
                 outcome->text != NULL ? outcome->text : "", expected);
    free(got);
}

static struct session *open_or_fail(struct peer *peer,
                                    const char *const *script)
{
    struct error err;

    assert_true(peer_start(peer, script));
    struct session_settings settings = peer_settings(peer);
    settings.timeout = 1000;
    struct session *session = peer_open(peer, &settings, &err);
    if (session == NULL)
        fail_msg("%s", err.text);
    return session;
}

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
        "s:250 ok\r\n250 ok\r\n250 ok\r\n", LEAVES } },
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
    { "no CRLF behind the acceptance", 1, false, { "U 4.4.2" },
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
    bool is_8bit, needs_utf8, wants_utf8, dsn;
    const char *outcome;
    const char *script[ROWS];
} parameters[] = {
    { "all that there are", true, true, false, true, "D 2.0.0",
      { HELLO("250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"),
        "C:MAIL FROM:<al@a.example> SIZE=9 BODY=8BITMIME SMTPUTF8 RET=HDRS "
        "ENVID=x+2By\r\n", "S:250 ok",
        "C:RCPT TO:<bob@b.example> NOTIFY=FAILURE,DELAY "
        "ORCPT=rfc822;bob@b.example\r\n", "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "none is offered", true, false, true, true, "D 2.0.0",
      { LOCKSTEP, "C:" MAIL, "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "none is needed", false, false, false, false, "D 2.0.0",
      { HELLO("250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"), "C:" MAIL,
        "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n", "S:354 go",
        "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "SMTPUTF8 is wanted", false, false, true, false, "D 2.0.0",
      { HELLO("250 SMTPUTF8\r\n"), "C:MAIL FROM:<al@a.example> SMTPUTF8\r\n",
        "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n", "S:354 go",
        "C:P: q\r\n..\r\n.\r\n", "S:250 ok", LEAVES } },
    { "SMTPUTF8 is missing", false, true, false, false, "F 5.6.7",
      { LOCKSTEP, LEAVES } },
    { "larger than the limit", false, false, false, false, "F 5.3.4",
      { HELLO("250 SIZE 8\r\n"), LEAVES } },
    { "just as large", false, false, false, false, "F 5.7.1",
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
        t->needs_utf8 = parameters[i].needs_utf8;
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

/* Two or three messages "hi\r\n" to bob, one behind the other. */
static const struct {
    const char *name;
    size_t count;
    const char *outcomes[3];
    const char *script[ROWS];
} chains[] = {
    { "the next one's commands go with the dot", 2, { "D 2.0.0", "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "the first is refused at its dot", 2, { "F 5.7.1", "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n",
        "s:554 5.7.1 no\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "RSET behind one that came to nothing", 2, { "F 5.1.1", "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n550 5.1.1 no\r\n503 none\r\n",
        "C:RSET\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "in lockstep", 2, { "F 5.0.0", "D 2.0.0" },
      { LOCKSTEP, "C:" MAIL, "S:550 no", "C:RSET\r\n" MAIL,
        "s:250 ok\r\n250 ok\r\n", "C:" BOB, "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "several whole ones in a flight", 3, { "D 2.0.0", "F 5.1.1", "D 2.0.0" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n"
        "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n554 none\r\n"
        "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n", LEAVES } },
    { "closed behind the first", 2, { "D 2.0.0", "T 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n", "S:250 ok" } },
    { "closed behind the first of whole ones", 3,
      { "D 2.0.0", "U 4.4.2", "U 4.4.2" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n" } },
    { "421 to the first", 2, { "T 4.3.2", "T 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n", "S:421 bye", "E:" } },
    { "one reply too many is found at the 354", 2, { "D 2.0.0", "T 4.5.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n", "E:" } },
};

static void chains_share_flights(void **state)
{
    static const char *const paths[] = { "bob@b.example" };

    (void)state;
    for (size_t i = 0; i < COUNT(chains); i++) {
        struct peer peer;
        struct sample samples[3];
        const char *name = chains[i].name;
        struct session *session = open_or_fail(&peer, chains[i].script);
        for (size_t j = 0; j < chains[i].count; j++) {
            sample_init(&samples[j], "hi\r\n", paths, 1);
            if (j > 0)
                samples[j - 1].transaction.next = &samples[j].transaction;
        }
        for (size_t j = 0; j < chains[i].count; j++)
            if (!transaction_run(session, &samples[j].transaction))
                break;
        session_close(session);
        for (size_t j = 0; j < chains[i].count; j++) {
            assert_outcome(name, &samples[j].outcomes[0],
                           chains[i].outcomes[j]);
            sample_free(&samples[j]);
        }
        if (!peer_end(&peer))
            fail_msg("%s: the script", name);
    }
}

static void add_times(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add_text(out, text);
}

/* 150 recipients: a hundred a flight, DATA when all have been offered. */
static void offers_many_recipients_in_flights(void **state)
{
    enum { MANY = 150, FIRST = 100 };
    char *paths[MANY];
    struct buf rows[4];
    struct peer peer;
    struct sample sample;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        buf_init(&rows[i], SIZE_MAX);
        buf_add_text(&rows[i], i % 2 == 0 ? "C:" : "s:");
    }
    buf_add_text(&rows[0], MAIL);
    for (size_t i = 0; i < MANY; i++) {
        paths[i] = alloc_format("u%zu@b.example", i);
        buf_add_format(&rows[i < FIRST ? 0 : 2], "RCPT TO:<%s>\r\n",
                       paths[i]);
    }
    add_times(&rows[1], "250 ok\r\n", FIRST + 1);
    add_times(&rows[3], "250 ok\r\n", MANY - FIRST);
    const char *const script[] = {
        PIPELINING, rows[0].data, rows[1].data, rows[2].data, rows[3].data,
        "C:DATA\r\n", "S:354 go", "C:hi\r\n.\r\n", "S:250 ok", LEAVES, NULL };
    struct session *session = open_or_fail(&peer, script);
    sample_init(&sample, "hi\r\n", (const char *const *)paths, MANY);
    assert_true(transaction_run(session, &sample.transaction));
    session_close(session);
    assert_true(peer_end(&peer));
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(sample.outcomes[i].kind, OUTCOME_DELIVERED);
        free(paths[i]);
    }
    for (size_t i = 0; i < COUNT(rows); i++)
        buf_free(&rows[i]);
    sample_free(&sample);
}

/* Hears records until they end with the final dot; true if they are, joined,
 * what is expected. */
static bool hear_content(int fd, const struct buf *expected)
{
    struct buf heard;
    ssize_t got;
    bool same = false;

    buf_init(&heard, SIZE_MAX);
    do {
        char *to = buf_reserve(&heard, 131072);
        got = recv(fd, to, 131072, 0);
        heard.length += got > 0 ? (size_t)got : 0;
    } while (got > 0 && heard.length < expected->length);
    same = heard.length == expected->length &&
           memcmp(heard.data, expected->data, heard.length) == 0;
    buf_free(&heard);
    return same;
}

/* A message of many blocks, with dots wherever a block may end. */
static void stuffs_what_is_longer_than_a_block(void **state)
{
    static const char *const paths[] = { "bob@b.example" };
    struct buf content, stuffed;
    struct sample sample;
    struct peer peer;
    int fds[2];

    (void)state;
    buf_init(&content, SIZE_MAX);
    buf_init(&stuffed, SIZE_MAX);
    for (size_t i = 0; i < 70000; i++) {
        buf_add_text(&content, i % 7 == 0 ? "x.\r\n" : ".\r\n");
        buf_add_text(&stuffed, i % 7 == 0 ? "x.\r\n" : "..\r\n");
    }
    buf_add_text(&stuffed, ".\r\n");
    sample_init(&sample, content.data, paths, 1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    peer.fd = fds[0];
    buf_init(&peer.trace, SIZE_MAX);
    peer.pid = fork();
    if (peer.pid == 0) {
        static const char *const opening[] = {
            "S:220 hi", "P:EHLO", "s:250-hi\r\n250 PIPELINING\r\n", "P:MAIL",
            "s:250 ok\r\n250 ok\r\n354 go\r\n", NULL };
        close(fds[0]);
        alarm(20);
        peer_play(fds[1], opening);
        bool same = hear_content(fds[1], &stuffed);
        peer_say(fds[1], same ? "250 ok\r\n" : "554 5.6.0 changed\r\n", "");
        _exit(0);
    }
    close(fds[1]);
    struct error err;
    struct session_settings settings = peer_settings(&peer);
    struct session *session = peer_open(&peer, &settings, &err);
    assert_non_null(session);
    transaction_run(session, &sample.transaction);
    assert_outcome("long", &sample.outcomes[0], "D 2.0.0");
    session_close(session);
    assert_true(peer_end(&peer));
    sample_free(&sample);
    buf_free(&content);
    buf_free(&stuffed);
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
        cmocka_unit_test(chains_share_flights),
        cmocka_unit_test(offers_many_recipients_in_flights),
        cmocka_unit_test(stuffs_what_is_longer_than_a_block),
        cmocka_unit_test(never_ends_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
