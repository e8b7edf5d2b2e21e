#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/process.h"
#include "util/text.h"

static const struct {
    const char *script;             /* for sh */
    size_t limit;
    const char *output;             /* NULL: why it is not read */
    const char *why;
    int status;                     /* of exit */
} cases[] = {
    { "echo one; echo two", 100, "one\ntwo\n", NULL, 0 },
    { "printf 12345; exit 3", 5, "12345", NULL, 3 },
    { "printf 123456", 5, NULL, "prints more than 5 octets", 0 },
    { "read line || echo end; echo error >&2", 100, "end\n", NULL, 0 },
    { "true", 0, "", NULL, 0 },
};

static void start_shell(struct process_child *child, const char *script)
{
    extern char **environ;
    char shell[] = "sh", option[] = "-c";
    char *const arguments[] = { shell, option, (char *)script, NULL };

    assert_int_equal(process_spawn(child, arguments, environ,
                                   PROCESS_ERRORS_NOWHERE), 0);
}

static void reads_what_a_program_prints(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t deadline = clock_now() + 60000;
        struct process_child child;
        struct error err;
        struct buf out;
        buf_init(&out, cases[i].limit);
        start_shell(&child, cases[i].script);
        bool done = process_read(&child, &out, deadline, &err);
        int status = process_end(&child, deadline);
        if (done != (cases[i].output != NULL))
            fail_msg("%s: %s", cases[i].script, done ? "read" : err.text);
        if (done)
            assert_string_equal(out.data, cases[i].output);
        else
            assert_string_equal(err.text, cases[i].why);
        if (done)
            assert_int_equal(WEXITSTATUS(status), cases[i].status);
        assert_int_equal(child.output, -1);
        buf_free(&out);
    }
}

/* The pipe ends when all who can write to it are gone: those that the program
 * started, too. */
static void a_group_that_is_late_is_killed(void **state)
{
    struct process_child child;
    struct error err;
    struct buf out;
    char octet;

    (void)state;
    buf_init(&out, 100);
    start_shell(&child, "sleep 600 & echo; wait");
    while (out.length == 0)
        (void)process_read(&child, &out, clock_now() + 10, &err);
    assert_string_equal(err.text, "takes too long");
    int output = dup(child.output);
    int status = process_end(&child, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(read(output, &octet, 1), 0);
    close(output);
    buf_free(&out);
}

static void a_program_that_is_missing_is_no_child(void **state)
{
    char name[] = "/nonexistent/program";
    char *const arguments[] = { name, NULL };
    char *const environment[] = { NULL };
    struct process_child child;

    (void)state;
    assert_int_equal(process_spawn(&child, arguments, environment,
                                   PROCESS_ERRORS_NOWHERE),
                     ENOENT);
    assert_int_equal(child.output, -1);
}

static void reads_what_a_function_writes(void **state)
{
    struct process_child child;
    struct error err;
    struct buf out;

    (void)state;
    assert_true(process_fork(&child));
    if (child.pid == 0)
        _exit(write(child.output, "abc", 3) == 3 ? 7 : 8);
    buf_init(&out, 100);
    assert_true(process_read(&child, &out, clock_now() + 60000, &err));
    assert_string_equal(out.data, "abc");
    assert_int_equal(WEXITSTATUS(process_end(&child, clock_now() + 60000)), 7);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_a_program_prints),
        cmocka_unit_test(a_group_that_is_late_is_killed),
        cmocka_unit_test(a_program_that_is_missing_is_no_child),
        cmocka_unit_test(reads_what_a_function_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
