/*
 * fake_time.c - clocks that a test sets: two numbers of seconds in the file
 * that $FAKE_TIME names. To be preloaded. time() is ahead by the first, the
 * clocks that count from the start of the machine by the second.
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload.h"

static volatile int64_t *ahead;

__attribute__((constructor)) static void prepare(void)
{
    ahead = shared_numbers("FAKE_TIME");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (ahead != NULL && (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME))
        now->tv_sec += (time_t)ahead[1];
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    time_t seconds = now.tv_sec + (ahead == NULL ? 0 : (time_t)ahead[0]);
    if (out != NULL)
        *out = seconds;
    return seconds;
}
