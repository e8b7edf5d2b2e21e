/* A client reads the daemon's answer: the test is the daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../in_folder.h"
#include "control/client.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/text.h"

/* An answer up to its end, and the lines that are handed out of it. */
static const struct {
    const char *answer;
    const char *lines;          /* each ended by ";" */
    enum fault fault;
    const char *text;           /* a part of the error's */
} answers[] = {
    { "", "", FAULT_NONE, "" },
    { "one\ntwo\n", "one;two;", FAULT_NONE, "" },
    { "one\n\ntwo\n", "one;;two;", FAULT_NONE, "" },
    /* a line that is not whole is none */
    { "one\ntw", "one;", FAULT_NONE, "" },
    { "error not permitted\n", "", FAULT_PERMISSION, "not permitted" },
    { "1\nerror 2 not changed\n", "1;", FAULT_PERMISSION, "2 not changed" },
    { "progress 256 1000\none\n", "one;", FAULT_NONE, "" },
    { "again\n", "", FAULT_TEMPORARY, "the daemon stops" },
    { "one\nagain\n", "one;", FAULT_TEMPORARY, "the daemon stops" },
};

static void note_line(void *context, char *line)
{
    buf_add_format(context, "%s;", line);
}

static bool take_answer(const char *answer, size_t length, struct buf *lines,
                        struct error *err)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(io_write_all(ends[0], answer, length));
    close(ends[0]);
    buf_init(lines, SIZE_MAX);
    buf_add_text(lines, "");
    return client_finish(ends[1], 10000, note_line, lines, err);
}

static void knows_refusals_from_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct error err = { 0 };
        struct buf lines;
        bool done = take_answer(answers[i].answer, strlen(answers[i].answer),
                                &lines, &err);
        const char *seen = lines.data == NULL ? "" : lines.data;
        if (done != (answers[i].fault == FAULT_NONE) ||
            (!done && err.fault != answers[i].fault) ||
            strstr(err.text, answers[i].text) == NULL ||
            strcmp(seen, answers[i].lines) != 0)
            fail_msg("row %zu: %s; %s", i, seen, err.text);
        buf_free(&lines);
    }
}

/* All addresses of an envelope may be in one; it comes in parts. */
static void takes_a_long_line(void **state)
{
    const size_t length = 100000;
    char *answer = alloc_zero(length + 1, 1);
    struct error err;
    struct buf lines;

    (void)state;
    memset(answer, 'x', length);
    answer[length] = '\n';
    assert_true(take_answer(answer, length + 1, &lines, &err));
    assert_int_equal(lines.length, length + 1);
    buf_free(&lines);
    free(answer);
}

/* A daemon that hangs. */
static void waits_no_longer_than_its_patience(void **state)
{
    struct error err;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(io_write_all(ends[0], "one\n", 4));
    assert_false(client_finish(ends[1], 1, NULL, NULL, &err));
    assert_int_equal(err.fault, FAULT_TEMPORARY);
    assert_non_null(strstr(err.text, "does not answer"));
    close(ends[0]);
}

static void reports_that_no_daemon_listens(void **state)
{
    char path[300];
    struct error err;

    (void)state;
    assert_int_equal(client_connect("socket", &err), -1);
    assert_int_equal(err.fault, FAULT_UNAVAILABLE);
    assert_string_equal(err.remedy, "start postrider daemon");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(client_connect(path, &err), -1);
    assert_int_equal(err.fault, FAULT_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_refusals_from_lines),
        cmocka_unit_test(takes_a_long_line),
        cmocka_unit_test(waits_no_longer_than_its_patience),
        IN_FOLDER(reports_that_no_daemon_listens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
