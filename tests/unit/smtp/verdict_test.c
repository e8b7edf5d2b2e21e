/* What goes wrong while more than one message, or more than one buffer, is on
 * its way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "chain.h"
#include "util/text.h"

#define CHUNK MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
#define WINDOW_OF_8 "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK \
    "RSET\r\n" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK \
    "RSET\r\n" CHUNK
#define TAKEN "250 ok\r\n250 ok\r\n250 kept\r\n"
#define RESET_TAKEN "250 ok\r\n" TAKEN
#define ALL "P:", "P:", "P:", "P:", "P:", "P:", "P:", "P:", "P:", "P:", "P:", \
    "P:", "P:"

static const char *const bob[] = { "bob@b.example" };

static const struct chain chains[] = {
    { "the next window follows when one is answered", 10,
      { "D 2.0.0", "D 2.0.0", "D 2.0.0", "D 2.0.0", "D 2.0.0", "D 2.0.0",
        "D 2.0.0", "D 2.0.0", "D 2.0.0", "D 2.0.0" },
      { CHUNKING, WINDOW_OF_8, "s:" TAKEN RESET_TAKEN RESET_TAKEN,
        "s:" RESET_TAKEN RESET_TAKEN RESET_TAKEN RESET_TAKEN RESET_TAKEN,
        "C:" CHUNK "RSET\r\n" CHUNK, "s:" TAKEN RESET_TAKEN, LEAVES } },
    /* What was accepted stays accepted. */
    { "closed after three of eight", 10,
      { "D 2.0.0", "D 2.0.0", "D 2.0.0", "U 4.4.2", "U 4.4.2", "U 4.4.2",
        "U 4.4.2", "U 4.4.2", "- ", "- " },
      { CHUNKING, WINDOW_OF_8, "s:" TAKEN RESET_TAKEN RESET_TAKEN } },
    { "closed within the third acceptance", 9,
      { "D 2.0.0", "D 2.0.0", "U 4.4.2", "U 4.4.2", "U 4.4.2", "U 4.4.2",
        "U 4.4.2", "U 4.4.2", "- " },
      { CHUNKING, WINDOW_OF_8,
        "s:" TAKEN RESET_TAKEN "250 ok\r\n250 ok\r\n250 ok\r\n250 ok" } },
    { "421 after two of eight", 9,
      { "D 2.0.0", "D 2.0.0", "T 4.3.2", "T 4.4.2", "T 4.4.2", "T 4.4.2",
        "T 4.4.2", "T 4.4.2", "- " },
      { CHUNKING, WINDOW_OF_8,
        "s:" TAKEN RESET_TAKEN "250 ok\r\n421 4.3.2 enough\r\n" } },
    { "MAIL refused within the window", 3,
      { "D 2.0.0", "T 4.3.0", "D 2.0.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 ok\r\n451 no\r\n503 no\r\n503 no\r\n" RESET_TAKEN,
        LEAVES } },
    /* Said ahead of its turn: the message is not to blame. */
    { "503 to a BDAT after another", 2, { "D 2.0.0", "T 4.5.1" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 ok\r\n503 5.5.1 x\r\n503 x\r\n503 x\r\n", LEAVES } },
    { "503 to a MAIL after a dot", 2, { "D 2.0.0", "T 4.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n503 nested\r\n503 x\r\n503 x\r\n", LEAVES } },
    { "530 is about the session, whatever its words", 1, { "T 4.7.8" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:530 go away\r\n503 x\r\n503 x\r\n", LEAVES } },
    { "after a refused DATA the transaction is still open", 2,
      { "T 4.3.0", "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n451 no\r\n",
        "C:RSET\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 kept", LEAVES } },
    { "503 in its turn is a refusal", 1, { "F 5.5.1" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:503 5.5.1 no\r\n503 x\r\n503 x\r\n", LEAVES } },
    /* The lines of the chunk were taken for commands: "250" may answer what
     * it likes. The message is sent again in another way. */
    { "a chunk that was not taken as one", 3,
      { "T 4.5.0", "T 4.5.0", "T 4.5.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:250 ok\r\n250 ok\r\n503 5.5.1 what\r\n500 what\r\n" RESET_TAKEN
        RESET_TAKEN, "E:" } },
    { "one reply too many", 3, { "D 2.0.0", "U 4.5.0", "U 4.5.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 kept\r\n250 ok\r\n250 ok\r\n250 2.1.5 ok\r\n"
        "554 no\r\n" RESET_TAKEN, "E:" } },
    { "an acceptance that may be the reply to RSET", 3,
      { "D 2.0.0", "U 4.5.0", "U 4.5.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 reset\r\n250 ok\r\n250 ok\r\n250 reset\r\n"
        "554 no\r\n" RESET_TAKEN, "E:" } },
    { "one reply too many, and the last one late", 2, { "D 2.0.0", "U 4.5.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 kept\r\n250 ok\r\n250 ok\r\n250 2.1.5 ok\r\n",
        "C:QUIT\r\n", "s:554 no\r\n221 bye\r\n", "E:" } },
    { "replies that are all alike", 2, { "D 2.0.0", "D 2.0.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK,
        "s:250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
        "250 ok\r\n", "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "one reply too few", 2, { "U 4.4.2", "U 4.4.2" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK,
        "s:250 ok\r\n250 ok\r\n250 2.1.5 ok\r\n250 ok\r\n250 ok\r\n"
        "250 kept\r\n", "W:", "E:" } },
    { "one that is none, within a window", 3,
      { "D 2.0.0", "U 4.5.0", "D 2.0.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 ok\r\n250 ok\r\nwhat?\r\n250 kept\r\n" RESET_TAKEN,
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "421 and what follows it", 3, { "D 2.0.0", "T 4.3.2", "D 2.0.0" },
      { CHUNKING, "C:" CHUNK "RSET\r\n" CHUNK "RSET\r\n" CHUNK,
        "s:" TAKEN "250 ok\r\n250 ok\r\n421 4.3.2 x\r\n503 x\r\n"
        RESET_TAKEN, "E:" } },
};

static void mishaps_cost_only_whom_they_must(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(chains); i++)
        run_chain(&chains[i]);
}

/* A follower whose file is too short: the one in front has its answer. */
static void unreadable_follower_costs_only_itself(void **state)
{
    static const char *const script[] = {
        CHUNKING, "P:" CHUNK "RSET\r\n" MAIL BOB "BDAT 14 LAST\r\n",
        "s:" TAKEN RESET_TAKEN, "E:", NULL };
    struct sample first, second;
    struct peer peer;
    struct session *session = open_or_fail(&peer, script);

    (void)state;
    sample_init(&first, "hi\r\n", bob, 1);
    sample_init(&second, "hi\r\n", bob, 1);
    second.transaction.length += 10;
    first.transaction.next = &second.transaction;
    assert_true(transaction_run(session, &first.transaction));
    assert_false(transaction_run(session, &second.transaction));
    session_close(session);
    assert_outcome("first", &first.outcomes[0], "D 2.0.0");
    assert_outcome("second", &second.outcomes[0], "T 4.3.0");
    assert_true(peer_end(&peer));
    sample_free(&first);
    sample_free(&second);
}

/* Recipients with long parameters: their flight ends before the last of them,
 * and nothing may come between it and the rest. */
static void nothing_overtakes_an_unfinished_follower(void **state)
{
    enum { MANY = 99, LONG = 400 };
    static const char *const script[] = {
        HELLO("250-PIPELINING\r\n250-DSN\r\n250 CHUNKING\r\n"), "P:" CHUNK,
        "s:" TAKEN RESET_TAKEN, NULL };
    char *paths[MANY], original[LONG + 1];
    struct sample samples[4];
    struct peer peer;
    struct session *session = open_or_fail(&peer, script);

    (void)state;
    memset(original, 'x', LONG);
    original[LONG] = '\0';
    for (size_t i = 0; i < MANY; i++)
        paths[i] = alloc_format("u%zu@b.example", i);
    for (size_t i = 0; i < COUNT(samples); i++) {
        bool many = i == 2;
        sample_init(&samples[i], "hi\r\n",
                    many ? (const char *const *)paths : bob, many ? MANY : 1);
        if (i > 0)
            samples[i - 1].transaction.next = &samples[i].transaction;
    }
    for (size_t i = 0; i < MANY; i++) {
        struct recipient *rcpt = &samples[2].envelope.recipients[i];
        rcpt->notify = NOTIFY_FAILURE;
        rcpt->original = alloc_format("rfc822;%s", original);
    }
    assert_true(transaction_run(session, &samples[0].transaction));
    assert_true(transaction_run(session, &samples[1].transaction));
    assert_true(samples[2].transaction.begun);
    assert_false(samples[2].transaction.final_asked);
    assert_false(transaction_run(session, &samples[2].transaction));
    assert_false(samples[3].transaction.begun);
    session_close(session);
    assert_true(peer_end(&peer));
    assert_outcome("first", &samples[0].outcomes[0], "D 2.0.0");
    assert_outcome("second", &samples[1].outcomes[0], "D 2.0.0");
    for (size_t i = 0; i < MANY; i++) {
        assert_outcome("third", &samples[2].outcomes[i], "T 4.4.2");
        free(paths[i]);
    }
    for (size_t i = 0; i < COUNT(samples); i++)
        sample_free(&samples[i]);
}

/* A message larger than what sockets hold: the server speaks in the midst of
 * it. */
static const struct {
    const char *name;
    const char *outcome;
    const char *script[ROWS];
} early[] = {
    { "refused for good, and closed", "F 5.3.4",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:552 5.3.4 large" } },
    { "refused for now, and closed", "T 4.3.1",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:452 4.3.1 full" } },
    { "refused in two lines", "F 5.0.0",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc",
        "s:500-Line\r\n500 too long\r\n" } },
    { "refused, and all read", "F 5.3.4",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:552 5.3.4 large",
        ALL } },
    { "goodbye", "T 4.3.2",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:421 4.3.2 bye" } },
    { "accepted, and closed", "T 4.4.2",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:250 ok" } },
    { "accepted, and all read", "T 4.5.0",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "S:250 ok", ALL } },
    { "accepted, then refused", "T 4.4.2",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc",
        "s:250 ok\r\n500 what\r\n500 what\r\n" } },
    { "not refused to the end", "T 4.4.2",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n", "P:abc", "s:552-large\r\n552 " } },
    { "refused before it", "T 4.5.0",
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n552 5.3.4 large\r\n", "E:" } },
    { "a chunk refused, and closed", "F 5.3.4",
      { CHUNKING, "C:" MAIL BOB, "s:250 ok\r\n250 ok\r\n", "P:BDAT ",
        "S:552 5.3.4 large" } },
    { "a chunk accepted, and closed", "T 4.4.2",
      { CHUNKING, "C:" MAIL BOB, "s:250 ok\r\n250 ok\r\n", "P:BDAT ",
        "S:250 ok" } },
    { "a chunk accepted, and all read", "T 4.5.0",
      { CHUNKING, "C:" MAIL BOB, "s:250 ok\r\n250 ok\r\n", "P:BDAT ",
        "S:250 ok", ALL } },
    { "a chunk refused before it", "T 4.5.0",
      { CHUNKING, "C:" MAIL BOB, "s:250 ok\r\n250 ok\r\n552 5.3.4 no\r\n",
        "E:" } },
};

static void early_refusals_count_and_nothing_else(void **state)
{
    struct buf content;

    (void)state;
    buf_init(&content, SIZE_MAX);
    while (content.length < 600000)
        buf_add_text(&content, "abcdefghijklmnopqrstuvwxyz.\r\n");
    for (size_t i = 0; i < COUNT(early); i++) {
        struct peer peer;
        struct sample sample;
        struct session *session = open_or_fail(&peer, early[i].script);
        sample_init(&sample, content.data, bob, 1);
        if (transaction_run(session, &sample.transaction))
            fail_msg("%s: usable", early[i].name);
        session_close(session);
        assert_outcome(early[i].name, &sample.outcomes[0], early[i].outcome);
        if (!peer_end(&peer))
            fail_msg("%s: the script", early[i].name);
        sample_free(&sample);
    }
    buf_free(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mishaps_cost_only_whom_they_must),
        cmocka_unit_test(unreadable_follower_costs_only_itself),
        cmocka_unit_test(nothing_overtakes_an_unfinished_follower),
        cmocka_unit_test(early_refusals_count_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
