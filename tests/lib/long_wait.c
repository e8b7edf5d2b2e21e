/*
 * long_wait.c - poll() waits no longer than a moment, and the monotonic clock
 * goes on by all that it should have waited: a test sees in a second what is
 * done in minutes. The longest wait is written to the file that $LONG_WAIT
 * names, in milliseconds. To be preloaded.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <time.h>

#include "preload.h"

#define MOMENT 20               /* milliseconds */

static volatile int64_t *longest;
static int64_t skipped;         /* milliseconds */
static int (*real_poll)(struct pollfd *, nfds_t, int);
static int (*real_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void prepare(void)
{
    longest = shared_numbers("LONG_WAIT");
    real_poll = (int (*)(struct pollfd *, nfds_t, int))
        dlsym(RTLD_NEXT, "poll");
    real_clock = (int (*)(clockid_t, struct timespec *))
        dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = real_clock(clock, now);

    if (clock == CLOCK_MONOTONIC) {
        now->tv_sec += skipped / 1000;
        now->tv_nsec += skipped % 1000 * 1000000;
        if (now->tv_nsec >= 1000000000) {
            now->tv_nsec -= 1000000000;
            now->tv_sec++;
        }
    }
    return done;
}

int poll(struct pollfd *set, nfds_t count, int timeout)
{
    if (longest == NULL || timeout <= MOMENT)
        return real_poll(set, count, timeout);
    if (timeout > *longest)
        *longest = timeout;
    int ready = real_poll(set, count, MOMENT);
    if (ready == 0)
        skipped += timeout - MOMENT;
    return ready;
}
