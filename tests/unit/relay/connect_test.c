/* From the section of a smarthost to its addresses, and failures before there
 * is a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "relay/connect.h"
#include "util/alloc.h"
#include "util/clock.h"
#include "util/strings.h"
#include "util/text.h"

static char empty[] = "", automatic[] = "auto", name[] = "main";

static struct smarthost make_smarthost(char *host, uint16_t port)
{
    return (struct smarthost){
        .name = name, .host = host, .port = port, .tls = TLS_NONE,
        .tls_ca_file = empty, .tls_fingerprint = empty, .tls_groups = empty,
        .tls_cert_file = empty, .tls_key_file = empty, .auth = automatic,
        .user = empty, .password_file = empty, .password_command = empty,
        .password_credential = empty, .oauth = empty, .source_address = empty,
        .timeout = 10000,
    };
}

/* --- Where it is reached. --- */

static const struct {
    const char *host;
    enum inet_use inet;
    const char *address;        /* NULL: there is none */
} hosts[] = {
    { "127.0.0.1", INET_ANY, "127.0.0.1" },
    { "127.0.0.1", INET_IPV4, "127.0.0.1" },
    { "127.0.0.1", INET_IPV6, NULL },
    { "::1", INET_ANY, "::1" },
    { "[::1]", INET_ANY, "::1" },
    { "::1", INET_IPV4, NULL },
};

static void finds_addresses_of_the_family(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        char *host = alloc_string(hosts[i].host);
        struct smarthost smarthost = make_smarthost(host, 587);
        struct targets targets;
        struct error err = { 0 };
        smarthost.inet = hosts[i].inet;
        bool found = targets_find(&targets, &smarthost, &err);
        if (found != (hosts[i].address != NULL))
            fail_msg("row %zu: %s", i, err.text);
        if (found) {
            assert_int_equal(targets.count, 1);
            assert_string_equal(targets.items[0].name, hosts[i].host);
            assert_int_equal(targets.items[0].port, 587);
            assert_int_equal(targets.items[0].addresses.count, 1);
            assert_string_equal(targets.items[0].addresses.items[0].text,
                                hosts[i].address);
        }
        targets_free(&targets);
        free(host);
    }
}

/* --- Failures before there is a session. --- */

/* A port that takes no connection as long as the socket is open. */
static uint16_t closed_port(int *fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;

    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &length),
                     0);
    return ntohs(address.sin_port);
}

static void names_the_peer_that_could_not_be_reached(void **state)
{
    char host[] = "127.0.0.1", greeting[] = "client.example";
    const struct config config = { .hostname = greeting };
    struct error err;
    int fd;
    struct smarthost smarthost = make_smarthost(host, closed_port(&fd));
    struct connector *connector = connector_new(&config, &smarthost, NULL,
                                                NULL);
    char *peer = alloc_format("127.0.0.1[127.0.0.1]:%u", smarthost.port);

    (void)state;
    assert_string_equal(connector_peer(connector), "none");
    assert_null(connector_open(connector, clock_now() + 10000, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_int_equal(err.reach, REACH_REFUSED);
    assert_string_equal(connector_peer(connector), peer);
    assert_null(connector_refused_token(connector));
    connector_name_others(connector, &err);
    assert_null(strstr(err.text, "other addresses"));
    connector_free(connector);
    close(fd);
    free(peer);
}

/* A password or an authority that is missing: no connection is tried. */
static void connects_with_what_it_needs_alone(void **state)
{
    static char user[] = "u", missing[] = "/nonexistent/file";
    char host[] = "127.0.0.1", greeting[] = "client.example";
    const struct config config = { .hostname = greeting };
    struct smarthost password = make_smarthost(host, 1);
    struct smarthost authority = make_smarthost(host, 1);

    (void)state;
    password.user = user;
    password.password_file = missing;
    authority.tls = TLS_STARTTLS;
    authority.tls_ca_file = missing;
    const struct smarthost *const cases[] = { &password, &authority };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct connector *connector = connector_new(&config, cases[i], NULL,
                                                    NULL);
        struct error err = { 0 };
        assert_null(connector_open(connector, clock_now() + 10000, &err));
        assert_int_equal(err.reach, REACH_NONE);
        assert_non_null(strstr(err.text, missing));
        assert_string_equal(connector_peer(connector), "none");
        assert_int_equal(connector_targets(connector)->count, 0);
        connector_free(connector);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_addresses_of_the_family),
        cmocka_unit_test(names_the_peer_that_could_not_be_reached),
        cmocka_unit_test(connects_with_what_it_needs_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
