#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/dial.h"
#include "util/clock.h"
#include "util/text.h"

#include "../in_range.h"

/* A listening socket on a loopback port of its own. */
static int listen_here(uint16_t *port)
{
    struct sockaddr_in here = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    socklen_t size = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&here, &size), 0);
    *port = ntohs(here.sin_port);
    return fd;
}

static void takes_addresses_in_any_form(void **state)
{
    static const struct {
        const char *host;
        enum dial_family family;
        const char *text;               /* "" for no address */
    } cases[] = {
        { "192.0.2.1",      DIAL_ANY,  "192.0.2.1"   },
        { "[192.0.2.1]",    DIAL_ANY,  "192.0.2.1"   },
        { "2001:db8::1",    DIAL_ANY,  "2001:db8::1" },
        { "[2001:db8:0::1]", DIAL_IPV6, "2001:db8::1" },
        { "192.0.2.1",      DIAL_IPV6, "" },
        { "2001:db8::1",    DIAL_IPV4, "" },
        { "[localhost]",    DIAL_ANY,  "" },    /* brackets: an address */
        { "",               DIAL_IPV4, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dial_list list;
        struct error err;
        bool found = dial_resolve(&list, cases[i].host, 25, cases[i].family,
                                  &err);
        if (found != (*cases[i].text != '\0'))
            fail_msg("%s: %s", cases[i].host, found ? "found" : err.text);
        if (found) {
            assert_int_equal(list.count, 1);
            assert_string_equal(list.items[0].text, cases[i].text);
        } else {
            assert_int_equal(err.fault, FAULT_TEMPORARY);
        }
        dial_list_free(&list);
    }
}

static void name_that_does_not_exist_is_temporary(void **state)
{
    struct dial_list list;
    struct error err;

    (void)state;
    assert_false(dial_resolve(&list, "no such\nhost.invalid", 25, DIAL_ANY,
                              &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "look up host no such\\x0ahost.invalid"));
    assert_int_equal(list.count, 0);
    dial_list_free(&list);
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void connects(void **state)
{
    uint16_t port;
    int listener = listen_here(&port);
    struct dial_list list;
    struct error err;

    (void)state;
    assert_true(dial_resolve(&list, "127.0.0.1", port, DIAL_ANY, &err));
    int fd = dial_connect(&list.items[0], "", clock_now() + 5000, &err);
    assert_int_not_equal(fd, -1);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_not_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    /* Some routers forget a connection that is silent for two minutes. */
    assert_int_not_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_in_range(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 1, 100);
    close(fd);

    close(listener);                    /* now nobody listens */
    assert_int_equal(dial_connect(&list.items[0], "", clock_now() + 5000,
                                  &err), -1);
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "connect to 127.0.0.1 port "));
    assert_non_null(strstr(err.text, "refused"));
    dial_list_free(&list);
}

static void gives_up_at_the_deadline(void **state)
{
    uint16_t port;
    int listener = listen_here(&port);
    int fds[8];
    struct dial_list list;
    struct error err;
    size_t i = 0;

    (void)state;
    assert_true(dial_resolve(&list, "127.0.0.1", port, DIAL_ANY, &err));
    int64_t began = clock_now();
    /* A full backlog: the kernel drops further attempts. */
    for (; i < COUNT(fds); i++) {
        fds[i] = dial_connect(&list.items[0], "", clock_now() + 200, &err);
        if (fds[i] == -1)
            break;
    }
    assert_true(i < COUNT(fds));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "timed out"));
    assert_int_in_range(clock_now() - began, 190, 2000);
    while (i > 0)
        close(fds[--i]);
    close(listener);
    dial_list_free(&list);
}

static void leaves_from_the_source_address(void **state)
{
    static const struct {
        const char *source;
        enum fault fault;
    } cases[] = {
        { "127.0.0.9",   FAULT_NONE      },
        { "[127.0.0.9]", FAULT_NONE      },
        { "192.0.2.77",  FAULT_TEMPORARY },     /* not of this host yet */
        { "eth0",        FAULT_CONFIG    },
        { "::1",         FAULT_TEMPORARY },     /* the other family */
    };
    uint16_t port;
    int listener = listen_here(&port);
    struct dial_list list;
    struct error err;

    (void)state;
    assert_true(dial_resolve(&list, "127.0.0.1", port, DIAL_ANY, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        int fd = dial_connect(&list.items[0], cases[i].source,
                              clock_now() + 5000, &err);
        if ((fd != -1) != (cases[i].fault == FAULT_NONE))
            fail_msg("%s: %s", cases[i].source, fd == -1 ? err.text : "well");
        if (fd == -1) {
            assert_int_equal(err.fault, cases[i].fault);
            assert_non_null(strstr(err.text, cases[i].source));
            continue;
        }
        int peer = accept(listener, (struct sockaddr *)&from, &size);
        assert_int_equal(ntohl(from.sin_addr.s_addr), 0x7f000009);
        close(peer);
        close(fd);
    }
    close(listener);
    dial_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses_in_any_form),
        cmocka_unit_test(name_that_does_not_exist_is_temporary),
        cmocka_unit_test(connects),
        cmocka_unit_test(gives_up_at_the_deadline),
        cmocka_unit_test(leaves_from_the_source_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
