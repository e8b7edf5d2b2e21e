#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/launch.h"
#include "relay/launcher.h"
#include "relay/listener.h"
#include "relay/wire.h"
#include "util/alloc.h"

#define MORE_THAN_FIT 3000      /* requests, or news, in a socket's buffer */

/* A launcher leaves the stop that it was asked for to what comes after it. */
static void forget_signals(int signals)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof info) > 0)
        continue;
}

/* Run the launcher with a manager that was taken over: its exit status. */
static int launch_for(int (*manager)(int socket))
{
    const struct config config = { 0 };
    struct servers servers = { 0 };
    struct launcher_settings settings = { .config = &config,
                                          .sendmail = "/bin/sh",
                                          .servers = &servers };
    struct error err;
    int ends[2], signals;

    assert_true(launcher_prepare(&signals, &err));
    forget_signals(signals);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
                                ends), 0);
    settings.manager = fork();
    assert_int_not_equal(settings.manager, -1);
    if (settings.manager == 0) {
        close(ends[0]);
        _exit(manager(ends[1]));
    }
    close(ends[1]);
    settings.socket = ends[0];
    int status = launcher_run(&settings, signals);
    close(ends[0]);
    close(signals);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool request(int socket, int connection)
{
    struct packet asked = wire_packet(WIRE_START_SERVER);
    struct error ignored;

    asked.fd = connection;
    return wire_send(socket, &asked, &ignored);
}

/* One that is refused: there is no such smarthost. */
static bool request_in_vain(int socket)
{
    struct packet asked = wire_packet(WIRE_START_WORKER);
    struct error ignored;

    asked.smarthost = 1;
    asked.fd = asked.journal = socket;
    return wire_send(socket, &asked, &ignored);
}

/* It fills both directions, reads nothing, and still is to be stopped. */
static int say_much(int socket)
{
    struct pollfd ready = { .fd = socket, .events = POLLOUT };

    for (int i = 0; i < MORE_THAN_FIT && poll(&ready, 1, 100) == 1; i++)
        request_in_vain(socket);
    kill(getppid(), SIGTERM);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    return sigtimedwait(&stop, NULL, &(struct timespec){ .tv_sec = 10 }) ==
           SIGTERM ? 0 : 1;
}

static void hears_signals_of_who_does_not_listen(void **state)
{
    (void)state;
    assert_int_equal(launch_for(say_much), 0);
}

static int leave(int socket)
{
    close(socket);
    poll(NULL, 0, 300);
    return 0;
}

static int64_t cpu_time(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void waits_in_peace_for_the_end(void **state)
{
    (void)state;
    int64_t before = cpu_time();

    assert_int_equal(launch_for(leave), 0);
    assert_true(cpu_time() - before < 100);
}

/* Does the launcher sleep, until something happens? */
static bool launcher_sleeps(void)
{
    char *path = alloc_format("/proc/%ld/stat", (long)getppid());
    FILE *file = fopen(path, "r");
    char state = '?';

    free(path);
    if (file == NULL || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (file != NULL)
        fclose(file);
    return state == 'S';
}

/* Nothing can be sent to it any more, and nothing will come. */
static int fill_and_shut_down(int socket)
{
    struct pollfd ready = { .fd = socket, .events = POLLOUT };
    int tries = 100;

    for (int i = 0; i < MORE_THAN_FIT && poll(&ready, 1, 100) == 1; i++)
        request_in_vain(socket);
    shutdown(socket, SHUT_RDWR);
    while (!launcher_sleeps() && --tries > 0)
        poll(NULL, 0, 10);
    return tries > 0 ? 0 : 1;
}

static void waits_in_peace_for_who_reads_nothing(void **state)
{
    (void)state;
    assert_int_equal(launch_for(fill_and_shut_down), 0);
}

/* Shells, which live until nobody can write to their standard input. */
static int ask_for_many(int socket)
{
    struct packet news = wire_packet(WIRE_ENDED);
    struct error ignored;
    int ends[2], started = 0;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return 255;
    while (request(socket, ends[0]) &&
           wire_receive(socket, WIRE_LAUNCHER, &news, &ignored) == 1 &&
           news.kind == WIRE_STARTED && news.value == 0)
        started++;
    return news.value == EAGAIN ? started : 255;
}

static void starts_no_more_than_are_wanted(void **state)
{
    (void)state;
    assert_int_equal(launch_for(ask_for_many), SERVERS_MAX);
}

/* It has read its last signal when the one to stop comes. */
static int leave_for_a_reload(int socket)
{
    (void)socket;
    kill(getppid(), SIGTERM);
    return 100;
}

static void keeps_a_stop_that_came_during_a_reload(void **state)
{
    const struct timespec at_once = { 0 };
    sigset_t stop;

    (void)state;
    assert_int_equal(launch_for(leave_for_a_reload), 100);
    assert_true(launcher_is_stopped());
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    assert_int_equal(sigtimedwait(&stop, NULL, &at_once), SIGTERM);
    assert_false(launcher_is_stopped());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hears_signals_of_who_does_not_listen),
        cmocka_unit_test(waits_in_peace_for_the_end),
        cmocka_unit_test(waits_in_peace_for_who_reads_nothing),
        cmocka_unit_test(starts_no_more_than_are_wanted),
        cmocka_unit_test(keeps_a_stop_that_came_during_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
