#include "postrider/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/secret.h"
#include "util/text.h"

#define LINE_MAX_LENGTH ((size_t)4096)
#define COLUMNS 79
#define WAIT_SECONDS 5          /* before a line about a wait is shown */
#define WAIT_LINES 2

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

bool terminal_has_person(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* Where a line of what is left ends: at the last blank that it has room for. */
static size_t line_end(const char *text)
{
    size_t end = COLUMNS;

    if (strcspn(text, "\n") <= COLUMNS)
        return strlen(text);
    while (end > 0 && text[end] != ' ')
        end--;
    return end > 0 ? end : strcspn(text, " ");
}

static void print_folded(const char *text)
{
    size_t end;

    while (text[end = line_end(text)] != '\0') {
        fprintf(stderr, "%.*s\n", (int)end, text);
        text += end + 1;
    }
    fputs(text, stderr);
}

void terminal_print(const char *format, ...)
{
    struct buf shown;
    va_list args;

    buf_init(&shown, SIZE_MAX);
    va_start(args, format);
    text_escape_vformat(&shown, format, args);
    va_end(args);
    print_folded(shown.data);
    buf_free(&shown);
}

/* A signal that was let in by mask counts as an end, too. */
static bool read_octet(char *c, const sigset_t *mask, struct error *err)
{
    struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
    ssize_t count = -1;

    do {
        if (mask != NULL && ppoll(&ready, 1, NULL, mask) == -1) {
            if (caught != 0)
                return error_set(err, FAULT_INPUT, "interrupted");
            continue;
        }
        count = read(STDIN_FILENO, c, 1);
    } while (count == -1 && errno == EINTR);
    if (count == -1)
        return error_sys(err, FAULT_INPUT, "read the answer");
    return count == 1 ||
           error_set(err, FAULT_INPUT, "no answer: nothing was written");
}

/* Octet by octet: what comes after the line is left for the next reader. */
static bool read_line(struct buf *line, const sigset_t *mask,
                      struct error *err)
{
    char c = '\0';

    while (read_octet(&c, mask, err)) {
        if (c == '\n')
            return true;
        if (!buf_add_char(line, c))
            return error_set(err, FAULT_INPUT, "the answer is too long");
    }
    return false;
}

static char *trim_line(const struct buf *line)
{
    size_t start = 0, end = line->length;

    while (start < end && text_is_space(line->data[start]))
        start++;
    while (end > start && text_is_space(line->data[end - 1]))
        end--;
    return alloc_bytes(line->data + start, end - start);
}

char *terminal_ask(const char *question, const char *usual, struct error *err)
{
    struct buf line;
    char *answer = NULL;

    if (usual != NULL && *usual != '\0')
        terminal_print("%s [%s]: ", question, usual);
    else
        terminal_print("%s: ", question);
    buf_init(&line, LINE_MAX_LENGTH);
    if (read_line(&line, NULL, err))
        answer = trim_line(&line);
    buf_free(&line);
    if (answer != NULL && *answer == '\0' && usual != NULL) {
        free(answer);
        answer = alloc_string(usual);
    }
    return answer;
}

bool terminal_ask_yes(const char *question, bool usual, bool *answer,
                      struct error *err)
{
    for (;;) {
        char *text = terminal_ask(question, usual ? "Y/n" : "y/N", err);
        if (text == NULL)
            return false;
        bool is_usual = strcmp(text, usual ? "Y/n" : "y/N") == 0;
        bool yes = text_equal_case(text, "y") || text_equal_case(text, "yes");
        bool no = text_equal_case(text, "n") || text_equal_case(text, "no");
        free(text);
        *answer = is_usual ? usual : yes;
        if (is_usual || yes || no)
            return true;
        terminal_print("Please type y or n.\n");
    }
}

/* The signals that end a process, and how it took them before. */
struct endings {
    sigset_t mask;
    struct sigaction actions[COUNT(ending)];
};

/* From here on they are taken only where read_octet() lets them in. */
static void hold_endings(struct endings *before)
{
    struct sigaction action = { .sa_handler = catch_signal };
    sigset_t held;

    sigemptyset(&action.sa_mask);
    sigemptyset(&held);
    for (size_t i = 0; i < COUNT(ending); i++) {
        sigaddset(&held, ending[i]);
        sigaction(ending[i], &action, &before->actions[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &before->mask);
}

static void release_endings(const struct endings *before)
{
    for (size_t i = 0; i < COUNT(ending); i++)
        sigaction(ending[i], &before->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
    if (caught != 0)
        raise(caught);
}

/* Not shown, and not to be stopped half way. False if it is not a terminal. */
static bool silence_terminal(struct termios *usual)
{
    if (tcgetattr(STDIN_FILENO, usual) == -1)
        return false;
    struct termios silent = *usual;
    silent.c_lflag &= (tcflag_t)~(ECHO | ECHOE | ECHOK | ECHONL);
    silent.c_cc[VSUSP] = _POSIX_VDISABLE;
    return tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
}

bool terminal_ask_secret(const char *question, struct secret *secret,
                         struct error *err)
{
    struct endings before;
    struct termios usual;
    struct buf line;

    buf_init(&line, LINE_MAX_LENGTH);
    /* All at once: growing would leave copies. */
    buf_reserve(&line, LINE_MAX_LENGTH);
    hold_endings(&before);
    bool is_silent = silence_terminal(&usual);
    terminal_print("%s: ", question);
    bool done = read_line(&line, &before.mask, err);
    if (is_silent)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
    terminal_print("\n");
    release_endings(&before);
    if (done)
        secret_take(secret, alloc_bytes(line.data, line.length), line.length);
    buf_wipe(&line);
    return done;
}

void terminal_progress(const char *format, ...)
{
    struct buf text;
    va_list args;

    if (isatty(STDERR_FILENO) == 0)
        return;
    buf_init(&text, COLUMNS);
    va_start(args, format);
    buf_add_vformat(&text, format, args);
    va_end(args);
    fprintf(stderr, "\r%s\033[K", text.data);
    fflush(stderr);
    buf_free(&text);
}

/* For the signal handler: made before it can run. */
static int watched = -1;
static char wait_lines[WAIT_LINES][512];
static volatile sig_atomic_t shown;

static void on_alarm(int signal)
{
    int number = errno;

    (void)signal;
    if (shown < WAIT_LINES) {
        const char *line = wait_lines[shown++];
        ssize_t ignored = write(watched, line, strlen(line));
        (void)ignored;
    }
    errno = number;
}

static void set_timer(long seconds)
{
    const struct itimerval timer = {
        .it_interval.tv_sec = seconds,
        .it_value.tv_sec = seconds,
    };

    setitimer(ITIMER_REAL, &timer, NULL);
}

void terminal_wait_begin(FILE *out)
{
    struct sigaction action = { .sa_handler = on_alarm,
                                .sa_flags = SA_RESTART };

    if (isatty(fileno(out)) == 0)
        return;
    watched = fileno(out);
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
}

static void set_wait_line(size_t index, const char *verb, const char *what)
{
    struct buf line, safe;

    buf_init(&line, SIZE_MAX);
    buf_init(&safe, sizeof wait_lines[index] - 2);
    buf_add_format(&line, "%8d s   %s%s", (int)(index + 1) * WAIT_SECONDS, verb,
                   what);
    text_escape(&safe, line.data, line.length);
    memcpy(wait_lines[index], safe.data, safe.length);
    memcpy(wait_lines[index] + safe.length, "\n", 2);
    buf_free(&line);
    buf_free(&safe);
}

void terminal_wait_for(const char *what, const char *cause)
{
    if (watched == -1)
        return;
    set_timer(0);
    set_wait_line(0, "waiting for ", what);
    if (cause != NULL)
        set_wait_line(1, "", cause);
    else
        set_wait_line(1, "still waiting for ", what);
    shown = 0;
    set_timer(WAIT_SECONDS);
}

void terminal_wait_end(void)
{
    if (watched == -1)
        return;
    set_timer(0);
    signal(SIGALRM, SIG_DFL);
    watched = -1;
}
