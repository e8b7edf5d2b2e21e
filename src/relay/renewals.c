#include "relay/renewals.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "config/password_command.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/log.h"
#include "util/process.h"

#define TOKEN_MAX ((size_t)64 << 10)
#define LIMIT 30000             /* milliseconds */
#define HOUR 3600000            /* milliseconds: after one that failed */
#define FIRST_PART 24           /* of the time between two: the first one comes
                                 * after it, also where machines seldom run
                                 * for long */

/* A section, and its last process. */
struct renewal {
    const struct oauth *oauth;
    int64_t due;
    pid_t pid;                  /* 0: none runs */
    int status;                 /* its exit status; EX_OK before the first */
};

struct renewals {
    const struct config *config;
    struct renewal *list;
    size_t count;
};

struct renewals *renewals_new(const struct config *config)
{
    struct renewals *renewals = alloc_zero(1, sizeof *renewals);

    renewals->config = config;
    renewals->list = alloc_zero(config->oauth_count, sizeof *renewals->list);
    for (size_t i = 0; i < config->oauth_count; i++) {
        const struct oauth *oauth = &config->oauths[i];
        if (oauth->flow == OAUTH_REFRESH_TOKEN && oauth->renew > 0)
            renewals->list[renewals->count++] = (struct renewal){
                .oauth = oauth,
                .due = clock_now() + oauth->renew / FIRST_PART };
    }
    return renewals;
}

void renewals_free(struct renewals *renewals)
{
    if (renewals == NULL)
        return;
    free(renewals->list);
    free(renewals);
}

/* Log a failure, but not again while the next ones are of the same kind. */
static void report(const struct renewal *renewal, const struct error *err)
{
    bool is_news = error_exit_status(err->fault) != renewal->status;
    enum log_level level = err->fault == FAULT_TEMPORARY ? LOG_LEVEL_WARNING
                                                         : LOG_LEVEL_ALERT;

    if (is_news)
        log_line(level, "oauth %s: its login cannot be renewed: %s",
                 renewal->oauth->name, err->text);
}

/* The life of a process: its exit status. */
static int renew(const struct renewals *renewals,
                 const struct renewal *renewal)
{
    struct error err = { 0 };
    struct buf token;

    buf_init(&token, TOKEN_MAX);
    bool done = config_check_owner(renewals->config, "no token is asked for",
                                   &err) &&
                password_command_oauth(renewal->oauth->name, NULL, LIMIT,
                                       &token, &err);
    buf_wipe(&token);
    if (!done)
        report(renewal, &err);
    return done ? EX_OK : error_exit_status(err.fault);
}

/* The program that it runs may have been given the next tokens when this one is
 * ended, and keeps them all the same. */
static void start(const struct renewals *renewals, struct renewal *renewal)
{
    const pid_t parent = getpid();
    sigset_t none;

    renewal->pid = fork();
    if (renewal->pid != 0)
        return;
    process_be_called("postrider-rnw");
    process_end_with(parent, SIGTERM);
    log_open(renewals->config->log, "postrider/renewal");
    if (!process_close_all_but(NULL, 0))
        _exit(EX_OSERR);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    _exit(renew(renewals, renewal));
}

void renewals_start(struct renewals *renewals)
{
    int64_t now = clock_now();

    for (size_t i = 0; i < renewals->count; i++) {
        struct renewal *renewal = &renewals->list[i];
        if (renewal->pid != 0 || now < renewal->due)
            continue;
        start(renewals, renewal);
        if (renewal->pid == -1)
            renewal->pid = 0;
        renewal->due = now + renewal->oauth->renew;
    }
}

int64_t renewals_next_time(const struct renewals *renewals)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < renewals->count; i++)
        if (renewals->list[i].pid == 0)
            next = clock_earlier(next, renewals->list[i].due);
    return next;
}

void renewals_reap(struct renewals *renewals, pid_t pid, int status)
{
    for (size_t i = 0; i < renewals->count; i++) {
        struct renewal *renewal = &renewals->list[i];
        if (renewal->pid != pid)
            continue;
        renewal->pid = 0;
        renewal->status = WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
        if (renewal->status != EX_OK)
            renewal->due = clock_earlier(renewal->due, clock_now() + HOUR);
    }
}
