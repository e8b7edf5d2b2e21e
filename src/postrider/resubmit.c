#include "postrider/resubmit.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/lines.h"
#include "util/process.h"
#include "util/strings.h"
#include "util/text.h"
#include "util/user.h"

#define OUTPUT_MAX 65536        /* octets that sendmail may print */

/* Not on root's terminal: processes of that user could reach it there, type
 * commands into it, and read what root types. */
static bool leave_terminal(int content, int output)
{
    return setsid() != -1 && dup2(content, STDIN_FILENO) != -1 &&
           dup2(output, STDOUT_FILENO) != -1 &&
           dup2(output, STDERR_FILENO) != -1;
}

/* In the child: the message as standard input of its sender's sendmail. */
static _Noreturn void run_sendmail(uid_t uid, const char *config_path,
                                   const struct strings *arguments,
                                   int content, int output)
{
    const struct passwd *user = getpwuid(uid);
    char *place = *config_path != '\0'
                  ? alloc_format("POSTRIDER_CONFIG=%s", config_path) : NULL;
    char *program = process_beside("sendmail");
    char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *environment[] = { search, place, NULL };
    char **argv = alloc_zero(arguments->count + 1, sizeof *argv);
    struct error ignored;

    memcpy(argv, arguments->items, arguments->count * sizeof *argv);
    if (user != NULL && program != NULL && leave_terminal(content, output) &&
        user_become(user, &ignored) && chdir("/") == 0)
        execve(program, argv, environment);
    _exit(EXIT_FAILURE);
}

static void show(const struct buf *output)
{
    struct lines lines;

    lines_start(&lines, output->data, output->length);
    while (lines_next(&lines))
        text_print(stderr, "%.*s\n", (int)lines.length, lines.text);
}

bool resubmit(uid_t uid, const char *config_path,
              const struct strings *arguments, int content)
{
    struct process_child child;
    struct error ignored;
    struct buf output;

    if (!process_fork(&child))
        return false;
    if (child.pid == 0)
        run_sendmail(uid, config_path, arguments, content, child.output);
    buf_init(&output, OUTPUT_MAX);
    (void)process_read(&child, &output, INT64_MAX, &ignored);
    show(&output);
    buf_free(&output);
    int status = process_end(&child, INT64_MAX);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
