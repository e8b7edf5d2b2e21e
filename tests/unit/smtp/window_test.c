#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "chain.h"
#include "smtp/window.h"

static const struct chain chains[] = {
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
    { "RSET after one that came to nothing", 2, { "F 5.1.1", "D 2.0.0" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n550 5.1.1 no\r\n503 none\r\n",
        "C:RSET\r\n" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "in lockstep", 2, { "F 5.0.0", "D 2.0.0" },
      { LOCKSTEP, "C:" MAIL, "S:550 no", "C:RSET\r\n", "S:250 ok",
        "C:" MAIL, "S:250 ok", "C:" BOB, "S:250 ok", "C:DATA\r\n",
        "S:354 go", "C:hi\r\n.\r\n", "S:250 ok", LEAVES } },
    { "several whole ones in a flight", 3, { "D 2.0.0", "F 5.1.1", "D 2.0.0" },
      { CHUNKING, "C:" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n"
        "RSET\r\n" MAIL BOB "BDAT 4 LAST\r\nhi\r\n",
        "s:250 ok\r\n250 ok\r\n250 ok\r\n"
        "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n554 none\r\n"
        "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n", LEAVES } },
    { "closed after the first", 2, { "D 2.0.0", "T 4.4.2" },
      { PIPELINING, "C:" MAIL BOB "DATA\r\n",
        "s:250 ok\r\n250 ok\r\n354 go\r\n",
        "C:hi\r\n.\r\n" MAIL BOB "DATA\r\n", "S:250 ok" } },
    { "closed after the first of whole ones", 3,
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
    (void)state;
    for (size_t i = 0; i < COUNT(chains); i++)
        run_chain(&chains[i]);
}

static void add_times(struct buf *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        buf_add_text(out, text);
}

/* 150 recipients: a hundred a flight, DATA when all have been offered. */
static void offers_many_recipients_in_flights(void **state)
{
    enum { MANY = 150, FIRST = WINDOW_RECIPIENTS };
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_share_flights),
        cmocka_unit_test(offers_many_recipients_in_flights),
        cmocka_unit_test(stuffs_what_is_longer_than_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
