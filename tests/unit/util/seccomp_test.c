#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>

#include "restricted.h"
#include "util/seccomp.h"
#include "util/text.h"

#define KILLED (-SIGSYS)

static bool enforce(const void *profile)
{
    struct error err;

    return seccomp_enforce_always(*(const enum seccomp_profile *)profile,
                                  &err);
}

static long map(int protection)
{
    void *memory = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);

    return memory == MAP_FAILED ? -1 : 0;
}

static long map_data(const void *unused)
{
    (void)unused;
    return map(PROT_READ | PROT_WRITE);
}

static long map_code(const void *unused)
{
    (void)unused;
    return map(PROT_READ | PROT_EXEC);
}

static long protect_code(const void *unused)
{
    void *memory = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);

    (void)unused;
    return mprotect(memory, 4096, PROT_EXEC);
}

static long send_and_receive(const void *sockets)
{
    char text[4] = "250";
    struct iovec part = { text, sizeof text };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    const int *ends = sockets;
    struct pollfd waiting = { ends[1], POLLIN, 0 };

    return sendmsg(ends[0], &message, MSG_NOSIGNAL) == 4 &&
           poll(&waiting, 1, 0) == 1 &&
           recv(ends[1], text, sizeof text, 0) == 4 &&
           write(ends[1], text, 4) == 4 && read(ends[0], text, 4) == 4 &&
           shutdown(ends[0], SHUT_WR) == 0 ? 0 : -1;
}

static long open_file(const void *unused)
{
    (void)unused;
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long open_by_old_call(const void *unused)
{
    (void)unused;
#ifdef SYS_open
    return syscall(SYS_open, "/etc/passwd", O_RDONLY);
#else
    return open_file(NULL);
#endif
}

static long remove_file(const void *unused)
{
    (void)unused;
    return unlink("/nonexistent/file");
}

static long ask_for_size(const void *sockets)
{
    const int *ends = sockets;
    struct stat status;

    return fstat(ends[0], &status);
}

static long ask_for_terminal(const void *sockets)
{
    const int *ends = sockets;
    struct termios settings;

    return tcgetattr(ends[0], &settings);
}

static long take_unix_socket(const void *unused)
{
    (void)unused;
    return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static long take_inet_socket(const void *unused)
{
    (void)unused;
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long take_datagram_socket(const void *unused)
{
    (void)unused;
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static long take_sctp_socket(const void *unused)
{
    (void)unused;
    return socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

/* These connect a TCP socket by sending; one of Unix is sent to. */
static long send_fast(const void *sockets)
{
    const int *ends = sockets;

    return sendto(ends[1], "x", 1, MSG_FASTOPEN, NULL, 0) == 1 ? 0 : -1;
}

static long send_message_fast(const void *sockets)
{
    char text[] = { 'x' };
    struct iovec part = { text, sizeof text };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    const int *ends = sockets;

    return sendmsg(ends[1], &message, MSG_FASTOPEN) == 1 ? 0 : -1;
}

static long connect_again(const void *sockets)
{
    const int *ends = sockets;
    const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

    return connect(ends[0], &nowhere, sizeof nowhere);
}

static long listen_there(const void *sockets)
{
    const int *ends = sockets;

    return listen(ends[0], 1);
}

static long start_process(const void *unused)
{
    (void)unused;
    return fork();
}

static long execute(const void *unused)
{
    (void)unused;
    return execl("/bin/true", "true", (char *)NULL);
}

static long change_user(const void *unused)
{
    (void)unused;
    return setuid(getuid());
}

static long signal_parent(const void *unused)
{
    (void)unused;
    return kill(getppid(), 0);
}

static long abort_myself(const void *unused)
{
    (void)unused;
    return raise(SIGABRT);
}

static long signal_thread_of_parent(const void *unused)
{
    (void)unused;
    return syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static long trace_parent(const void *unused)
{
    (void)unused;
    return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL);
}

static long make_namespace(const void *unused)
{
    (void)unused;
    return syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0);
}

static long change_mode(const void *unused)
{
    (void)unused;
    return chmod("/nonexistent/file", 0600);
}

static long change_attribute(const void *unused)
{
    (void)unused;
    return setxattr("/nonexistent/file", "user.x", "", 0, 0);
}

static long handle_signal(const void *unused)
{
    const struct sigaction action = { .sa_handler = SIG_IGN };

    (void)unused;
    return sigaction(SIGUSR1, &action, NULL);
}

static long take_time(const void *unused)
{
    struct timespec now;

    (void)unused;
    return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
}

static long take_random(const void *unused)
{
    char octet;

    (void)unused;
    return syscall(SYS_getrandom, &octet, 1, 0);
}

static long make_call_of_the_future(const void *unused)
{
    (void)unused;
    return syscall(9999);
}

/* Where all calls for sockets are one, its filter cannot see their families,
 * and a worker's call looks like those that its C library may try. */
#ifdef SYS_socketcall
enum { INET_SOCKET = 0, LISTENING = EACCES, UNIX_SOCKET = 0,
       DATAGRAM_SOCKET = 0, FAST = 0 };
#else
enum { INET_SOCKET = KILLED, LISTENING = KILLED, UNIX_SOCKET = EACCES,
       DATAGRAM_SOCKET = EACCES, FAST = EACCES };
#endif

/* musl makes the EPERM of mmap() another one. */
#ifdef __GLIBC__
enum { NO_CODE = EPERM };
#else
enum { NO_CODE = ENOMEM };
#endif

static const struct {
    const char *what;
    long (*attempt)(const void *);
    int results[5];             /* by profile, as of in_restricted_child() */
} cases[] = {
    { "map data",               map_data, { 0, 0, 0, 0, 0 } },
    { "map code",               map_code,
      { KILLED, KILLED, KILLED, NO_CODE, 0 } },
    { "make data code",         protect_code,
      { KILLED, KILLED, KILLED, EPERM, 0 } },
    { "send and receive",       send_and_receive, { 0, 0, 0, 0, 0 } },
    { "take the time",          take_time, { 0, 0, 0, 0, 0 } },
    { "take random octets",     take_random, { 0, 0, 0, 0, 0 } },
    { "handle a signal",        handle_signal, { 0, 0, 0, 0, 0 } },
    { "fstat",                  ask_for_size, { 0, 0, 0, 0, 0 } },
    { "open",                   open_file, { 0, EACCES, 0, 0, 0 } },
    { "open the old way",       open_by_old_call, { 0, EACCES, 0, 0, 0 } },
    { "unlink",                 remove_file,
      { ENOENT, KILLED, ENOENT, EPERM, ENOENT } },
    { "socket(AF_UNIX)",        take_unix_socket,
      { 0, EACCES, EACCES, UNIX_SOCKET, 0 } },
    { "socket(AF_INET)",        take_inet_socket,
      { INET_SOCKET, EACCES, EACCES, 0, 0 } },
    { "socket(SOCK_DGRAM)",     take_datagram_socket,
      { INET_SOCKET, EACCES, EACCES, DATAGRAM_SOCKET, 0 } },
#ifndef SYS_socketcall
    { "socket(IPPROTO_SCTP)",   take_sctp_socket,
      { KILLED, EACCES, EACCES, EACCES, EACCES } },
#endif
    { "sendto(MSG_FASTOPEN)",   send_fast, { FAST, FAST, FAST, FAST, 0 } },
    { "sendmsg(MSG_FASTOPEN)",  send_message_fast,
      { FAST, FAST, FAST, FAST, 0 } },
    { "connect elsewhere",      connect_again,
      { EINVAL, EACCES, EACCES, EINVAL, EINVAL } },
    { "listen",                 listen_there,
      { KILLED, LISTENING, LISTENING, EPERM, EINVAL } },
    { "fork",                   start_process,
      { KILLED, KILLED, KILLED, EPERM, 0 } },
    { "execute",                execute,
      { KILLED, KILLED, KILLED, EPERM, EPERM } },
    { "setuid",                 change_user,
      { KILLED, KILLED, KILLED, EPERM, 0 } },
    { "signal a process",       signal_parent,
      { KILLED, KILLED, KILLED, EPERM, 0 } },
    { "abort",                  abort_myself,
      { -SIGABRT, -SIGABRT, -SIGABRT, -SIGABRT, -SIGABRT } },
    { "signal another thread",  signal_thread_of_parent,
      { KILLED, KILLED, KILLED, EPERM, 0 } },
    { "ask for the terminal",   ask_for_terminal,
      { ENOTTY, ENOTTY, ENOTTY, ENOTTY, ENOTTY } },
    { "a newer call",           make_call_of_the_future,
      { ENOSYS, ENOSYS, ENOSYS, ENOSYS, ENOSYS } },
    { "trace a process",        trace_parent,
      { KILLED, KILLED, KILLED, EPERM, EPERM } },
    { "make a namespace",       make_namespace,
      { KILLED, KILLED, KILLED, EPERM, EACCES } },
    { "change a mode",          change_mode,
      { KILLED, KILLED, KILLED, EPERM, EPERM } },
    { "change an attribute",    change_attribute,
      { KILLED, KILLED, KILLED, EPERM, EPERM } },
};

static void hold(enum seccomp_profile profile)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    if (in_restricted_child(enforce, &profile, take_time, ends) ==
        UNSUPPORTED)
        skip();
    for (size_t i = 0; i < COUNT(cases); i++) {
        int expected = cases[i].results[profile];
        int result = in_restricted_child(enforce, &profile, cases[i].attempt,
                                         ends);
        if (result != expected)
            fail_msg("%s: %d instead of %d", cases[i].what, result, expected);
    }
    close(ends[0]);
    close(ends[1]);
}

static void holds_a_manager(void **state)
{
    (void)state;
    hold(SECCOMP_MANAGER);
}

static void holds_a_worker(void **state)
{
    (void)state;
    hold(SECCOMP_WORKER);
}

static void holds_a_server(void **state)
{
    (void)state;
    hold(SECCOMP_SERVER);
}

static void holds_a_worker_that_opens_its_session(void **state)
{
    (void)state;
    hold(SECCOMP_OPENING);
}

static void holds_a_client(void **state)
{
    (void)state;
    hold(SECCOMP_CLIENT);
}

/* The second filter comes on top of the first one. */
static bool enforce_both(const void *unused)
{
    const enum seccomp_profile opening = SECCOMP_OPENING;
    const enum seccomp_profile worker = SECCOMP_WORKER;

    (void)unused;
    return enforce(&opening) && enforce(&worker);
}

static void holds_a_worker_once_its_session_is_open(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int result = in_restricted_child(enforce_both, NULL, send_and_receive,
                                     ends);
    if (result == UNSUPPORTED)
        skip();
    assert_int_equal(result, 0);
    assert_int_equal(in_restricted_child(enforce_both, NULL, open_file, NULL),
                     EACCES);
    assert_int_equal(in_restricted_child(enforce_both, NULL, start_process,
                                         NULL), KILLED);
    close(ends[0]);
    close(ends[1]);
}

#ifdef __x86_64__
/* fork() by the entry of 32-bit programs, where its number is 2. */
static long call_as_i386(const void *unused)
{
    long result = 2;

    (void)unused;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
    return result;
}
#endif

static void kills_what_comes_by_another_entry(void **state)
{
    (void)state;
#ifdef __x86_64__
    const enum seccomp_profile profile = SECCOMP_MANAGER;
    int result = in_restricted_child(enforce, &profile, call_as_i386, NULL);
    if (result == UNSUPPORTED || result == -SIGSEGV)
        skip();                         /* or the kernel has no such entry */
    assert_int_equal(result, KILLED);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_a_manager),
        cmocka_unit_test(holds_a_worker),
        cmocka_unit_test(holds_a_server),
        cmocka_unit_test(holds_a_worker_that_opens_its_session),
        cmocka_unit_test(holds_a_client),
        cmocka_unit_test(holds_a_worker_once_its_session_is_open),
        cmocka_unit_test(kills_what_comes_by_another_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
