#include "sendmail/smtp_direct.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "sendmail/handover.h"
#include "sendmail/options.h"
#include "sendmail/submit.h"
#include "spool/draft.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/strings.h"
#include "util/text.h"

#define ANSWER_MAX 100          /* lines of it that a client hears */

/* Pass a line on to our standard error, unless nobody reads there: a client
 * may not do so before he has our reply. */
static void pass_on(const char *line, size_t length)
{
    struct pollfd out = { .fd = STDERR_FILENO, .events = POLLOUT };

    /* A pipe that is ready takes so much without waiting. */
    if (length <= PIPE_BUF && poll(&out, 1, 0) == 1 && out.revents == POLLOUT)
        (void)io_write_all(STDERR_FILENO, line, length);
}

/* What postrider direct writes on standard error: what it tells the caller is
 * our answer, its log and the dialogue go where ours go. Closes fd. */
static void read_answer(int fd, struct strings *answer)
{
    static const char name[] = "sendmail: ";
    FILE *stream = fdopen(fd, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    if (stream == NULL) {
        close(fd);
        return;
    }
    while ((length = getline(&line, &size, stream)) != -1) {
        if (!text_starts(line, name)) {
            pass_on(line, (size_t)length);
        } else if (answer->count < ANSWER_MAX) {
            line[strcspn(line, "\r\n")] = '\0';
            strings_add(answer, line + strlen(name));
        }
    }
    free(line);
    fclose(stream);
}

/* Become postrider direct in a process of its own; its exit status, -1 if that
 * cannot be had. */
static int run_direct(struct draft *draft, bool verbose,
                      struct strings *answer)
{
    struct error err;
    int ends[2], status = -1;

    if (pipe(ends) == -1)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        handover_direct(draft, verbose, false, &err);
        dprintf(STDERR_FILENO, "sendmail: %s\n", err.text);
        _exit(EX_OSERR);
    }
    close(ends[1]);
    read_answer(ends[0], answer);
    while (child != -1 && waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    return child != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The final reply is one for all recipients. Once somebody has the message it
 * must not be a temporary one: he would get it again. */
static enum fault fault_of(int status, const struct strings *answer)
{
    if (answer->count > 0 && text_starts(answer->items[0], DIRECT_SENT_TO))
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

bool smtp_direct_deliver(const struct options *opt,
                         const struct config *config,
                         const struct submission *said,
                         char **id, struct strings *answer,
                         struct error *err)
{
    struct draft *draft = draft_new_unnamed(err);
    bool done = draft != NULL && submit_message(said, config, draft, err);

    if (done) {
        *id = alloc_string(draft_id(draft));
        int status = run_direct(draft, opt->verbose, answer);
        done = status == EX_OK ||
               error_set(err, fault_of(status, answer), "not sent");
    }
    draft_free(draft);
    return done;
}
