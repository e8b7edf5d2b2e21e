/* How many connections each user may have, and who is kept out: the test is the
 * launcher, and all clients. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../in_folder.h"
#include "relay/launch.h"
#include "relay/listener.h"
#include "relay/wire.h"
#include "util/io.h"
#include "util/log.h"
#include "util/text.h"
#include "util/unix_socket.h"

enum { FIRST_PID = 500, OTHERS = 90000 };

/* --- The list of them. --- */

static void counts_servers_by_client(void **state)
{
    struct servers servers = { 0 };

    (void)state;
    for (int i = 0; i < SERVERS_MAX + 1; i++)
        servers_add(&servers, FIRST_PID + i, i % 3 == 0 ? 7 : 8);
    assert_int_equal(servers.count, SERVERS_MAX);
    assert_int_equal(servers_of(&servers, 7), 34);
    assert_int_equal(servers_of(&servers, 9), 0);
    assert_false(servers_remove(&servers, FIRST_PID + SERVERS_MAX));
    assert_true(servers_remove(&servers, FIRST_PID));
    assert_false(servers_remove(&servers, FIRST_PID));
    assert_int_equal(servers_of(&servers, 7), 33);
    assert_int_equal(servers_of(&servers, 8), 66);
}

/* --- Another connection. --- */

struct subject {
    int launcher;               /* our end */
    struct launch *launch;
    struct strings addresses;
    struct listener *listener;
    int socket;                 /* that it listens on */
};

static void note_socket(void *context, int fd, short events)
{
    (void)events;
    *(int *)context = fd;
}

/* A listener whose servers run already: so many of us, and of others, each of
 * whom has one. */
static void start(struct subject *subject, size_t ours, size_t others)
{
    char folder[4096];
    struct servers servers = { 0 };
    struct error err;
    int ends[2];

    for (size_t i = 0; i < ours; i++)
        servers_add(&servers, FIRST_PID + (pid_t)i, geteuid());
    for (size_t i = 0; i < others; i++)
        servers_add(&servers, FIRST_PID + (pid_t)(ours + i),
                    OTHERS + (uid_t)i);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
                                ends), 0);
    *subject = (struct subject){ .launcher = ends[0],
                                 .launch = launch_new(ends[1]) };
    assert_non_null(getcwd(folder, sizeof folder));
    strings_take(&subject->addresses, alloc_format("%s/submit", folder));
    subject->listener = listener_new(&subject->addresses, NULL, &servers,
                                     subject->launch, &err);
    if (subject->listener == NULL)
        fail_msg("%s", err.text);
    listener_each(subject->listener, note_socket, &subject->socket);
}

static void end(struct subject *subject)
{
    listener_free(subject->listener);
    launch_free(subject->launch);
    io_close(&subject->launcher);
    strings_free(&subject->addresses);
}

/* We connect: is the connection served? Then whether it is to hurry. */
static bool is_served(struct subject *subject, bool *impatient)
{
    struct packet answer = wire_packet(WIRE_STARTED), request;
    struct error err;
    char reply[100] = "";

    answer.pid = FIRST_PID + SERVERS_MAX;
    int fd = unix_socket_connect(subject->addresses.items[0], SOCK_STREAM, 5);
    assert_int_not_equal(fd, -1);
    assert_true(wire_send(subject->launcher, &answer, &err));
    listener_handle(subject->listener, subject->socket);
    bool served = wire_receive(subject->launcher, WIRE_MANAGER, &request,
                               &err) == 1;
    if (served) {
        assert_int_equal(request.kind, WIRE_START_SERVER);
        assert_int_equal(request.uid, geteuid());
        *impatient = request.impatient;
        wire_free(&request);
    } else {
        assert_true(io_read(fd, reply, sizeof reply - 1) > 0);
        assert_memory_equal(reply, "421 4.3.2 ", 10);
    }
    close(fd);
    return served;
}

static const struct {
    size_t ours, others;
    bool served;
    bool impatient;             /* it may have to make room soon */
} shares[] = {
    { 0,  0,  true,  false },
    { 24, 0,  true,  false },
    { 25, 0,  false, false },
    { 0,  49, true,  false },
    { 0,  50, true,  true },
    { 0,  99, true,  true },
    { 0,  100, false, false },
    /* no more than are left for the others */
    { 10, 79, true,  true },
    { 10, 80, false, false },
    { 1,  97, true,  true },
    { 1,  98, false, false },
};

static void serves_each_user_as_far_as_there_is_room(void **state)
{
    struct subject subject;

    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        bool impatient = false;
        start(&subject, shares[i].ours, shares[i].others);
        if (is_served(&subject, &impatient) != shares[i].served ||
            impatient != shares[i].impatient)
            fail_msg("row %zu", i);
        end(&subject);
    }
}

static void serves_again_when_one_has_ended(void **state)
{
    struct subject subject;
    bool impatient;

    (void)state;
    start(&subject, 25, 0);
    assert_false(listener_reap(subject.listener, FIRST_PID + 25, 0));
    assert_true(listener_reap(subject.listener, FIRST_PID, 0));
    assert_true(is_served(&subject, &impatient));
    assert_true(listener_reap(subject.listener, FIRST_PID + SERVERS_MAX, 0));
    end(&subject);
}

static void counts_none_that_could_not_be_started(void **state)
{
    struct packet answer = wire_packet(WIRE_STARTED), request;
    struct subject subject;
    struct error err;
    bool impatient;

    (void)state;
    start(&subject, 24, 0);
    int fd = unix_socket_connect(subject.addresses.items[0], SOCK_STREAM, 5);
    answer.value = EAGAIN;
    assert_true(wire_send(subject.launcher, &answer, &err));
    listener_handle(subject.listener, subject.socket);
    assert_int_equal(wire_receive(subject.launcher, WIRE_MANAGER, &request,
                                  &err), 1);
    wire_free(&request);
    close(fd);
    assert_true(is_served(&subject, &impatient));
    end(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_servers_by_client),
        IN_FOLDER(serves_each_user_as_far_as_there_is_room),
        IN_FOLDER(serves_again_when_one_has_ended),
        IN_FOLDER(counts_none_that_could_not_be_started),
    };

    log_open(LOG_OFF, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
