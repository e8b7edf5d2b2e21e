#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"

#define INFO (LOG_MAIL | LOG_INFO)

static char path[] = "/tmp/devlog-test-XXXXXX";

/* A log daemon that does not read by itself. */
static int listen_there(int type)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, sizeof path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void expect_line(int fd, const char *end)
{
    char text[512];
    ssize_t length = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

    assert_true(length > 0);
    text[length] = '\0';
    assert_memory_equal(text, "<22>", 4);
    assert_non_null(strstr(text, " test["));
    assert_string_equal(strstr(text, "]: ") + 3, end);
}

static void says_a_line(void **state)
{
    struct devlog log = DEVLOG_INIT(path);
    int fd = listen_there(SOCK_DGRAM);

    (void)state;
    devlog_send(&log, INFO, "test", "one");
    devlog_send(&log, INFO, "test", "two");
    expect_line(fd, "one");
    expect_line(fd, "two");
    close(fd);
    close(log.fd);
}

static void finds_a_daemon_that_was_started_again(void **state)
{
    struct devlog log = DEVLOG_INIT(path);
    int fd = listen_there(SOCK_DGRAM);

    (void)state;
    devlog_send(&log, INFO, "test", "one");
    close(fd);
    devlog_send(&log, INFO, "test", "to nobody");
    fd = listen_there(SOCK_DGRAM);
    devlog_send(&log, INFO, "test", "two");
    expect_line(fd, "lines lost while the log was not read: 1");
    expect_line(fd, "two");
    close(fd);
    close(log.fd);
}

/* A line costs next to nothing then, and none is sent twice. */
static void looks_for_a_daemon_once_a_second(void **state)
{
    struct devlog log = DEVLOG_INIT(path);

    (void)state;
    unlink(path);
    for (int i = 0; i < 3; i++)
        devlog_send(&log, INFO, "test", "to nobody");
    int fd = listen_there(SOCK_DGRAM);
    log.next = clock_now() + 60000;
    devlog_send(&log, INFO, "test", "to nobody");
    assert_int_equal(log.lost, 4);
    log.next = clock_now();
    devlog_send(&log, INFO, "test", "one");
    expect_line(fd, "lines lost while the log was not read: 4");
    expect_line(fd, "one");
    close(fd);
    close(log.fd);
}

static void speaks_to_a_stream(void **state)
{
    struct devlog log = DEVLOG_INIT(path);
    int fd = listen_there(SOCK_STREAM);

    (void)state;
    devlog_send(&log, INFO, "test", "one");
    int connection = accept(fd, NULL, NULL);
    expect_line(connection, "one");
    close(connection);
    close(fd);
    close(log.fd);
}

static void waits_for_no_daemon_that_is_stuck(void **state)
{
    struct devlog log = DEVLOG_INIT(path);
    int fd = listen_there(SOCK_DGRAM);
    int64_t start = clock_now();
    char text[512];

    (void)state;
    for (int i = 0; i < 20000; i++)
        devlog_send(&log, INFO, "test", "much");
    assert_true(log.lost > 0);
    assert_true(clock_now() - start < 20000);   /* once, not each time */
    while (recv(fd, text, sizeof text, MSG_DONTWAIT) > 0)
        ;
    devlog_send(&log, INFO, "test", "again");
    assert_int_equal(log.lost, 0);
    recv(fd, text, sizeof text, MSG_DONTWAIT);
    expect_line(fd, "again");
    close(fd);
    close(log.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_a_line),
        cmocka_unit_test(finds_a_daemon_that_was_started_again),
        cmocka_unit_test(looks_for_a_daemon_once_a_second),
        cmocka_unit_test(speaks_to_a_stream),
        cmocka_unit_test(waits_for_no_daemon_that_is_stuck),
    };
    int fd = mkstemp(path);

    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
