#include "config/password_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
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

/* Standard input from /dev/null, output to us, errors where ours go; signals
 * as programs expect them, and a process group that can be killed as one. */
static int spawn(char **arguments, int output, pid_t *child)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;

    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    sigaddset(&defaults, SIGCHLD);
    sigaddset(&defaults, SIGTERM);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGHUP);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                 POSIX_SPAWN_SETSIGDEF);
    int number = posix_spawnp(child, arguments[0], &actions, &attributes,
                              arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

static bool wait_for_input(int fd, int64_t deadline)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    int ready;

    do
        ready = poll(&entry, 1, clock_remaining(deadline));
    while (ready == -1 && errno == EINTR);
    return ready == 1;
}

/* Everything up to the end of file. */
static bool read_output(int fd, struct buf *out, int64_t deadline,
                        const char *name, struct error *err)
{
    enum { BLOCK = 4096 };

    for (;;) {
        if (!wait_for_input(fd, deadline))
            return error_set(err, FAULT_TEMPORARY,
                             "password_command %s takes too long", name);
        size_t room = out->limit - out->length;
        char *end = buf_reserve(out, room < BLOCK ? room : BLOCK);
        char more;
        ssize_t got = room == 0 ? io_read(fd, &more, 1)
                                : io_read(fd, end, room < BLOCK ? room : BLOCK);
        if (got == -1)
            return error_sys(err, FAULT_TEMPORARY, "password_command %s",
                             name);
        if (got == 0)
            return true;
        if (room == 0)
            return error_set(err, FAULT_TEMPORARY,
                             "password_command %s prints more than %zu octets",
                             name, out->limit);
        out->length += (size_t)got;
        out->data[out->length] = '\0';
    }
}

/* Its output ended, so it is about to. A group that outlives the deadline is
 * killed. False if the exit status cannot be known. */
static bool wait_for_end(pid_t child, int64_t deadline, int *status)
{
    const int pause = 5;
    pid_t ended;

    while ((ended = waitpid(child, status, WNOHANG)) == 0 &&
           clock_remaining(deadline) > 0)
        poll(NULL, 0, pause);
    if (ended == 0) {
        kill(-child, SIGKILL);
        do
            ended = waitpid(child, status, 0);
        while (ended == -1 && errno == EINTR);
    }
    return ended == child;
}

static bool judge(int status, const char *name, struct error *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        return error_set(err, FAULT_TEMPORARY,
                         "password_command %s: exit status %d", name,
                         WEXITSTATUS(status));
    return error_set(err, FAULT_TEMPORARY,
                     "password_command %s: ended by signal %d", name,
                     WTERMSIG(status));
}

static bool run(char **arguments, int64_t limit, struct buf *out,
                struct error *err)
{
    int64_t deadline = clock_now() + limit;
    int ends[2], status;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return error_sys(err, FAULT_TEMPORARY, "password_command %s",
                         arguments[0]);
    errno = spawn(arguments, ends[1], &child);
    if (errno != 0) {
        bool is_short = errno == EAGAIN || errno == ENOMEM;
        error_sys(err, is_short ? FAULT_TEMPORARY : FAULT_CONFIG,
                  "password_command %s", arguments[0]);
        io_close(&ends[0]);
        io_close(&ends[1]);
        return false;
    }
    io_close(&ends[1]);
    bool done = read_output(ends[0], out, deadline, arguments[0], err);
    io_close(&ends[0]);
    if (!done)
        kill(-child, SIGKILL);
    bool known = wait_for_end(child, deadline, &status);
    if (!done)
        return false;
    if (!known)
        return error_set(err, FAULT_TEMPORARY, "password_command %s: its exit "
                         "status is unknown", arguments[0]);
    return judge(status, arguments[0], err);
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
