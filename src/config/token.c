#include "config/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/process.h"
#include "util/text.h"

#define PROGRAM "postrider-oauth"

static bool refuse_start(int number, struct error *err)
{
    bool is_short = number == EAGAIN || number == ENOMEM ||
                    number == EMFILE || number == ENFILE;

    if (number == ENOENT)
        return error_set(err, FAULT_CONFIG, PROGRAM ": not installed beside "
                         "postrider") ||
               error_remedy(err, "install the package " PROGRAM);
    errno = number;
    return error_sys(err, is_short ? FAULT_TEMPORARY : FAULT_CONFIG, PROGRAM);
}

/* What it wrote is one line that begins with its name. */
static bool explain(const struct buf *out, int status, struct error *err)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    enum fault fault = code == EX_NOPERM   ? FAULT_PERMISSION
                       : code == EX_CONFIG ? FAULT_CONFIG : FAULT_TEMPORARY;
    size_t length = strcspn(out->data, "\n");

    if (text_starts(out->data, PROGRAM ": "))
        return error_set(err, fault, "%.*s", (int)length, out->data);
    return error_set(err, fault, PROGRAM ": it ended without a reason");
}

static bool run(char *const *arguments, int64_t limit, struct buf *out,
                struct error *err)
{
    extern char **environ;
    int64_t deadline = clock_now() + limit;
    struct process_child child;
    int number = process_spawn(&child, arguments, environ,
                               PROCESS_ERRORS_READ);

    if (number != 0)
        return refuse_start(number, err);
    bool done = process_read(&child, out, deadline, err);
    int status = process_end(&child, done ? deadline : 0);
    if (!done)
        return error_prefix(err, PROGRAM);
    return (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           explain(out, status, err);
}

bool token_run(const char *name, const char *refused, int64_t limit,
               struct buf *out, struct error *err)
{
    char *program = process_beside(PROGRAM);
    char command[] = "token", option[] = "--refused";
    char *named = alloc_string(name);
    char *token = refused != NULL ? alloc_string(refused) : NULL;

    if (program == NULL)
        program = alloc_string(PROGRAM);
    bool done = run((char *[]){ program, command, named,
                                token != NULL ? option : NULL, token, NULL },
                    limit, out, err);
    free(program);
    free(named);
    free(token);
    return done;
}
