#include "config/password_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/process.h"
#include "util/strings.h"
#include "util/text.h"

#define OAUTH_PROGRAM "postrider-oauth"

/* In double quotes, a backslash counts before these only. */
static bool escapes(const char *p, char quote)
{
    return *p == '\\' && p[1] != '\0' && quote != '\'' &&
           (quote == '\0' || p[1] == '"' || p[1] == '\\' || p[1] == '$' ||
            p[1] == '`');
}

/* Append one word; false if its quote is not closed. */
static bool split_word(const char **text, struct buf *word)
{
    const char *p = *text;
    char quote = '\0';

    for (; *p != '\0' && (quote != '\0' || !text_is_space(*p)); p++) {
        if (escapes(p, quote))
            buf_add_char(word, *++p);
        else if (*p == quote)
            quote = '\0';
        else if (quote == '\0' && (*p == '"' || *p == '\''))
            quote = *p;
        else
            buf_add_char(word, *p);
    }
    *text = p;
    return quote == '\0';
}

bool password_command_split(const char *command, struct strings *words)
{
    for (;;) {
        struct buf word;

        while (text_is_space(*command))
            command++;
        if (*command == '\0')
            return true;
        buf_init(&word, SIZE_MAX);
        if (!split_word(&command, &word)) {
            buf_wipe(&word);
            return false;
        }
        strings_take(words, buf_take(&word));
    }
}

static bool judge_command(int status, struct error *err)
{
    if (status == -1)
        return error_set(err, FAULT_TEMPORARY, "its exit status is unknown");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        return error_set(err, FAULT_TEMPORARY, "exit status %d",
                         WEXITSTATUS(status));
    return error_set(err, FAULT_TEMPORARY, "ended by signal %d",
                     WTERMSIG(status));
}

/* The command wrote one line that begins with its name. */
static bool explain_oauth(const struct buf *out, int status, struct error *err)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    enum fault fault = code == EX_NOPERM   ? FAULT_PERMISSION
                       : code == EX_CONFIG ? FAULT_CONFIG : FAULT_TEMPORARY;
    size_t length = strcspn(out->data, "\n");

    if (text_starts(out->data, OAUTH_PROGRAM ": "))
        return error_set(err, fault, "%.*s", (int)length, out->data);
    return error_set(err, fault, OAUTH_PROGRAM ": it ended without a reason");
}

/* A resource that a process is short of may be there the next time. */
static enum fault fault_of_start(int number)
{
    bool is_short = number == EAGAIN || number == ENOMEM ||
                    number == EMFILE || number == ENFILE;

    return is_short ? FAULT_TEMPORARY : FAULT_CONFIG;
}

/* Read what a child prints until it ends, which it is about to when its output
 * has ended. */
static bool read_child(struct process_child *child, int64_t limit,
                       struct buf *out, int *status, struct error *err)
{
    int64_t deadline = clock_now() + limit;
    bool done = process_read(child, out, deadline, err);

    *status = process_end(child, done ? deadline : 0);
    return done;
}

static bool run_command(char *const *arguments, int64_t limit, struct buf *out,
                        struct error *err)
{
    extern char **environ;
    struct process_child child;
    int status;

    errno = process_spawn(&child, arguments, environ, PROCESS_ERRORS_OURS);
    if (errno != 0)
        return error_sys(err, fault_of_start(errno), "password_command %s",
                         arguments[0]);
    return (read_child(&child, limit, out, &status, err) &&
            judge_command(status, err)) ||
           error_prefix(err, "password_command %s", arguments[0]);
}

static bool run_oauth(char *const *arguments, int64_t limit, struct buf *out,
                      struct error *err)
{
    extern char **environ;
    struct process_child child;
    int status;

    errno = process_spawn(&child, arguments, environ, PROCESS_ERRORS_READ);
    if (errno == ENOENT)
        return error_set(err, FAULT_CONFIG, OAUTH_PROGRAM ": not installed "
                         "beside postrider") ||
               error_remedy(err, "install the package " OAUTH_PROGRAM);
    if (errno != 0)
        return error_sys(err, fault_of_start(errno), OAUTH_PROGRAM);
    if (!read_child(&child, limit, out, &status, err))
        return error_prefix(err, OAUTH_PROGRAM);
    return (status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
           explain_oauth(out, status, err);
}

static void wipe_words(struct strings *words)
{
    for (size_t i = 0; i < words->count; i++)
        explicit_bzero(words->items[i], strlen(words->items[i]));
    strings_free(words);
}

bool password_command_run(const char *command, int64_t limit, struct buf *out,
                          struct error *err)
{
    struct strings words = { 0 };
    bool done = false;

    if (!password_command_split(command, &words) || words.count == 0) {
        error_set(err, FAULT_CONFIG, "password_command: a quote is not closed");
    } else {
        char **arguments = alloc_zero(words.count + 1, sizeof *arguments);
        memcpy(arguments, words.items, words.count * sizeof *arguments);
        done = run_command(arguments, limit, out, err);
        free(arguments);
    }
    wipe_words(&words);
    return done;
}

bool password_command_oauth(const char *name, const char *refused,
                            int64_t limit, struct buf *out, struct error *err)
{
    char *program = process_beside(OAUTH_PROGRAM);
    char command[] = "token", option[] = "--refused";
    char *named = alloc_string(name);
    char *token = refused != NULL ? alloc_string(refused) : NULL;

    if (program == NULL)
        program = alloc_string(OAUTH_PROGRAM);
    bool done = run_oauth((char *[]){ program, command, named,
                                      token != NULL ? option : NULL, token,
                                      NULL }, limit, out, err);
    free(program);
    free(named);
    free(token);
    return done;
}
