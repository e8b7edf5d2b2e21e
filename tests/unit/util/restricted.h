/*
 * restricted.h - what becomes of a call in a process that gave up rights
 */
#ifndef POSTRIDER_TESTS_UNIT_UTIL_RESTRICTED_H
#define POSTRIDER_TESTS_UNIT_UTIL_RESTRICTED_H

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNSUPPORTED 255     /* by this kernel; no errno, no signal */

/*
 * Restrict a child, let it try something there: 0 if that worked, its errno,
 * minus the signal that ended the child, or UNSUPPORTED.
 *
 * restrict_self  false: the kernel has no such restriction
 * attempt        a result as of a system call
 */
static int in_restricted_child(bool (*restrict_self)(const void *),
                               const void *rules,
                               long (*attempt)(const void *),
                               const void *argument)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        if (!restrict_self(rules))
            _exit(UNSUPPORTED);
        /* Before _exit() the sanitizers make other system calls. */
        syscall(SYS_exit_group, attempt(argument) == -1 ? errno : 0);
    }
    if (pid == -1 || waitpid(pid, &status, 0) != pid)
        return UNSUPPORTED;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
