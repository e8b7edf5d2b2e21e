#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../in_folder.h"
#include "answered.h"
#include "postrider/config_draft.h"
#include "postrider/setup.h"
#include "util/alloc.h"
#include "util/text.h"

static const char host[] = "127.0.0.1", none[] = "none",
                  output[] = "postrider.conf";

/* A port where no process listens: it is taken, and refuses. */
static int take_port(char *text, size_t size)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(text, size, "%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

struct result {
    bool done;
    struct error err;
    char *shown;
    char *port;                 /* as it ended */
    bool no_test;
};

/* Answers of a person; NULL: there is none. */
static struct result try(const char *lines, bool no_test)
{
    char port[8];
    int fd = take_port(port, sizeof port);
    struct setup setup = {
        .host = alloc_string(host), .port = alloc_string(port),
        .tls = alloc_string(none), .auth = alloc_string(none),
        .output = alloc_string(output), .direct = true, .no_test = no_test,
        .has_person = lines != NULL,
    };
    struct result result = { .done = false };
    struct printed printed = printed_begin(stdout);
    struct answered answered = answered_begin(lines != NULL ? lines : "");

    struct config_draft *draft = setup_try(&setup, &result.err);
    result.shown = answered_end(&answered);
    free(printed_end(&printed));
    result.done = draft != NULL;
    result.no_test = setup.no_test;
    result.port = alloc_string(setup.port);
    config_draft_free(draft);
    setup_free(&setup);
    close(fd);
    return result;
}

static void result_free(struct result *result)
{
    free(result->shown);
    free(result->port);
}

/* A refused connection: it is the port that is wrong most often. */
static const struct {
    const char *lines;
    bool done;
    const char *port;           /* NULL: the same */
    const char *shown;
} people[] = {
    { "nothing\nn\n", false, NULL, "nothing? [port]: " },
    { "nothing\ny\n", true, NULL, "Write the configuration anyway?" },
    { "n\ny\n", true, NULL, "Write the configuration anyway?" },
    { "p\nxyz\nN\ny\n", true, NULL, "[port]: Which answer to change" },
    { "\n1\nnothing\ny\n", true, "1", "Port [587]: " },
    { "PO\n2\nnothing\ny\n", true, "2", "Port [587]: " },
    { "", false, NULL, "Which answer to change: host, port" },
};

static void what_was_wrong_is_typed_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(people); i++) {
        struct result result = try(people[i].lines, false);
        if (result.done != people[i].done ||
            strstr(result.shown, people[i].shown) == NULL)
            fail_msg("row %zu: %s\n%s", i, result.shown, result.err.text);
        if (people[i].port != NULL)
            assert_string_equal(result.port, people[i].port);
        assert_int_equal(result.no_test, people[i].done);
        if (!result.done)
            assert_true(text_starts(result.err.text, "nothing is written"));
        result_free(&result);
    }
}

static void without_a_person_a_failure_ends_it(void **state)
{
    (void)state;
    struct result result = try(NULL, false);
    assert_false(result.done);
    assert_true(text_starts(result.err.text, "nothing is written, the test "
                                             "failed: "));
    assert_int_equal(result.err.fault, FAULT_TEMPORARY);
    result_free(&result);
    result = try(NULL, true);
    assert_true(result.done);
    result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_wrong_is_typed_again),
        IN_FOLDER(without_a_person_a_failure_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
