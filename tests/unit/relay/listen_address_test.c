/* Sockets to listen on: which are kept, bound, replaced or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../in_folder.h"
#include "relay/listen_address.h"
#include "util/io.h"
#include "util/text.h"
#include "util/unix_socket.h"

/* --- TCP sockets. --- */

/* A port of the loopback interface that was free, and is held by the socket. */
static char *bound_address(int *fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(*fd, 1), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &length),
                     0);
    return alloc_format("127.0.0.1:%u", ntohs(address.sin_port));
}

static char *free_address(void)
{
    int fd;
    char *address = bound_address(&fd);

    close(fd);
    return address;
}

static void refuses_what_is_not_an_address(void **state)
{
    static const char *const texts[] = {
        "", "127.0.0.1", "localhost:25", "127.0.0.1:smtp", "[::1]",
    };
    struct sockets *sockets = sockets_new();
    struct error err;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        int fd = sockets_take(sockets, texts[i], &err);
        if (fd != -1 || err.fault != FAULT_CONFIG)
            fail_msg("%s", texts[i]);
    }
    sockets_free(sockets);
}

/* The one that is bound now serves for all that ask for it. */
static void binds_an_address_once(void **state)
{
    struct sockets *sockets = sockets_new();
    char *address = free_address();
    struct error err;

    (void)state;
    int one = sockets_take(sockets, address, &err);
    int other = sockets_take(sockets, address, &err);
    assert_int_not_equal(one, -1);
    assert_int_not_equal(other, -1);
    assert_int_not_equal(one, other);
    assert_true((fcntl(one, F_GETFL) & O_NONBLOCK) != 0);
    close(one);
    close(other);
    sockets_free(sockets);
    free(address);
}

static void reports_a_port_that_is_in_use(void **state)
{
    struct sockets *sockets = sockets_new();
    struct error err;
    int fd;
    char *address = bound_address(&fd);

    (void)state;
    assert_int_equal(sockets_take(sockets, address, &err), -1);
    assert_int_equal(err.fault, FAULT_CREATE);
    assert_non_null(strstr(err.remedy, "another program listens there"));
    close(fd);
    sockets_free(sockets);
    free(address);
}

/* With another configuration: those that it names stay, the rest is closed. */
static void keeps_what_is_named_still(void **state)
{
    struct sockets *sockets = sockets_new();
    struct strings addresses = { 0 };
    char *kept = free_address(), *closed = free_address();
    struct error err;

    (void)state;
    int one = sockets_take(sockets, kept, &err);
    int other = sockets_take(sockets, closed, &err);
    close(one);
    close(other);
    strings_add(&addresses, "/run/postrider/submit");
    strings_add(&addresses, kept);
    sockets_prepare(sockets, &addresses);
    /* A socket of ours is there still; the other address is free. */
    struct sockets *others = sockets_new();
    assert_int_equal(sockets_take(others, kept, &err), -1);
    int again = sockets_take(others, closed, &err);
    assert_int_not_equal(again, -1);
    close(again);
    sockets_free(others);
    strings_free(&addresses);
    sockets_free(sockets);
    free(kept);
    free(closed);
}

/* --- Unix sockets. --- */

enum there { NOTHING, FILE_THERE, DEAD_SOCKET, LIVE_SOCKET, NO_FOLDER };

static const struct {
    enum there there;
    bool listens;
    enum fault fault;           /* if it does not */
    bool served;                /* before */
} places[] = {
    { NOTHING,     true,  FAULT_NONE,   false },
    { NO_FOLDER,   true,  FAULT_NONE,   false },    /* is made */
    { DEAD_SOCKET, true,  FAULT_NONE,   false },    /* is replaced */
    { LIVE_SOCKET, false, FAULT_CONFIG, true },
    { FILE_THERE,  false, FAULT_CONFIG, false },
};

static int put(enum there there, const char *path)
{
    struct error err;
    int fd = -1;

    if (there == FILE_THERE) {
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_int_not_equal(fd, -1);
        io_close(&fd);
    } else if (there == LIVE_SOCKET || there == DEAD_SOCKET) {
        fd = listen_local(path, 0600, &err);
        assert_int_not_equal(fd, -1);
    }
    if (there == DEAD_SOCKET)
        io_close(&fd);
    return fd;
}

static void listens_where_no_other_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const char *path = places[i].there == NO_FOLDER ? "folder/socket"
                                                        : "socket";
        struct stat status;
        struct error err;
        int there = put(places[i].there, path);
        assert_int_equal(listen_is_served(path), places[i].served);
        int fd = listen_local(path, 0660, &err);
        if ((fd != -1) != places[i].listens ||
            (fd == -1 && err.fault != places[i].fault))
            fail_msg("row %zu", i);
        if (fd != -1) {
            assert_true(listen_is_served(path));
            assert_int_equal(stat(path, &status), 0);
            assert_int_equal(status.st_mode & 0777, 0660);
        }
        io_close(&there);
        io_close(&fd);
        unlink(path);
    }
}

static void refuses_a_path_that_cannot_be(void **state)
{
    char path[300];
    struct error err;

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(listen_local(path, 0600, &err), -1);
    assert_int_equal(err.fault, FAULT_CONFIG);
    assert_int_equal(listen_local("no/such/folder/socket", 0600, &err), -1);
    assert_int_equal(err.fault, FAULT_CREATE);
}

static void removes_its_socket_and_nothing_else(void **state)
{
    struct error err;

    (void)state;
    int fd = listen_local("socket", 0600, &err);
    assert_int_not_equal(fd, -1);
    listen_remove("socket");
    assert_int_equal(access("socket", F_OK), -1);
    io_close(&fd);
    put(FILE_THERE, "file");
    listen_remove("file");
    assert_int_equal(access("file", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_an_address),
        cmocka_unit_test(binds_an_address_once),
        cmocka_unit_test(reports_a_port_that_is_in_use),
        cmocka_unit_test(keeps_what_is_named_still),
        IN_FOLDER(listens_where_no_other_does),
        IN_FOLDER(refuses_a_path_that_cannot_be),
        IN_FOLDER(removes_its_socket_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
