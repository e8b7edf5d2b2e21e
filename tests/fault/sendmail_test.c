/* The whole front-end, from the start of the process to its exit status: 0
 * means that the message is whole in drop/, everything else that it is not.
 * With -bs the final reply means that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../unit/spool/spool_fixture.h"
#include "fault.h"

struct subject {
    struct fixture fixture;
    char *program;              /* beside this one */
    char *folder;               /* for the configuration and the like */
    char *config;
    char *calls;                /* file that tells how many there were */
    char *input;                /* a message */
    char *session;              /* the same, twice, in SMTP */
    char *output;
};

static void write_text(const char *path, const char *text)
{
    fixture_write(AT_FDCWD, path, text, strlen(text));
}

static unsigned calls_of(const struct subject *subject)
{
    char text[32] = "";
    int fd = open(subject->calls, O_RDONLY | O_CLOEXEC);

    assert_true(io_read(fd, text, sizeof text - 1) > 0);
    close(fd);
    return (unsigned)strtoul(text, NULL, 10);
}

/* The exit status, or 128 and the signal. */
static int run(const struct subject *subject, const char *option,
               const char *input, const struct wrap_plan *plan)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        char text[64];
        int in = open(input, O_RDONLY);
        int out = open(subject->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int null = open("/dev/null", O_WRONLY);
        snprintf(text, sizeof text, "%u %d %d", plan->at, plan->how,
                 plan->lasting);
        setenv("WRAP", text, 1);
        setenv("WRAP_CALLS", subject->calls, 1);
        setenv("POSTRIDER_CONFIG", subject->config, 1);
        dup2(in, 0);
        dup2(out, 1);
        dup2(null, 2);
        execl(subject->program, "sendmail", option, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Messages in drop/, all of them whole. */
static size_t whole_messages(const struct subject *subject,
                             const struct wrap_plan *plan)
{
    struct strings names = { 0 };
    struct error err;
    size_t count = 0;

    fixture_list(subject->fixture.spool.drop, &names);
    for (size_t i = 0; i < names.count; i++) {
        if (!random_is_id(names.items[i]))
            continue;
        int fd = openat(subject->fixture.spool.drop, names.items[i],
                        O_RDONLY | O_CLOEXEC);
        struct entry *entry = entry_open(fd, names.items[i], &err);
        if (entry == NULL)
            fail_msg("%s: %s", plan_text(plan), err.text);
        if (entry->content_length < 100000)
            fail_msg("%s: half a message", plan_text(plan));
        entry_free(entry);
        count++;
    }
    strings_free(&names);
    return count;
}

static void check(const struct subject *subject, int status,
                  const struct wrap_plan *plan)
{
    size_t whole = whole_messages(subject, plan);
    size_t files = fixture_count(subject->fixture.spool.drop);

    if (status == 0 && (whole != 1 || files != 1))
        fail_msg("%s: exit 0 and %zu messages", plan_text(plan), whole);
    if (plan->how == WRAP_CRASH)
        return;
    if (status != 0 && files != 0)
        fail_msg("%s: exit %d and %zu files", plan_text(plan), status, files);
    if (status != 0 && (status < 64 || status > 78))
        fail_msg("%s: exit %d", plan_text(plan), status);
    if (plan->how == WRAP_SHORT && status != 0)
        fail_msg("%s: exit %d", plan_text(plan), status);
}

static const struct wrap_plan no_fault = { .how = EIO };

static unsigned try(const struct subject *subject,
                    const struct wrap_plan *plan)
{
    fixture_empty(&subject->fixture);
    int status = run(subject, "-it", subject->input, plan);
    check(subject, status, plan);
    return plan->how == WRAP_CRASH && status == 137 ? 0 : calls_of(subject);
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;

    while ((text = strstr(text, wanted)) != NULL) {
        text += strlen(wanted);
        count++;
    }
    return count;
}

/* What was said is what is there. More may be there only if not all could be
 * said. */
static void check_replies(const struct subject *subject, const char *replies,
                          const struct wrap_plan *plan)
{
    size_t accepted = count_text(replies, "Ok: queued");
    size_t whole = whole_messages(subject, plan);
    bool said_all = strstr(replies, "221 ") != NULL;

    if (accepted > whole || (said_all && accepted < whole))
        fail_msg("%s: %zu messages, and %zu were accepted", plan_text(plan),
                 whole, accepted);
    if (plan->how == WRAP_CRASH)
        return;
    if (fixture_count(subject->fixture.spool.drop) != whole)
        fail_msg("%s: remains of a message", plan_text(plan));
    if (plan->how == WRAP_SHORT && accepted != 2)
        fail_msg("%s: %s", plan_text(plan), replies);
}

static unsigned try_smtp(const struct subject *subject,
                         const struct wrap_plan *plan)
{
    struct error err;
    struct buf replies;

    fixture_empty(&subject->fixture);
    int status = run(subject, "-bs", subject->session, plan);
    int fd = open(subject->output, O_RDONLY | O_CLOEXEC);
    buf_init(&replies, SIZE_MAX);
    assert_true(io_read_all(fd, &replies, &err));
    close(fd);
    check_replies(subject, replies.data, plan);
    buf_free(&replies);
    return plan->how == WRAP_CRASH && status == 137 ? 0 : calls_of(subject);
}

typedef unsigned attempt(const struct subject *subject,
                         const struct wrap_plan *plan);

/* Each call fails in each way, once or from then on. */
static void fail_each(const struct subject *subject, attempt *one,
                      unsigned calls)
{
    for (size_t i = 0; i < COUNT(ways_to_fail); i++)
        for (unsigned at = 1; at <= calls; at++) {
            struct wrap_plan plan = ways_to_fail[i];
            plan.at = at;
            if (!plan.old_kernel)
                one(subject, &plan);
        }
}

static void crash_at_each(const struct subject *subject, attempt *one,
                          unsigned calls)
{
    struct wrap_plan plan = { .how = WRAP_CRASH };

    for (plan.at = 1; plan.at <= calls; plan.at++)
        one(subject, &plan);
}

static void tells_the_truth_by_its_exit_status(void **state)
{
    const struct subject *subject = *state;
    const unsigned calls = try(subject, &no_fault);

    assert_true(calls > 10);
    assert_int_equal(fixture_count(subject->fixture.spool.drop), 1);
    fail_each(subject, try, calls);
}

static void leaves_no_half_message_when_killed(void **state)
{
    crash_at_each(*state, try, try(*state, &no_fault));
}

static void tells_the_truth_by_its_replies(void **state)
{
    const struct subject *subject = *state;
    const unsigned calls = try_smtp(subject, &no_fault);

    assert_int_equal(fixture_count(subject->fixture.spool.drop), 2);
    fail_each(subject, try_smtp, calls);
    crash_at_each(subject, try_smtp, calls);
}

/* By DATA, and in chunks, of which none must be missing. */
static char *session_of(const char *message)
{
    static const char envelope[] = "MAIL FROM:<a@example.com>\n"
                                   "RCPT TO:<b@example.com>\n";
    size_t half = strlen(message) / 2, rest = strlen(message) - half;

    return alloc_format("EHLO x\n%sDATA\n%s.\n"
                        "%sBDAT %zu\n%.*sBDAT %zu LAST\n%sQUIT\n",
                        envelope, message, envelope, half, (int)half, message,
                        rest, message + half);
}

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);
    char own[4096] = "";
    const char *place = getenv("TMPDIR");

    fixture_open(&subject->fixture);
    assert_true(readlink("/proc/self/exe", own, sizeof own - 1) > 0);
    *strrchr(own, '/') = '\0';
    subject->program = alloc_format("%s/sendmail", own);
    subject->folder = alloc_format("%s/sendmail_test.XXXXXX",
                                   place == NULL ? "/tmp" : place);
    assert_non_null(mkdtemp(subject->folder));
    subject->config = alloc_format("%s/config", subject->folder);
    subject->calls = alloc_format("%s/calls", subject->folder);
    subject->input = alloc_format("%s/input", subject->folder);
    subject->session = alloc_format("%s/session", subject->folder);
    subject->output = alloc_format("%s/output", subject->folder);

    char *text = alloc_format("hostname = \"h.example.com\"\n"
                              "domain = \"example.com\"\naliases = \"\"\n"
                              "log = stderr\nspool = \"%s\"\n",
                              subject->fixture.path);
    write_text(subject->config, text);
    free(text);
    char *body = alloc_zero(100001, 1);
    memset(body, 'x', 100000);
    text = alloc_format("From: a@example.com\nTo: b@example.com\n\n%s\n",
                        body);
    write_text(subject->input, text);
    char *session = session_of(text);
    write_text(subject->session, session);
    free(session);
    free(text);
    free(body);
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    unlink(subject->config);
    unlink(subject->calls);
    unlink(subject->input);
    unlink(subject->session);
    unlink(subject->output);
    rmdir(subject->folder);
    fixture_close(&subject->fixture);
    free(subject->program);
    free(subject->folder);
    free(subject->config);
    free(subject->calls);
    free(subject->input);
    free(subject->session);
    free(subject->output);
    free(subject);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_truth_by_its_exit_status),
        cmocka_unit_test(leaves_no_half_message_when_killed),
        cmocka_unit_test(tells_the_truth_by_its_replies),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
