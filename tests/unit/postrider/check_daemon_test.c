#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "../control/fake_daemon.h"
#include "../in_folder.h"
#include "../spool/spool_fixture.h"
#include "checked.h"
#include "control/protocol.h"
#include "util/strings.h"

#define WAY_OUT "postrider test shows where it fails; " SMARTHOST_WAY_OUT "\n"
#define UP "smarthost a up 1 0 \n"

/* An answer to "status", and all that is found. */
static const struct {
    const char *answer;
    const char *findings;
} statuses[] = {
    { "queued 2\n" UP, "t: ok: it runs\n" },
    { "queued 0\nsmarthost a down 0 0 no route\n",
      "t: warning: smarthost a is down: no route; " WAY_OUT },
    { "queued 1\nsmarthost a down 0 0 no route\n",
      "t: error: smarthost a is down: no route; " WAY_OUT },
    { "queued 0\nsmarthost a parked 0 0 bad password\n",
      "t: error: smarthost a is parked: bad password; " WAY_OUT },
    { "queued 0\nrefused 11 20 550 no\n" UP,
      "t: error: smarthost a: 11 of the last 20 messages were refused: 550 no; "
      "postrider test shows the dialogue\n" },
    { "queued 0\nrefused 10 20 550 no\n" UP, "t: ok: it runs\n" },
    { "queued 0\nrefused 1 1 550 no\n" UP "smarthost b up 0 0 \n",
      "t: error: smarthost a: 1 of the last 1 messages was refused: 550 no; "
      "postrider test shows the dialogue\n" },
    { "queued 0\ntrouble drop newer 2 of version 9\n" UP,
      "t: error: 2 messages in drop cannot be read: of version 9\n" },
    /* Other checks look at these. */
    { "queued 0\ntrouble failed given-up 1 x\n"
      "trouble drop refused 1 x\n" UP, "t: ok: it runs\n" },
    { "later 7\nodd\n" UP, "t: ok: it runs\n" },
    { "error not for you\n", "t: error: not for you\n" },
};

static struct config *config_at(const char *control)
{
    struct config *config = checked_config("");

    free(config->control);
    config->control = alloc_string(control);
    return config;
}

static void finds_what_the_daemon_reports(void **state)
{
    struct config *config = config_at("control");

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const struct exchange exchanges[] = {
            { "status", statuses[i].answer }, { NULL, NULL },
        };
        struct fake_daemon fake = fake_daemon_start("control", exchanges);
        char *findings = checked(config, check_daemon, true);
        assert_true(fake_daemon_end(&fake));
        if (strcmp(findings, statuses[i].findings) != 0)
            fail_msg("row %zu:\n%s  is not\n%s", i, findings,
                     statuses[i].findings);
        free(findings);
    }
    config_free(config);
}

/* What waits is counted by those who can see it. */
static const struct {
    bool all_seen;
    unsigned messages;
    const char *what;
} absences[] = {
    { true, 0, "mail is kept, and not delivered; " },
    { true, 1, "1 message is not delivered; " },
    { true, 2, "2 messages are not delivered; " },
    { false, 2, "mail is kept, and not delivered; " },
};

static void counts_what_waits_without_a_daemon(void **state)
{
    struct fixture fixture;
    char id[RANDOM_ID_LENGTH + 1];

    (void)state;
    fixture_open(&fixture);
    struct config *config = config_at("/nowhere/control");
    free(config->spool);
    config->spool = alloc_string(fixture.path);
    for (size_t i = 0; i < COUNT(absences); i++) {
        fixture_empty(&fixture);
        for (unsigned k = 0; k < absences[i].messages; k++)
            fixture_drop(&fixture, id);
        char *findings = checked(config, check_daemon, absences[i].all_seen);
        assert_true(text_starts(findings, "t: error: no daemon listens at "
                                          "/nowhere/control: "));
        if (strstr(findings, absences[i].what) == NULL)
            fail_msg("row %zu: %s", i, findings);
        assert_non_null(strstr(findings, "; systemctl start postrider"));
        free(findings);
    }
    fixture_close(&fixture);
    config_free(config);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* On a port of the kernel's choice. */
static int listen_tcp(unsigned *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void assert_socket(const char *name, const char *format)
{
    struct config *config = checked_config("");
    char *wanted = alloc_format("t: %s", format);

    strings_free(&config->listen);
    strings_add(&config->listen, name);
    char *findings = checked(config, check_sockets, true);
    if (!text_starts(findings, wanted))
        fail_msg("%s  is not %s", findings, wanted);
    free(findings);
    free(wanted);
    config_free(config);
}

static void clients_can_reach_the_sockets(void **state)
{
    char *here = getcwd(NULL, 0);
    char *path = alloc_format("%s/socket", here);
    unsigned port;

    (void)state;
    assert_socket(path, "warning: ");
    checked_write(path, "", 0666);
    assert_socket(path, "error: ");
    unlink(path);
    int fd = listen_unix(path);
    assert_int_equal(chmod(path, 0666), 0);
    assert_socket(path, "ok: ");
    assert_int_equal(chmod(path, 0664), 0);
    assert_socket(path, "warning: ");
    close(fd);

    fd = listen_tcp(&port);
    char *address = alloc_format("127.0.0.1:%u", port);
    char *ok = alloc_format("ok: %s\n", address);
    assert_socket(address, ok);
    close(fd);
    assert_socket(address, "warning: 127.0.0.1:");
    free(ok);
    free(address);
    free(path);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(finds_what_the_daemon_reports),
        cmocka_unit_test(counts_what_waits_without_a_daemon),
        IN_FOLDER(clients_can_reach_the_sockets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
