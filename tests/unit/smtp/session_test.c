#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdint.h>

#include "peer.h"
#include "util/text.h"

#define ROWS 16

/* Openings without AUTH: what the server says, and what becomes of it. */
static const struct {
    const char *name;
    enum session_security security;
    enum fault fault;           /* FAULT_NONE: the session is open */
    const char *text;           /* part of the error */
    const char *script[ROWS];
} openings[] = {
    { "EHLO", SESSION_CLEAR, FAULT_NONE, "",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:250 hi",
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "a greeting of several lines", SESSION_CLEAR, FAULT_NONE, "",
      { "s:220-hello\r\n220 you\r\n", "C:EHLO client.example\r\n", "S:250 hi",
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "HELO where EHLO is unknown", SESSION_CLEAR, FAULT_NONE, "",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:502 what",
        "C:HELO client.example\r\n", "S:250 hi", "C:QUIT\r\n",
        "S:221 bye", "E:" } },
    { "neither", SESSION_CLEAR, FAULT_TEMPORARY, "HELO refused: 550 no",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:502 what",
        "C:HELO client.example\r\n", "S:550 no", "C:QUIT\r\n",
        "S:221 bye", "E:" } },
    { "no HELO where TLS is wanted", SESSION_STARTTLS, FAULT_TEMPORARY,
      "EHLO refused: 502 what",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:502 what",
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "no HELO after 4yz", SESSION_CLEAR, FAULT_TEMPORARY, "450 later",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:450 later",
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "a greeting that refuses", SESSION_CLEAR, FAULT_TEMPORARY,
      "mx.example: greeting: 554 5.7.1 go away",
      { "S:554 5.7.1 go away", "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "421 is not answered", SESSION_CLEAR, FAULT_TEMPORARY, "421 busy",
      { "S:421 busy", "E:" } },
    { "another 2yz", SESSION_CLEAR, FAULT_TEMPORARY, "250 hello",
      { "S:250 hello", "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "another protocol", SESSION_CLEAR, FAULT_PROTOCOL, "not an SMTP reply",
      { "S:SSH-2.0-OpenSSH_9.2", "E:" } },
    { "nobody there", SESSION_CLEAR, FAULT_TEMPORARY, "mx.example: ",
      { NULL } },
    { "spoken out of turn", SESSION_CLEAR, FAULT_PROTOCOL, "to no command",
      { "s:220 hello\r\n250 hi\r\n", "E:" } },
    { "no STARTTLS", SESSION_STARTTLS, FAULT_TLS,
      "mx.example offers no STARTTLS",
      { "S:220 hello", "C:EHLO client.example\r\n", "S:250 hi", "C:QUIT\r\n",
        "S:221 bye", "E:" } },
    { "STARTTLS refused is not final", SESSION_STARTTLS, FAULT_TLS,
      "STARTTLS refused: 554 5.7.0 no",
      { "S:220 hello", "C:EHLO client.example\r\n",
        "s:250-hi\r\n250 STARTTLS\r\n", "C:STARTTLS\r\n", "S:554 5.7.0 no",
        "C:QUIT\r\n", "S:221 bye", "E:" } },
    { "octets after the 220 to STARTTLS", SESSION_STARTTLS, FAULT_PROTOCOL,
      "before the TLS handshake",
      { "S:220 hello", "C:EHLO client.example\r\n",
        "s:250-hi\r\n250 STARTTLS\r\n", "C:STARTTLS\r\n",
        "s:220 go\r\n250-hi\r\n250 AUTH LOGIN\r\n", "E:" } },
};

static void opens_or_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(openings); i++) {
        struct peer peer;
        struct error err = { 0 };
        assert_true(peer_start(&peer, openings[i].script));
        struct session_settings settings = peer_settings(&peer);
        settings.security = openings[i].security;
        struct session *session = peer_open(&peer, &settings, &err);
        bool opened = session != NULL;
        session_close(session);
        if (!peer_end(&peer))
            fail_msg("%s: the script", openings[i].name);
        if (opened != (openings[i].fault == FAULT_NONE))
            fail_msg("%s: %s", openings[i].name, opened ? "open" : err.text);
        if (!opened && (err.fault != openings[i].fault ||
                        strstr(err.text, openings[i].text) == NULL))
            fail_msg("%s: %s", openings[i].name, err.text);
    }
}

/* A session after greeting and EHLO, and what the script has further on. */
static struct session *start(struct peer *peer, const char *const *script)
{
    const char *rows[ROWS] = { "S:220 hello", "C:EHLO client.example\r\n",
                               "S:250 hi" };
    struct error err;

    for (size_t i = 3; script[i - 3] != NULL; i++)
        rows[i] = script[i - 3];
    assert_true(peer_start(peer, rows));
    struct session_settings settings = peer_settings(peer);
    struct session *session = peer_open(peer, &settings, &err);
    if (session == NULL)
        fail_msg("%s", err.text);
    return session;
}

static void sends_a_flight_at_once(void **state)
{
    static const char *const script[] = {
        "C:ONE 1\r\nTWO\r\n", "s:250 a\r\n250 b\r\n",
        "C:QUIT\r\n", "S:221 bye", NULL };
    struct peer peer;
    struct reply reply;
    struct error err;
    struct session *session = start(&peer, script);

    (void)state;
    reply_init(&reply);
    assert_true(session_command(session, &err, "ONE %d", 1));
    assert_true(session_command(session, &err, "TWO"));
    assert_true(session_reply(session, &reply, 3000, &err));
    assert_string_equal(reply.text.data, "a");
    assert_true(session_reply(session, &reply, 3000, &err));
    assert_string_equal(reply.text.data, "b");
    assert_true(session_usable(session));
    reply_free(&reply);
    session_close(session);
    assert_true(peer_end(&peer));
}

static void lets_no_line_end_through(void **state)
{
    static const char *const script[] = { "E:", NULL };
    struct peer peer;
    struct error err;
    struct session *session = start(&peer, script);

    (void)state;
    assert_false(session_command(session, &err, "MAIL FROM:<%s>",
                                 "a>\r\nRCPT TO:<b@c"));
    assert_int_equal(err.fault, FAULT_SOFTWARE);
    assert_null(strstr(peer.trace.data, "RCPT"));
    session_spoil(session);
    session_close(session);
    assert_true(peer_end(&peer));
}

static void notices_a_goodbye_while_idle(void **state)
{
    static const char *const script[] = {
        "C:NOOP\r\n", "S:250 ok", "S:421 idle for too long", "E:", NULL };
    struct peer peer;
    struct reply reply;
    struct error err;
    struct session *session = start(&peer, script);

    (void)state;
    reply_init(&reply);
    assert_true(session_ask(session, &reply, &err, "NOOP"));
    for (int i = 0; i < 100 && session_usable(session); i++)
        poll(NULL, 0, 20);
    assert_false(session_usable(session));
    assert_false(session_ask(session, &reply, &err, "NOOP"));
    assert_int_equal(err.fault, FAULT_PROTOCOL);
    reply_free(&reply);
    session_close(session);
    assert_true(peer_end(&peer));
}

static void a_421_ends_it(void **state)
{
    static const char *const script[] = {
        "C:NOOP\r\n", "S:421 4.3.2 closing", "E:", NULL };
    struct peer peer;
    struct reply reply;
    struct error err;
    struct session *session = start(&peer, script);

    (void)state;
    reply_init(&reply);
    assert_true(session_ask(session, &reply, &err, "NOOP"));
    assert_int_equal(reply.code, 421);
    assert_false(session_usable(session));
    reply_free(&reply);
    session_close(session);
    assert_true(peer_end(&peer));
}

static void waits_no_longer_than_asked(void **state)
{
    static const char *const script[] = { "C:NOOP\r\n", "s:250-", "E:", NULL };
    struct peer peer;
    struct reply reply;
    struct error err;
    struct session *session = start(&peer, script);
    int64_t began = clock_now();

    (void)state;
    reply_init(&reply);
    assert_true(session_command(session, &err, "NOOP"));
    assert_false(session_reply(session, &reply, 200, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_true(text_starts(err.text, "mx.example: "));
    assert_true(clock_now() - began >= 200 && clock_now() - began < 2500);
    assert_false(session_usable(session));
    reply_free(&reply);
    session_close(session);
    assert_true(peer_end(&peer));
}

static void waits_for_the_end_two_seconds_at_most(void **state)
{
    static const char *const script[] = { "C:QUIT\r\n", "E:", NULL };
    struct peer peer;
    struct session *session = start(&peer, script);
    int64_t began = clock_now();

    (void)state;
    session_close(session);
    assert_true(clock_now() - began < 2900);
    assert_true(peer_end(&peer));
}

static void shows_no_secret(void **state)
{
    static const char *const script[] = {
        "C:AUTH PLAIN c2VjcmV0\r\n", "S:535 what is c2VjcmV0?",
        "C:QUIT\r\n", "S:221 bye", NULL };
    struct peer peer;
    struct reply reply;
    struct error err;
    struct session *session = start(&peer, script);
    struct buf line;

    (void)state;
    buf_init(&line, SIZE_MAX);
    buf_add_text(&line, "AUTH PLAIN c2VjcmV0");
    reply_init(&reply);
    assert_true(session_ask_secret(session, &reply, &line, "AUTH PLAIN ***",
                                   &err));
    buf_free(&line);
    assert_string_equal(reply.text.data, "what is ***?");
    assert_non_null(strstr(peer.trace.data, "> AUTH PLAIN ***\n"
                           "< 535 what is ***?\n"));
    assert_null(strstr(peer.trace.data, "c2VjcmV0"));
    reply_free(&reply);
    session_close(session);
    assert_true(peer_end(&peer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_or_says_why),
        cmocka_unit_test(sends_a_flight_at_once),
        cmocka_unit_test(lets_no_line_end_through),
        cmocka_unit_test(notices_a_goodbye_while_idle),
        cmocka_unit_test(a_421_ends_it),
        cmocka_unit_test(waits_no_longer_than_asked),
        cmocka_unit_test(waits_for_the_end_two_seconds_at_most),
        cmocka_unit_test(shows_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
