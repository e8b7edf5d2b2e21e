#include "sendmail/smtp_direct.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "sendmail/exec.h"
#include "sendmail/options.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/process.h"
#include "util/scratch.h"
#include "util/strings.h"

#define ANSWER_MAX 100          /* lines of it that a client gets */

/* The records of postrider direct: see sendmail/exec.h. */
struct report {
    bool is_partial;            /* some recipients have the message */
    struct strings *answer;     /* the texts */
};

/* Pass a line on to our standard error, unless it is full: a client that starts
 * us may read it only after our reply. */
static void pass_on(const char *line, size_t length)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

    /* A pipe that is ready takes so much without waiting. */
    if (length <= PIPE_BUF && poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
        (void)io_write_all(STDERR_FILENO, line, length);
}

/* The log and the dialogue, until it ends. Closes fd. */
static void pass_on_all(int fd)
{
    FILE *stream = fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    if (stream == NULL) {
        close(fd);
        return;
    }
    while ((length = getline(&line, &size, stream)) != -1)
        pass_on(line, (size_t)length);
    free(line);
    fclose(stream);
}

/* "WORD TAB TEXT" */
static void take_record(struct report *report, char *record)
{
    char *text = strchrnul(record, '\t');

    if (*text != '\0')
        *text++ = '\0';
    report->is_partial |= strcmp(record, "partial") == 0;
    if (report->answer->count < ANSWER_MAX)
        strings_add(report->answer, text);
}

static void read_report(int fd, struct report *report)
{
    int copy = lseek(fd, 0, SEEK_SET) == -1 ? -1 : dup(fd);
    FILE *stream = copy == -1 ? NULL : fdopen(copy, "r");
    char *line = NULL;
    size_t size = 0;

    while (stream != NULL && getline(&line, &size, stream) != -1) {
        *strchrnul(line, '\n') = '\0';
        take_record(report, line);
    }
    free(line);
    if (stream != NULL)
        fclose(stream);
    else if (copy != -1)
        close(copy);
}

/* In the child: become postrider direct. */
static _Noreturn void become_direct(struct draft *draft, bool verbose,
                                    int outcomes, int errors)
{
    struct error err;

    /* Neither may end with this program. */
    dup2(errors, STDERR_FILENO);
    fcntl(outcomes, F_SETFD, 0);
    exec_direct(draft, verbose, false, outcomes, &err);
    dprintf(outcomes, "deferred\t%s\n", err.text);
    _exit(EX_OSERR);
}

/* Run postrider direct in a child process; its exit status, -1 if that
 * cannot be had. outcomes gets its records. */
static int run_direct(struct draft *draft, bool verbose, int outcomes)
{
    struct process_child child;

    if (!process_fork(&child))
        return -1;
    if (child.pid == 0)
        become_direct(draft, verbose, outcomes, child.output);
    pass_on_all(child.output);
    child.output = -1;          /* closed with its stream */
    int status = process_end(&child, INT64_MAX);
    return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The final reply is one for all recipients. Once a recipient has the message
 * it must not be a temporary one: the client would send it to them again. */
static enum fault fault_of(int status, const struct report *report)
{
    if (report->is_partial)
        return FAULT_UNAVAILABLE;
    switch (status) {
    case EX_DATAERR:
        return FAULT_DATA;
    case EX_NOUSER:
        return FAULT_RECIPIENT;
    case EX_NOHOST:
        return FAULT_HOST;
    case EX_UNAVAILABLE:
        return FAULT_UNAVAILABLE;
    default:
        return FAULT_TEMPORARY;
    }
}

static bool send_draft(struct draft *draft, bool verbose,
                       struct strings *answer, struct error *err)
{
    struct report report = { .answer = answer };
    struct scratch outcomes = SCRATCH_NONE;

    if (!scratch_open(&outcomes, err))
        return false;
    int status = run_direct(draft, verbose, outcomes.fd);
    read_report(outcomes.fd, &report);
    scratch_close(&outcomes);
    return status == EX_OK ||
           error_set(err, fault_of(status, &report), "not sent");
}

bool smtp_direct_deliver(const struct options *opt,
                         const struct config *config,
                         const struct submission *given,
                         struct smtp_direct_result *result, struct error *err)
{
    struct draft *draft = draft_new_unnamed(err);
    bool done = draft != NULL && submit_message(given, config, draft, err);

    if (done) {
        result->id = alloc_string(draft_id(draft));
        done = send_draft(draft, opt->verbose, &result->failures, err);
    }
    draft_free(draft);
    return done;
}
