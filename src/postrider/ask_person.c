#include "postrider/ask_person.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/secret.h"
#include "util/text.h"

#define LINE_MAX_LENGTH ((size_t)4096)

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

bool ask_has_person(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

void ask_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

/* Octet by octet: what comes after the line is left for who reads next. */
static bool read_line(struct buf *line, struct error *err)
{
    char c;

    for (;;) {
        ssize_t count = read(STDIN_FILENO, &c, 1);
        if (count == -1 && errno == EINTR && caught == 0)
            continue;
        if (count == -1 && errno == EINTR)
            return error_set(err, FAULT_INPUT, "interrupted");
        if (count == -1)
            return error_sys(err, FAULT_INPUT, "read the answer");
        if (count == 0)
            return error_set(err, FAULT_INPUT, "no answer: nothing was "
                             "written");
        if (c == '\n')
            return true;
        if (!buf_add_char(line, c))
            return error_set(err, FAULT_INPUT, "the answer is too long");
    }
}

static char *trim(const struct buf *line)
{
    size_t start = 0, end = line->length;

    while (start < end && text_is_space(line->data[start]))
        start++;
    while (end > start && text_is_space(line->data[end - 1]))
        end--;
    return alloc_bytes(line->data + start, end - start);
}

char *ask_text(const char *question, const char *usual, struct error *err)
{
    struct buf line;
    char *answer = NULL;

    if (usual != NULL && *usual != '\0')
        ask_say("%s [%s]: ", question, usual);
    else
        ask_say("%s: ", question);
    buf_init(&line, LINE_MAX_LENGTH);
    if (read_line(&line, err))
        answer = trim(&line);
    buf_free(&line);
    if (answer != NULL && *answer == '\0' && usual != NULL) {
        free(answer);
        answer = alloc_string(usual);
    }
    return answer;
}

bool ask_yes(const char *question, bool usual, bool *answer,
             struct error *err)
{
    for (;;) {
        char *text = ask_text(question, usual ? "Y/n" : "y/N", err);
        if (text == NULL)
            return false;
        bool is_usual = strcmp(text, usual ? "Y/n" : "y/N") == 0;
        char first = text_lower(*text);
        free(text);
        *answer = is_usual ? usual : first == 'y';
        if (is_usual || first == 'y' || first == 'n')
            return true;
    }
}

/* The terminal must not stay dumb when the process ends here. */
static void catch_ending(struct sigaction *before, bool on)
{
    struct sigaction action = { .sa_handler = catch_signal };

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < COUNT(ending); i++)
        if (on)
            sigaction(ending[i], &action, &before[i]);
        else
            sigaction(ending[i], &before[i], NULL);
}

bool ask_secret(const char *question, struct secret *secret,
                struct error *err)
{
    struct sigaction before[COUNT(ending)];
    struct termios usual, dumb;
    struct buf line;

    ask_say("%s: ", question);
    bool is_terminal = tcgetattr(STDIN_FILENO, &usual) == 0;
    catch_ending(before, true);
    if (is_terminal) {
        dumb = usual;
        dumb.c_lflag &= (tcflag_t)~(ECHO | ECHOE | ECHOK | ECHONL);
        dumb.c_cc[VSUSP] = _POSIX_VDISABLE;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &dumb);
    }
    buf_init(&line, LINE_MAX_LENGTH);
    /* All at once: growing would leave copies behind. */
    buf_reserve(&line, LINE_MAX_LENGTH);
    bool done = read_line(&line, err);
    if (is_terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
    ask_say("\n");
    catch_ending(before, false);
    if (caught != 0)
        raise(caught);
    if (done)
        secret_take(secret, alloc_bytes(line.data, line.length), line.length);
    buf_wipe(&line);
    return done;
}
