#include "config/password_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/process.h"
#include "util/strings.h"
#include "util/text.h"

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

static bool judge(int status, struct error *err)
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

static bool run(char **arguments, int64_t limit, struct buf *out,
                struct error *err)
{
    extern char **environ;
    int64_t deadline = clock_now() + limit;
    struct process_child child;

    errno = process_spawn(&child, arguments, environ,
                          PROCESS_ERRORS_OURS);
    if (errno != 0) {
        bool is_short = errno == EAGAIN || errno == ENOMEM ||
                        errno == EMFILE || errno == ENFILE;
        return error_sys(err, is_short ? FAULT_TEMPORARY : FAULT_CONFIG,
                         "password_command %s", arguments[0]);
    }
    bool done = process_read(&child, out, deadline, err);
    /* Its output ended, so it is about to. */
    int status = process_end(&child, done ? deadline : 0);
    return (done && judge(status, err)) ||
           error_prefix(err, "password_command %s", arguments[0]);
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
        done = run(arguments, limit, out, err);
        free(arguments);
    }
    wipe_words(&words);
    return done;
}
