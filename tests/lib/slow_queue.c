/*
 * slow_queue.c - a queue that takes long to be read: each file with a queue-id
 * for a name is opened a moment later, but for the first ones, as long as the
 * file that $SLOW_QUEUE names begins with a number other than 0. To be
 * preloaded.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>

#include "preload.h"

#define FIRST 700               /* files that are opened at once */
#define MOMENT 50               /* milliseconds */

static volatile int64_t *slow;

__attribute__((constructor)) static void prepare(void)
{
    slow = shared_numbers("SLOW_QUEUE");
}

static void wait_a_moment(const char *name)
{
    static int opened;

    if (slow == NULL || *slow == 0 || strlen(name) != 32 ||
        strspn(name, "0123456789abcdef") != 32 || ++opened <= FIRST)
        return;
    poll(NULL, 0, MOMENT);
}

int openat64(int folder, const char *name, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t)
                                                       : 0;
    va_end(args);
    wait_a_moment(name);
    return (int)syscall(SYS_openat, folder, name, flags, mode);
}

int openat(int folder, const char *name, int flags, ...)
    __attribute__((alias("openat64")));
