#include "postrider/patience.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/text.h"

#define SECONDS 5
#define LINES 2

/* For the signal handler: made before it can run. */
static int terminal = -1;
static char lines[LINES][512];
static volatile sig_atomic_t shown;

static void on_alarm(int signal)
{
    int number = errno;

    (void)signal;
    if (shown < LINES) {
        const char *line = lines[shown++];
        ssize_t ignored = write(terminal, line, strlen(line));
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

void patience_begin(FILE *out)
{
    struct sigaction action = { .sa_handler = on_alarm,
                                .sa_flags = SA_RESTART };

    if (isatty(fileno(out)) == 0)
        return;
    terminal = fileno(out);
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
}

static void set_line(size_t index, const char *verb, const char *what)
{
    struct buf line, safe;

    buf_init(&line, SIZE_MAX);
    buf_init(&safe, sizeof lines[index] - 2);
    buf_add_format(&line, "%8d s   %s%s", (int)(index + 1) * SECONDS, verb,
                   what);
    text_escape(&safe, line.data, line.length);
    memcpy(lines[index], safe.data, safe.length);
    memcpy(lines[index] + safe.length, "\n", 2);
    buf_free(&line);
    buf_free(&safe);
}

void patience_await(const char *what, const char *cause)
{
    if (terminal == -1)
        return;
    set_timer(0);
    set_line(0, "waiting for ", what);
    if (cause != NULL)
        set_line(1, "", cause);
    else
        set_line(1, "still waiting for ", what);
    shown = 0;
    set_timer(SECONDS);
}

void patience_end(void)
{
    if (terminal == -1)
        return;
    set_timer(0);
    signal(SIGALRM, SIG_DFL);
    terminal = -1;
}
