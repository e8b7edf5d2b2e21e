#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/unix_socket.h"

/* How the next calls fail, one errno after the other; 0: no more. */
static const int *failures;

static bool fails(void)
{
    if (failures == NULL || *failures == 0)
        return false;
    errno = *failures++;
    return true;
}

/* In the place of those of the C library. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails() ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return fails() ? -1 : syscall(SYS_recvmsg, fd, message, flags);
}

static void open_pair(int *ends)
{
    failures = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
                                SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(const int *ends)
{
    close(ends[0]);
    close(ends[1]);
}

static void passes_descriptors(void **state)
{
    const int standard[] = { 0, 1, 2 };
    struct passed passed = { .wanted = 2 };
    int ends[2];
    char data[8];

    (void)state;
    open_pair(ends);
    assert_true(pass_send(ends[0], "here", 4, standard, 3));
    int before = dup(0);
    close(before);
    assert_int_equal(pass_receive(ends[1], data, sizeof data, &passed), 4);
    assert_memory_equal(data, "here", 4);
    assert_int_equal(passed.count, 2);
    for (size_t i = 0; i < passed.count; i++) {
        assert_int_equal(fcntl(passed.fds[i], F_GETFD), FD_CLOEXEC);
        close(passed.fds[i]);
    }
    int after = dup(0);         /* the third one was closed */
    close(after);
    assert_int_equal(after, before);
    close_pair(ends);
}

static void outlasts_a_shortage(void **state)
{
    static const int passing[] = { ENOBUFS, EINTR, ENOMEM, 0 };
    int ends[2];
    char data[8];

    (void)state;
    open_pair(ends);
    failures = passing;
    assert_true(pass_send(ends[0], "here", 4, NULL, 0));
    failures = passing;
    assert_int_equal(pass_receive(ends[1], data, sizeof data, NULL), 4);
    close_pair(ends);
}

static void waits_for_nothing_else(void **state)
{
    static const int full[] = { EAGAIN, 0 };
    int ends[2];
    char data[8];

    (void)state;
    open_pair(ends);
    failures = full;
    assert_false(pass_send(ends[0], "here", 4, NULL, 0));
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(pass_receive(ends[1], data, sizeof data, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close_pair(ends);
}

static void tells_that_the_peer_is_gone(void **state)
{
    int ends[2];
    char data[8];

    (void)state;
    open_pair(ends);
    assert_true(pass_send(ends[1], "unread", 6, NULL, 0));
    close(ends[0]);             /* which makes ECONNRESET of it */
    assert_int_equal(pass_receive(ends[1], data, sizeof data, NULL), 0);
    assert_false(pass_send(ends[1], "here", 4, NULL, 0));
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
}

/* A worker that leaves has often not read the last jobs. */
static void hears_the_last_words_of_who_left_something_unread(void **state)
{
    int ends[2];
    char data[8];

    (void)state;
    open_pair(ends);
    assert_true(pass_send(ends[0], "job", 3, NULL, 0));
    assert_true(pass_send(ends[1], "closed", 6, NULL, 0));
    close(ends[1]);
    assert_int_equal(pass_receive(ends[0], data, sizeof data, NULL), 6);
    assert_memory_equal(data, "closed", 6);
    assert_int_equal(pass_receive(ends[0], data, sizeof data, NULL), 0);
    close(ends[0]);
}

static void knows_who_connects(void **state)
{
    char path[64];
    struct sockaddr_un address;
    socklen_t length;
    uid_t uid = (uid_t)-1;

    (void)state;
    snprintf(path, sizeof path, "@unix_socket_test.%ld", (long)getpid());
    assert_true(unix_socket_address(path, &address, &length));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(unix_socket_connect(path, SOCK_STREAM, 1), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    int client = unix_socket_connect(path, SOCK_STREAM, 1);
    assert_int_not_equal(client, -1);
    int server = accept(listener, NULL, NULL);
    assert_true(unix_socket_peer(server, &uid));
    assert_int_equal(uid, geteuid());
    close(server);
    close(client);
    close(listener);
    assert_false(unix_socket_peer(STDIN_FILENO, &uid));
}

static void refuses_long_paths(void **state)
{
    char path[200] = "";
    struct sockaddr_un address;
    socklen_t length;

    (void)state;
    memset(path, 'a', unix_socket_path_max());
    assert_true(unix_socket_address(path, &address, &length));
    assert_int_equal(address.sun_path[unix_socket_path_max()], 0);
    path[strlen(path)] = 'a';
    assert_int_equal(unix_socket_connect(path, SOCK_STREAM, 0), -1);
    assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_who_connects),
        cmocka_unit_test(refuses_long_paths),
        cmocka_unit_test(passes_descriptors),
        cmocka_unit_test(outlasts_a_shortage),
        cmocka_unit_test(waits_for_nothing_else),
        cmocka_unit_test(tells_that_the_peer_is_gone),
        cmocka_unit_test(hears_the_last_words_of_who_left_something_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
