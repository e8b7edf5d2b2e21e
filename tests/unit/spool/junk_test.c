/* Removed files are logged: a line a second for each owner, by a clock that is
 * set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spool/junk.h"
#include "util/log.h"
#include "util/text.h"

enum { ALICE = 4001, BOB, MANY = 10000, NOW = 1000000, KNOWN = 64 };

/* Reports, and the line that each leads to; "": none. */
static const struct {
    uid_t uid;
    int64_t when;               /* milliseconds */
    const char *line;
} reports[] = {
    { ALICE, 0,    "drop: uid=4001 file: removed: a FIFO\n" },
    { ALICE, 1,    "" },
    { BOB,   2,    "drop: uid=4002 file: removed: a FIFO\n" },
    { ALICE, 999,  "" },
    { ALICE, 1000, "drop: uid=4001 file: removed: a FIFO (and 2 more)\n" },
    { BOB,   1001, "" },
    { ALICE, 2000, "drop: uid=4001 file: removed: a FIFO\n" },
    { BOB,   5000, "drop: uid=4002 file: removed: a FIFO (and 1 more)\n" },
};

/* The line of one report, without what the logger puts before it. */
static void report(struct junk *junk, uid_t uid, int64_t when, char line[200])
{
    FILE *log = tmpfile();
    int before = dup(STDERR_FILENO);

    fflush(stderr);
    dup2(fileno(log), STDERR_FILENO);
    junk_report(junk, uid, "file", "a FIFO", NOW + when);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(log);
    if (fgets(line, 200, log) == NULL)
        *line = '\0';
    fclose(log);
    const char *start = strstr(line, "drop: ");
    if (start != NULL)
        memmove(line, start, strlen(start) + 1);
}

static void logs_a_line_a_second_for_each_owner(void **state)
{
    struct junk *junk = junk_new();
    char line[200];

    (void)state;
    for (size_t i = 0; i < COUNT(reports); i++) {
        report(junk, reports[i].uid, reports[i].when, line);
        if (strcmp(line, reports[i].line) != 0)
            fail_msg("row %zu: %s", i, line);
    }
    junk_free(junk);
}

/* Of more owners than are remembered, the one seen longest ago is forgotten. */
static void remembers_the_last_owners(void **state)
{
    struct junk *junk = junk_new();
    char line[200];

    (void)state;
    for (unsigned i = 0; i <= KNOWN; i++) {
        report(junk, MANY + i, i, line);
        assert_string_not_equal(line, "");
    }
    report(junk, MANY + 1, KNOWN + 1, line);
    assert_string_equal(line, "");
    report(junk, MANY, KNOWN + 2, line);
    assert_string_not_equal(line, "");
    junk_free(junk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_a_line_a_second_for_each_owner),
        cmocka_unit_test(remembers_the_last_owners),
    };

    log_open(LOG_TO_STDERR, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
