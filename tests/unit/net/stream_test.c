#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/stream.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/text.h"

#include "../in_range.h"

#define LONG 10000              /* milliseconds: not to be reached */

/* The two ends: the stream under test, and the server's descriptor. */
struct ends {
    struct stream *stream;
    int own;                    /* the stream's descriptor */
    int peer;
    struct error err;
    const char *line;
    size_t length;
};

static int open_ends(void **state)
{
    struct ends *ends = alloc_zero(1, sizeof *ends);
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1 ||
        fcntl(fds[0], F_SETFL, O_NONBLOCK) == -1)
        return -1;
    ends->stream = stream_new(fds[0], clock_now() + 2 * LONG);
    ends->own = fds[0];
    ends->peer = fds[1];
    *state = ends;
    return 0;
}

static int close_ends(void **state)
{
    struct ends *ends = *state;

    stream_free(ends->stream);
    if (ends->peer != -1)
        close(ends->peer);
    free(ends);
    return 0;
}

static void say(struct ends *ends, const char *data, size_t length)
{
    assert_int_equal(write(ends->peer, data, length), length);
}

static bool read_within(struct ends *ends, int64_t milliseconds)
{
    return stream_read_line(ends->stream, &ends->line, &ends->length,
                            clock_now() + milliseconds, &ends->err);
}

static void assert_line(struct ends *ends, const char *expected)
{
    if (!read_within(ends, LONG))
        fail_msg("%s: %s", expected, ends->err.text);
    assert_int_equal(ends->length, strlen(expected));
    assert_string_equal(ends->line, expected);
}

/* A child that is the server for a while; wait for it with reap(). */
static pid_t spawn(struct ends *ends)
{
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid == 0)
        close(ends->own);
    return pid;
}

static void reap(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void pause_for(int milliseconds)
{
    poll(NULL, 0, milliseconds);
}

static void reads_lines(void **state)
{
    struct ends *ends = *state;

    say(ends, "220 a\r\n250-b\n\r\n\n250 c\rd\r\n", 25);
    assert_line(ends, "220 a");
    assert_true(stream_line_had_crlf(ends->stream));
    assert_line(ends, "250-b");
    assert_false(stream_line_had_crlf(ends->stream));
    assert_line(ends, "");
    assert_true(stream_line_had_crlf(ends->stream));
    assert_line(ends, "");
    assert_false(stream_line_had_crlf(ends->stream));
    assert_line(ends, "250 c\rd");
    assert_false(stream_has_input(ends->stream));
}

static void takes_any_octet(void **state)
{
    struct ends *ends = *state;

    say(ends, "250 \0\xff\x1b\r\n", 9);
    assert_true(read_within(ends, LONG));
    assert_int_equal(ends->length, 7);
    assert_memory_equal(ends->line, "250 \0\xff\x1b", 8);
}

static void reads_a_line_that_trickles(void **state)
{
    struct ends *ends = *state;
    pid_t pid = spawn(ends);

    if (pid == 0) {
        for (const char *c = "250 slow\r\n"; *c != '\0'; c++) {
            pause_for(5);
            if (write(ends->peer, c, 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    assert_line(ends, "250 slow");
    reap(pid);
}

/* Octets that keep coming do not move the deadline of a line. */
static void trickle_does_not_move_the_deadline(void **state)
{
    struct ends *ends = *state;
    int64_t began = clock_now();
    pid_t pid = spawn(ends);

    if (pid == 0) {
        for (int i = 0; i < 100; i++) {
            pause_for(10);
            if (write(ends->peer, "2", 1) != 1)
                break;
        }
        _exit(0);
    }
    assert_false(read_within(ends, 150));
    assert_int_in_range(clock_now() - began, 140, 600);
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
    assert_string_equal(ends->err.text, "no complete answer within 1 s");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void silence_ends_at_the_deadline(void **state)
{
    struct ends *ends = *state;

    assert_false(read_within(ends, 50));
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
    assert_string_equal(ends->err.text, "no answer within 1 s");

    /* For ever: what comes too late does not count. */
    say(ends, "250 ok\r\n", 8);
    assert_false(read_within(ends, LONG));
    assert_string_equal(ends->err.text, "no answer within 1 s");
    assert_false(stream_flush(ends->stream, LONG, &ends->err));
    assert_false(stream_write(ends->stream, "x", 1, LONG, &ends->err));
    assert_string_equal(ends->err.text, "no answer within 1 s");
}

static void deadline_that_has_passed_counts(void **state)
{
    struct ends *ends = *state;

    say(ends, "250 too late\r\n", 14);
    assert_false(read_within(ends, -1));
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
}

static void the_whole_session_has_a_deadline(void **state)
{
    struct ends *ends = *state;

    int64_t began = clock_now();
    stream_set_deadline(ends->stream, began + 50);
    assert_false(read_within(ends, LONG));
    assert_int_in_range(clock_now() - began, 40, 1000);
    assert_string_equal(ends->err.text, "no answer before the time for the "
                                        "whole session was over");
}

static void says_how_a_connection_ended(void **state)
{
    struct ends *ends = *state;

    say(ends, "250 ok\r\n250 unfini", 18);
    shutdown(ends->peer, SHUT_WR);
    assert_line(ends, "250 ok");
    assert_false(read_within(ends, LONG));
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
    assert_string_equal(ends->err.text,
                        "connection closed by the server within a reply");
}

static void end_between_lines(void **state)
{
    struct ends *ends = *state;

    shutdown(ends->peer, SHUT_WR);
    assert_false(stream_has_input(ends->stream));
    assert_false(read_within(ends, LONG));
    assert_string_equal(ends->err.text, "connection closed by the server");
}

static void long_lines_have_a_limit(void **state)
{
    struct ends *ends = *state;
    char text[STREAM_LINE_MAX + 1];

    memset(text, 'x', sizeof text);
    memcpy(text + STREAM_LINE_MAX - 2, "\r\n", 2);
    say(ends, text, STREAM_LINE_MAX);           /* just short enough */
    assert_true(read_within(ends, LONG));
    assert_int_equal(ends->length, STREAM_LINE_MAX - 2);

    memcpy(text + STREAM_LINE_MAX - 2, "x\r\n", 3);
    say(ends, text, STREAM_LINE_MAX + 1);
    assert_false(read_within(ends, LONG));
    assert_int_equal(ends->err.fault, FAULT_PROTOCOL);
    assert_string_equal(ends->err.text, "the server sent a reply line longer "
                                        "than 4096 octets");
}

static void line_without_end_is_refused_before_the_deadline(void **state)
{
    struct ends *ends = *state;
    char text[STREAM_LINE_MAX];

    memset(text, 'x', sizeof text);
    say(ends, text, sizeof text);
    assert_false(read_within(ends, LONG));
    assert_int_equal(ends->err.fault, FAULT_PROTOCOL);
}

static void input_is_bounded(void **state)
{
    struct ends *ends = *state;
    static const char line[] = "250 again and again and again\r\n";
    const size_t lines = 20000;                 /* 600 KB */
    pid_t pid = spawn(ends);

    if (pid == 0) {
        for (size_t i = 0; i < lines; i++)
            if (write(ends->peer, line, sizeof line - 1) !=
                (ssize_t)sizeof line - 1)
                _exit(1);
        _exit(0);
    }
    for (size_t i = 0; i < lines; i++)
        assert_line(ends, "250 again and again and again");
    reap(pid);
}

static void sends_a_flight_in_one_write(void **state)
{
    struct ends *ends = *state;
    char got[64];

    assert_true(stream_write(ends->stream, "MAIL\r\n", 6, LONG, &ends->err));
    assert_true(stream_write(ends->stream, "RCPT\r\n", 6, LONG, &ends->err));
    assert_int_equal(recv(ends->peer, got, sizeof got, MSG_DONTWAIT), -1);
    assert_true(stream_flush(ends->stream, LONG, &ends->err));
    assert_int_equal(recv(ends->peer, got, sizeof got, MSG_DONTWAIT), 12);
    assert_memory_equal(got, "MAIL\r\nRCPT\r\n", 12);
    assert_true(stream_flush(ends->stream, LONG, &ends->err));
    assert_int_equal(recv(ends->peer, got, sizeof got, MSG_DONTWAIT), -1);
}

/* The end of the data must be whole in one write, or not sent at all. */
static void never_splits_a_short_piece(void **state)
{
    struct ends *ends = *state;
    char *block = alloc_zero(65536, 1);
    size_t got = 0;

    assert_true(stream_write(ends->stream, block, 65534, LONG, &ends->err));
    assert_true(stream_write(ends->stream, "\r\n.\r\n", 5, LONG, &ends->err));
    for (ssize_t n; (n = recv(ends->peer, block, 65536, MSG_DONTWAIT)) > 0;)
        got += (size_t)n;
    assert_int_equal(got, 65534);
    assert_true(stream_flush(ends->stream, LONG, &ends->err));
    assert_int_equal(recv(ends->peer, block, 65536, MSG_DONTWAIT), 5);
    free(block);
}

/* Both sides send a lot before they read: neither may block the other. */
static void takes_replies_in_while_it_writes(void **state)
{
    struct ends *ends = *state;
    const size_t size = 4 * 1024 * 1024, replies = 1500;
    char *block = alloc_zero(size, 1);
    int small = 4096;
    pid_t pid;

    setsockopt(ends->peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    pid = spawn(ends);
    if (pid == 0) {
        for (size_t i = 0; i < replies; i++)    /* 45 KB, unread meanwhile */
            if (write(ends->peer, "250 2.1.5 recipient is well\r\n", 29) !=
                29)
                _exit(1);
        for (size_t got = 0; got < size;) {
            ssize_t n = read(ends->peer, block, size - got);
            if (n <= 0)
                _exit(2);
            for (ssize_t i = 0; i < n; i++)
                if (block[i] != (char)((got + (size_t)i) % 251))
                    _exit(3);
            got += (size_t)n;
        }
        _exit(write(ends->peer, "250 all\r\n", 9) == 9 ? 0 : 4);
    }
    for (size_t i = 0; i < size; i++)
        block[i] = (char)(i % 251);
    /* Sizes that fit the buffer in no way. */
    for (size_t at = 0, part; at < size; at += part) {
        part = size - at < 100001 ? size - at : 100001;
        assert_true(stream_write(ends->stream, block + at, part, LONG,
                                 &ends->err));
    }
    assert_true(stream_flush(ends->stream, LONG, &ends->err));
    for (size_t i = 0; i < replies; i++)
        assert_line(ends, "250 2.1.5 recipient is well");
    assert_line(ends, "250 all");
    reap(pid);
    free(block);
}

static void peer_that_takes_nothing_is_left(void **state)
{
    struct ends *ends = *state;
    const size_t size = 8 * 1024 * 1024;
    char *block = alloc_zero(size, 1);

    int64_t began = clock_now();
    assert_false(stream_write(ends->stream, block, size, 100, &ends->err));
    assert_int_in_range(clock_now() - began, 90, 1000);
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
    assert_string_equal(ends->err.text,
                        "the server did not take our data within 1 s");
    free(block);
}

/* One octet now and then is no progress: a buffer has its time as a whole. */
static void peer_that_takes_little_is_left(void **state)
{
    struct ends *ends = *state;
    const size_t size = 8 * 1024 * 1024;
    char *block = alloc_zero(size, 1);
    pid_t pid = spawn(ends);

    if (pid == 0) {
        char octet[512];
        for (int i = 0; i < 500; i++) {
            pause_for(5);
            if (read(ends->peer, octet, sizeof octet) <= 0 ||
                write(ends->peer, "2", 1) != 1)
                break;
        }
        _exit(0);
    }
    int64_t began = clock_now();
    assert_false(stream_write(ends->stream, block, size, 200, &ends->err));
    assert_int_in_range(clock_now() - began, 190, 1500);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    free(block);
}

static void says_what_the_server_said_last(void **state)
{
    struct ends *ends = *state;

    say(ends, "250 ok\r\n421 4.7.0 too \x1b much\r\n", 30);
    close(ends->peer);
    ends->peer = -1;
    assert_true(stream_write(ends->stream, "DATA\r\n", 6, LONG, &ends->err));
    assert_false(stream_flush(ends->stream, LONG, &ends->err));
    assert_int_equal(ends->err.fault, FAULT_TEMPORARY);
    assert_string_equal(ends->err.text, "connection closed by the server "
                        "after it sent: 421 4.7.0 too \\x1b much");
}

static void sees_what_arrived(void **state)
{
    struct ends *ends = *state;

    assert_false(stream_has_input(ends->stream));
    say(ends, "2", 1);
    assert_true(stream_has_input(ends->stream));
    say(ends, "50 x\r\n220", 9);
    assert_line(ends, "250 x");
    assert_true(stream_has_input(ends->stream));
}

/* CVE-2011-0411: what was said in the clear must not count inside TLS. */
static void early_octets_stop_starttls(void **state)
{
    static const char *const cases[] = { "220 go\r\n250 injected\r\n",
                                         "220 go\r\n\x16" };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ends *ends = *state;
        say(ends, cases[i], strlen(cases[i]));
        assert_line(ends, "220 go");
        assert_false(stream_start_tls(ends->stream, NULL, "a.example",
                                      clock_now() + LONG, &ends->err));
        assert_int_equal(ends->err.fault, FAULT_PROTOCOL);
        assert_string_equal(ends->err.text, "the server sent data before the "
                                            "TLS handshake");
        assert_null(stream_tls(ends->stream));
        assert_false(read_within(ends, LONG));
        assert_int_equal(ends->err.fault, FAULT_PROTOCOL);
        close_ends(state);
        assert_int_equal(open_ends(state), 0);
    }
}

/* The second piece arrives on its own, after the reply was read. */
static void late_injection_stops_starttls(void **state)
{
    struct ends *ends = *state;

    say(ends, "220 go\r\n", 8);
    assert_line(ends, "220 go");
    say(ends, "250 injected\r\n", 14);
    assert_false(stream_start_tls(ends->stream, NULL, "a.example",
                                  clock_now() + LONG, &ends->err));
    assert_int_equal(ends->err.fault, FAULT_PROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_lines),
        TEST(takes_any_octet),
        TEST(reads_a_line_that_trickles),
        TEST(trickle_does_not_move_the_deadline),
        TEST(silence_ends_at_the_deadline),
        TEST(deadline_that_has_passed_counts),
        TEST(the_whole_session_has_a_deadline),
        TEST(says_how_a_connection_ended),
        TEST(end_between_lines),
        TEST(long_lines_have_a_limit),
        TEST(line_without_end_is_refused_before_the_deadline),
        TEST(input_is_bounded),
        TEST(sends_a_flight_in_one_write),
        TEST(never_splits_a_short_piece),
        TEST(takes_replies_in_while_it_writes),
        TEST(peer_that_takes_nothing_is_left),
        TEST(peer_that_takes_little_is_left),
        TEST(says_what_the_server_said_last),
        TEST(sees_what_arrived),
        TEST(early_octets_stop_starttls),
        TEST(late_injection_stops_starttls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
