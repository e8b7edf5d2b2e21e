/*
 * fault.h - what every program in this folder does: fail each call in turn
 */
#ifndef POSTRIDER_TESTS_FAULT_H
#define POSTRIDER_TESTS_FAULT_H

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/text.h"
#include "wrap.h"

#define CALLS_MAX 2000          /* an operation with more never ends */

/* What happens to a call. */
static const struct wrap_plan ways_to_fail[] = {
    { .how = ENOSPC }, { .how = ENOSPC, .lasting = true },
    { .how = EIO },    { .how = EIO, .lasting = true },
    { .how = EACCES }, { .how = EMFILE }, { .how = EINTR },
    { .how = EROFS, .lasting = true }, { .how = WRAP_SHORT },
    { .how = ENOSPC, .old_kernel = true },
    { .how = EIO, .old_kernel = true },
    { .how = WRAP_SHORT, .old_kernel = true },
};

/* One operation on whatever subject is: prepare it, do it (true: it said that
 * it succeeded), see what is there then. plan is for messages. */
struct trial {
    void (*prepare)(void *subject);
    bool (*run)(void *subject);
    void (*check)(void *subject, bool done, const struct wrap_plan *plan);
    void *subject;
};

static inline const char *plan_text(const struct wrap_plan *plan)
{
    static char text[128];

    snprintf(text, sizeof text, "call %u (%s): %s%s%s", plan->at,
             wrap_failed() == NULL ? "-" : wrap_failed(),
             plan->how == WRAP_CRASH ? "killed"
             : plan->how == WRAP_SHORT ? "short" : strerror(plan->how),
             plan->lasting ? ", lasting" : "",
             plan->old_kernel ? ", old kernel" : "");
    return text;
}

static inline bool has_failed_sync(const struct wrap_plan *plan)
{
    return wrap_failed() != NULL && strcmp(wrap_failed(), "fsync") == 0 &&
           plan->how != WRAP_SHORT && plan->how != WRAP_CRASH;
}

static inline void fail_calls(const struct trial *trial, bool needs_syncs)
{
    for (size_t i = 0; i < COUNT(ways_to_fail); i++)
        for (unsigned at = 1; at < CALLS_MAX; at++) {
            struct wrap_plan plan = ways_to_fail[i];
            plan.at = at;
            trial->prepare(trial->subject);
            wrap_start(plan);
            bool done = trial->run(trial->subject);
            unsigned calls = wrap_stop();
            if (done && needs_syncs && has_failed_sync(&plan))
                fail_msg("%s: done all the same", plan_text(&plan));
            trial->check(trial->subject, done, &plan);
            if (at > calls)
                break;
            assert_int_not_equal(at + 1, CALLS_MAX);
        }
}

/* Each call of an operation fails, in each way. What is not synced is not done,
 * although the test finds it. */
static inline void fail_each_call(const struct trial *trial)
{
    fail_calls(trial, true);
}

/* The same; whether a sync has failed is for the trial's check. */
static inline void fail_each_call_unsynced(const struct trial *trial)
{
    fail_calls(trial, false);
}

/* Run in a child process, which is killed at the call. The exit status,
 * 0 if it was done, 1 if it said no, 137 if it was killed. */
static inline int run_and_crash(const struct trial *trial,
                                const struct wrap_plan *plan)
{
    int status;
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        wrap_start(*plan);
        bool done = trial->run(trial->subject);
        wrap_stop();
        _exit(done ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The process is killed at each call of the operation. */
static inline void crash_at_each_call(const struct trial *trial)
{
    for (int old_kernel = 0; old_kernel < 2; old_kernel++)
        for (unsigned at = 1; at < CALLS_MAX; at++) {
            struct wrap_plan plan = { .at = at, .how = WRAP_CRASH,
                                      .old_kernel = old_kernel != 0 };
            trial->prepare(trial->subject);
            int status = run_and_crash(trial, &plan);
            trial->check(trial->subject, status == 0, &plan);
            if (status != 137)
                break;
            assert_int_not_equal(at + 1, CALLS_MAX);
        }
}

#endif
