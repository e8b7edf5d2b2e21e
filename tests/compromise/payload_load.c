/*
 * payload_load.c - get into a process, and wait there
 *
 * To be preloaded, with $POSTRIDER_PAYLOAD as the file that is shared with the
 * run (run.py has its layout). The process does what it does, and shuts itself
 * in, until it waits in poll(2) and the run has named it: there the payload
 * takes over, with all that the process has open.
 *
 * The filter for system calls is the program's, but that it gives an errno
 * (payload.h) where it would end the process, so that one process can try all.
 */
#include "payload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IDLE, WANTED, TAKEN, LOOKED_AT, DONE };

#define PLAN_SIZE   65536
#define REPORT_SIZE 131072

struct shared {
    volatile int state;
    int process;                /* its pid */
    char plan[PLAN_SIZE];       /* acts, a line each; NUL after the last one */
    char report[REPORT_SIZE];
};

static struct shared *shared;
static size_t reported;
static int is_filtered;
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_prctl)(int, unsigned long, unsigned long, unsigned long,
                         unsigned long);

/* At once, before the process shuts itself in. */
__attribute__((constructor)) static void load(void)
{
    const char *path = getenv("POSTRIDER_PAYLOAD");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    *(void **)&real_poll = dlsym(RTLD_NEXT, "poll");
    *(void **)&real_prctl = dlsym(RTLD_NEXT, "prctl");
    if (fd == -1)
        return;
    void *memory = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED, fd, 0);
    if (memory != MAP_FAILED)
        shared = memory;
    close(fd);
}

static void add(const char *text)
{
    size_t length = strlen(text);

    if (reported + length >= REPORT_SIZE)
        return;
    memcpy(shared->report + reported, text, length + 1);
    reported += length;
}

void payload_report(const char *text, int error)
{
    char number[16];

    snprintf(number, sizeof number, "\t%d\n", error);
    add(text);
    add(number);
}

int payload_is_filtered(void)
{
    return is_filtered;
}

static void take_over(void)
{
    char *rest = shared->plan, *line;
    sigset_t all;

    shared->state = TAKEN;
    while (shared->state == TAKEN)
        usleep(1000);           /* the run looks at what is open */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    payload_try_calls();
    while ((line = strsep(&rest, "\n")) != NULL)
        if (*line != '\0')
            payload_try_act(line);
    shared->state = DONE;
    syscall(SYS_exit_group, 0);
}

/* What the program waits for is waited for in slices. */
int poll(struct pollfd *set, nfds_t count, int timeout)
{
    const int slice = 20;       /* milliseconds */

    for (;;) {
        if (shared != NULL && shared->state == WANTED &&
            shared->process == getpid())
            take_over();
        int wait = timeout >= 0 && timeout < slice ? timeout : slice;
        int ready = real_poll(set, count, wait);
        if (ready != 0 || (timeout >= 0 && timeout <= slice))
            return ready;
        if (timeout > 0)
            timeout -= slice;
    }
}

int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size);

int __poll_chk(struct pollfd *set, nfds_t count, int timeout, size_t size)
{
    (void)size;
    return poll(set, count, timeout);
}

/* ENOSYS stays: libraries go another way then. */
static void spare(struct sock_filter *item)
{
    unsigned action = item->k & SECCOMP_RET_ACTION_FULL;
    unsigned error = item->k & SECCOMP_RET_DATA;

    if (item->code != (BPF_RET | BPF_K))
        return;
    if (action == SECCOMP_RET_KILL_PROCESS || action == SECCOMP_RET_KILL)
        item->k = SECCOMP_RET_ERRNO | FILTER_ENDS_PROCESS;
    else if (action == SECCOMP_RET_ERRNO && error != ENOSYS)
        item->k = SECCOMP_RET_ERRNO | (FILTER_REFUSES + error);
}

static int set_filter(const struct sock_fprog *given)
{
    struct sock_fprog program = *given;
    size_t size = given->len * sizeof *given->filter;

    program.filter = malloc(size);
    memcpy(program.filter, given->filter, size);
    for (size_t i = 0; i < program.len; i++)
        spare(&program.filter[i]);
    int result = real_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                            (unsigned long)&program, 0, 0);
    free(program.filter);
    is_filtered = is_filtered || result == 0;
    return result;
}

int prctl(int option, ...)
{
    unsigned long values[4];
    va_list arguments;

    va_start(arguments, option);
    for (size_t i = 0; i < 4; i++)
        values[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    if (shared != NULL && option == PR_SET_SECCOMP &&
        values[0] == SECCOMP_MODE_FILTER)
        return set_filter((const struct sock_fprog *)values[1]);
    return real_prctl(option, values[0], values[1], values[2], values[3]);
}
