/* The manager's requests, and the launcher's answers: the test is the
 * launcher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/launch.h"
#include "util/io.h"
#include "util/text.h"

struct subject {
    int launcher;
    struct launch *launch;
};

static int set_up(void **state)
{
    static struct subject subject;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                ends), 0);
    subject = (struct subject){ ends[0], launch_new(ends[1]) };
    *state = &subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    launch_free(subject->launch);
    io_close(&subject->launcher);
    return 0;
}

static void answer(struct subject *subject, enum wire_kind kind, pid_t pid,
                   int value)
{
    struct packet packet = wire_packet(kind);
    struct error err;

    packet.pid = pid;
    packet.value = value;
    assert_true(wire_send(subject->launcher, &packet, &err));
}

static pid_t start_worker(struct subject *subject, struct error *err)
{
    return launch_worker(subject->launch, 0, STDERR_FILENO, STDERR_FILENO, err);
}

/* An end that is reported before the answer is kept for later, in order. */
static void keeps_ends_that_come_before_an_answer(void **state)
{
    static const pid_t ended[] = { 11, 12, 13 };
    struct subject *subject = *state;
    struct error err;
    pid_t pid;
    int status;

    answer(subject, WIRE_ENDED, 11, 0);
    answer(subject, WIRE_ENDED, 12, 256);
    answer(subject, WIRE_STARTED, 20, 0);
    answer(subject, WIRE_ENDED, 13, 9);
    assert_int_equal(start_worker(subject, &err), 20);
    for (size_t i = 0; i < COUNT(ended); i++) {
        assert_true(launch_ended(subject->launch, &pid, &status));
        assert_int_equal(pid, ended[i]);
        assert_int_equal(status, i == 0 ? 0 : i == 1 ? 256 : 9);
    }
    assert_false(launch_ended(subject->launch, &pid, &status));
}

static void reports_why_none_was_started(void **state)
{
    struct subject *subject = *state;
    struct error err;

    answer(subject, WIRE_STARTED, 0, EAGAIN);
    assert_int_equal(start_worker(subject, &err), -1);
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_int_equal(err.number, EAGAIN);
    answer(subject, WIRE_STARTED, 0, ENOMEM);
    assert_int_equal(launch_server(subject->launch, STDERR_FILENO, 7, true,
                                   &err), -1);
    assert_int_equal(err.number, ENOMEM);
}

/* It does not wait for an answer that will not come. */
static void starts_none_without_a_launcher(void **state)
{
    struct subject *subject = *state;
    struct error err;
    pid_t pid;
    int status;

    io_close(&subject->launcher);
    assert_int_equal(start_worker(subject, &err), -1);
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_false(launch_ended(subject->launch, &pid, &status));
}

/* Each request as the launcher gets it. */
static void asks_for_what_is_needed(void **state)
{
    struct subject *subject = *state;
    struct packet packet;
    struct error err;

    answer(subject, WIRE_STARTED, 20, 0);
    launch_server(subject->launch, STDERR_FILENO, 7, true, &err);
    launch_signal(subject->launch, 20, 15);
    launch_notice(subject->launch, NOTICE_ALIVE, 3, 4, "well");
    launch_reload(subject->launch);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(wire_receive(subject->launcher, WIRE_MANAGER, &packet,
                                      &err), 1);
        switch (packet.kind) {
        case WIRE_START_SERVER:
            assert_int_equal(packet.uid, 7);
            assert_true(packet.impatient);
            break;
        case WIRE_SIGNAL:
            assert_int_equal(packet.pid, 20);
            assert_int_equal(packet.value, 15);
            break;
        case WIRE_NOTICE:
            assert_int_equal(packet.queued, 3);
            assert_int_equal(packet.delivered, 4);
            assert_string_equal(packet.remark, "well");
            break;
        default:
            assert_int_equal(packet.kind, WIRE_RELOAD);
        }
        wire_free(&packet);
    }
}

/* Half of what the service manager waits for, in milliseconds. */
static void sends_notices_as_often_as_its_watchdog_needs(void **state)
{
    static const struct {
        const char *text;
        int64_t interval;
    } cases[] = {
        { NULL, 0 }, { "30000000", 15000 }, { "0", 0 }, { "", 0 },
        { "30s", 0 }, { "-1", 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].text == NULL)
            unsetenv("WATCHDOG_USEC");
        else
            setenv("WATCHDOG_USEC", cases[i].text, 1);
        assert_int_equal(launch_notice_interval(), cases[i].interval);
    }
}

#define ON_SOCKET(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SOCKET(keeps_ends_that_come_before_an_answer),
        ON_SOCKET(reports_why_none_was_started),
        ON_SOCKET(starts_none_without_a_launcher),
        ON_SOCKET(asks_for_what_is_needed),
        cmocka_unit_test(sends_notices_as_often_as_its_watchdog_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
