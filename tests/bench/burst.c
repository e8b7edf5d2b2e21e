/*
 * burst.c - CALLERS processes that each run a program EACH times, one after
 * the other, with a file as its standard input; prints what a run cost, in
 * microseconds of time and of CPU.
 *
 * burst CALLERS EACH INPUT ROOT PROGRAM [ARGUMENT ...]
 *
 * ROOT is that of the program: chroot(8) would be one program more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int run_once(const char *input, const char *root, char **arguments)
{
    int status;
    pid_t child = vfork();

    if (child == 0) {
        int fd = open(input, O_RDONLY);
        dup2(fd, 0);
        if (root[1] != '\0' && (chroot(root) == -1 || chdir("/") == -1))
            _exit(126);
        execv(arguments[0], arguments);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return status != 0;
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    struct timespec start, end;
    struct rusage usage;
    int failures = 0, status;

    if (argc < 6)
        return 64;
    int callers = atoi(argv[1]), each = atoi(argv[2]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < callers; i++)
        if (fork() == 0) {
            int failed = 0;
            for (int k = 0; k < each; k++)
                failed |= run_once(argv[3], argv[4], argv + 5);
            _exit(failed);
        }
    while (wait(&status) > 0)
        failures += status != 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    getrusage(RUSAGE_CHILDREN, &usage);
    double wall = (double)(end.tv_sec - start.tv_sec) +
                  (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    double cpu = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
    int runs = callers * each;
    printf("%.0f %.0f\n", wall / runs * 1e6, cpu / runs * 1e6);
    return failures != 0;
}
