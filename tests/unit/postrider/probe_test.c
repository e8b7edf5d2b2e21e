#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../configured.h"
#include "config/config.h"
#include "postrider/probe.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

/* What the smarthost hears, and what it says then; the first is its greeting.
 * The end is a row of NULL. */
struct turn {
    const char *heard;          /* a line's beginning */
    const char *said;
};

#define TURNS 9
#define GREETING { "", "220 mx.example ESMTP\r\n" }
#define EHLO "250-mx.example\r\n250 SIZE 1000\r\n"

static bool hear(int fd, const char *wanted)
{
    char line[1024];
    size_t length = 0;

    while (length < sizeof line && io_read(fd, line + length, 1) == 1 &&
           line[length] != '\n')
        length++;
    return length >= strlen(wanted) &&
           memcmp(line, wanted, strlen(wanted)) == 0;
}

static bool play(int fd, const struct turn *turns)
{
    bool right = true;

    for (; right && turns->said != NULL; turns++)
        right = (*turns->heard == '\0' || hear(fd, turns->heard)) &&
                io_write_all(fd, turns->said, strlen(turns->said));
    return right;
}

static pid_t smarthost_start(const struct turn *turns, unsigned *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size),
                     0);
    *port = ntohs(address.sin_port);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        _exit(!play(accept(listener, NULL, NULL), turns));
    }
    assert_int_not_equal(pid, -1);
    close(listener);
    return pid;
}

static struct config *make_config(unsigned port, const char *settings)
{
    char *text = alloc_format(
        "domain = \"example.com\"\nhostname = \"web1.example.com\"\n%s\n"
        "smarthost \"main\" {\nhost = \"127.0.0.1\"\nport = %u\ntls = none\n}\n"
        "sender \"*\" {\naddress = \"ann@example.com\"\n}\n",
        settings, port);
    struct config *config = configured(text);

    free(text);
    return config;
}

/* The lines that do not depend on time and port. */
static char *without_times(const char *text, unsigned port)
{
    char *number = alloc_format("%u", port);
    struct buf lines;

    buf_init(&lines, SIZE_MAX);
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *line = alloc_bytes(text, length);
        char *time = strstr(line, " ms  ");
        char *start = time != NULL ? time + 5 : line;
        char *seen = strstr(start, number);
        if (strstr(line, ": ok, ") == NULL && seen != NULL)
            buf_add_format(&lines, "%.*sPORT%s\n", (int)(seen - start), start,
                           seen + strlen(number));
        else if (strstr(line, ": ok, ") == NULL)
            buf_add_format(&lines, "%s\n", start);
        free(line);
        text += length + (text[length] == '\n');
    }
    free(number);
    return buf_take(&lines);
}

struct probed {
    bool done;
    struct error err;
    struct probe_findings findings;
    char *out;
};

static struct probed probe(const struct turn *turns, const char *settings,
                           const struct probe_task *wanted)
{
    struct probed probed = { 0 };
    struct probe_task task = *wanted;
    char *text = NULL;
    size_t length;
    unsigned port;
    int status;
    pid_t pid = smarthost_start(turns, &port);
    struct config *config = make_config(port, settings);

    task.out = open_memstream(&text, &length);
    probed.done = probe_smarthost(config, &config->smarthosts[0], &task,
                                  &probed.findings, &probed.err);
    fclose(task.out);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    probed.out = without_times(text, port);
    if (status != 0)
        fail_msg("another dialogue than that: %s%s", probed.out,
                 probed.err.text);
    free(text);
    config_free(config);
    return probed;
}

static const struct {
    bool is_brief;
    const char *out;
} dialogues[] = {
    { false,
      "smarthost main: 127.0.0.1 port PORT, no TLS, no user\n"
      "127.0.0.1 has the address 127.0.0.1\n"
      "connected to 127.0.0.1[127.0.0.1]:PORT\n"
      "greeting: 220 mx.example ESMTP\n"
      "EHLO web1.example.com: 250 mx.example SIZE 1000\n"
      "MAIL FROM:<ann@example.com>: 250 ok\n"
      "RSET: 250 ok\n"
      "MAIL FROM:<>: 250 ok\n"
      "RSET: 250 ok\n"
      "QUIT: 221 bye\n" },
    { true,
      "smarthost main: 127.0.0.1 port PORT, no TLS, no user\n"
      "  connected to 127.0.0.1[127.0.0.1]:PORT\n"
      "  MAIL FROM:<ann@example.com>: 250 ok\n"
      "  MAIL FROM:<>: 250 ok\n" },
};

static void steps_are_shown(void **state)
{
    static const struct turn turns[TURNS] = {
        GREETING, { "EHLO ", EHLO }, { "MAIL ", "250 ok\r\n" },
        { "RSET", "250 ok\r\n" }, { "MAIL FROM:<>", "250 ok\r\n" },
        { "RSET", "250 ok\r\n" }, { "QUIT", "221 bye\r\n" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(dialogues); i++) {
        const struct probe_task task = { .is_brief = dialogues[i].is_brief,
                                         .tries_senders = true };
        struct probed probed = probe(turns, "", &task);
        if (!probed.done || strcmp(probed.out, dialogues[i].out) != 0)
            fail_msg("row %zu: %s%s", i, probed.out, probed.err.text);
        free(probed.out);
    }
}

static const struct {
    struct turn turns[TURNS];
    const char *settings;
    const char *recipient;
    bool refuses_sender, refuses_null;
    uint64_t size_limit;
    const char *mechanisms;
    const char *err;            /* its end; NULL: none */
} found[] = {
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "250 ok\r\n" },
        { "RSET", "250 ok\r\n" }, { "MAIL FROM:<>", "550 5.7.1 no\r\n" },
        { "QUIT", "221 bye\r\n" } },
      "", NULL, false, true, 1000, "", NULL },
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "550 5.7.1 no\r\n" },
        { "QUIT", "221 bye\r\n" } },
      "message_size_limit = 1000", NULL, true, false, 0, "",
      " refuses the sender <ann@example.com>: 550 5.7.1 no" },
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "450 4.7.1 later\r\n" },
        { "QUIT", "221 bye\r\n" } },
      "message_size_limit = 1000", NULL, true, false, 0, "",
      " defers the sender <ann@example.com>: 450 4.7.1 later" },
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "530 5.7.0 log in\r\n" },
        { "QUIT", "221 bye\r\n" } },
      "", NULL, false, false, 1000, "",
      " takes no mail: 127.0.0.1: 530 5.7.0 log in; set tls = starttls "
      "if it wants TLS, and user and password_file if it wants a login" },
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "421 4.3.2 stop\r\n" } },
      "", NULL, false, false, 1000, "",
      " defers the sender <ann@example.com>: 421 4.3.2 stop" },
    { { GREETING, { "EHLO ", "250-mx\r\n250 AUTH PLAIN LOGIN\r\n" },
        { "MAIL ", "550 5.7.1 no\r\n" }, { "QUIT", "221 bye\r\n" } },
      "", NULL, false, false, 0, "PLAIN LOGIN",
      " refuses the sender <ann@example.com>: 550 5.7.1 no" },
    { { { "", "554 5.3.2 no\r\n" } },
      "", NULL, false, false, 0, "",
      "smarthost main: 127.0.0.1: greeting: 554 5.3.2 no; its reply has "
      "the reason; try again later" },
    { { GREETING, { "EHLO ", EHLO }, { "MAIL ", "250 ok\r\n" },
        { "RSET", "250 ok\r\n" }, { "MAIL FROM:<>", "250 ok\r\n" },
        { "RSET", "250 ok\r\n" }, { "MAIL ", "250 ok\r\n" },
        { "RCPT TO:<b@example.org>", "550 5.1.1 unknown\r\n" } },
      "message_size_limit = 1000", "b@example.org", false, false, 0, "",
      " refuses the recipient <b@example.org>: 550 5.1.1 unknown; check "
      "the address" },
};

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return end == NULL ? length == 0
                       : length >= strlen(end) &&
                         strcmp(text + length - strlen(end), end) == 0;
}

/* A sender is refused only if a login would not have helped. */
static void a_session_comes_to_what_was_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(found); i++) {
        const struct probe_task task = { .is_brief = true,
                                         .tries_senders = true,
                                         .recipient = found[i].recipient };
        struct probed probed = probe(found[i].turns, found[i].settings, &task);
        const struct probe_findings *findings = &probed.findings;
        if (probed.done != (found[i].err == NULL) ||
            !ends_with(probed.err.text, found[i].err) ||
            findings->refuses_sender != found[i].refuses_sender ||
            findings->refuses_null != found[i].refuses_null ||
            findings->size_limit != found[i].size_limit ||
            strcmp(findings->mechanisms, found[i].mechanisms) != 0)
            fail_msg("row %zu: %d %d %s", i, findings->refuses_sender,
                     findings->refuses_null, probed.err.text);
        free(probed.out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_shown),
        cmocka_unit_test(a_session_comes_to_what_was_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
