/*
 * wrap.h - system calls that fail when a test says so
 *
 * The programs in this folder are linked with --wrap for each call in wrap.c:
 * calls of the code under test are counted, and the planned one fails. Without
 * a plan all calls go through.
 */
#ifndef POSTRIDER_TESTS_WRAP_H
#define POSTRIDER_TESTS_WRAP_H

#include <stdbool.h>

/* How the planned call fails: with an errno, or one of these. */
enum {
    WRAP_SHORT = -1,            /* half of a read or a write is done */
    WRAP_CRASH = -2             /* the process ends, as by SIGKILL */
};

struct wrap_plan {
    unsigned at;                /* the how-manieth call, from 1; 0: none */
    int how;
    bool lasting;               /* and all later ones but unlinkat:
                                 * a disk that is full stays full */
    bool old_kernel;            /* no O_TMPFILE, renameat2, openat2, and a file
                                 * system that is not known */
};

/* From now on, count from 1 and let a call fail. */
void wrap_start(struct wrap_plan plan);

/* Back to normal. Returns how many calls there were. */
unsigned wrap_stop(void);

/* The first call that failed, "fsync"; NULL if the plan was never reached. */
const char *wrap_failed(void);

#endif
