#include "wrap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CRASHED 137             /* what a shell says of SIGKILL */

/* Mutable, since a wrapped call has no argument to hold it. */
static struct {
    struct wrap_plan plan;
    unsigned calls;
    const char *failed;
    bool from_environment;      /* has been looked at */
} wrap;

void wrap_start(struct wrap_plan plan)
{
    wrap.plan = plan;
    wrap.calls = 0;
    wrap.failed = NULL;
    wrap.from_environment = true;
}

unsigned wrap_stop(void)
{
    wrap.plan = (struct wrap_plan){ 0 };
    return wrap.calls;
}

const char *wrap_failed(void)
{
    return wrap.failed;
}

/* The plan for a whole program under test is WRAP="AT HOW LASTING". */
static void look_at_environment(void)
{
    const char *text = getenv("WRAP");
    char *rest = NULL;

    wrap.from_environment = true;
    if (text == NULL)
        return;
    wrap.plan.at = (unsigned)strtoul(text, &rest, 10);
    wrap.plan.how = (int)strtol(rest, &rest, 10);
    wrap.plan.lasting = strtol(rest, NULL, 10) != 0;
}

/* The file named by WRAP_CALLS learns how many calls the program made. */
__attribute__((destructor)) static void tell_calls(void)
{
    const char *path = getenv("WRAP_CALLS");
    FILE *file = path == NULL ? NULL : fopen(path, "w");

    if (file == NULL)
        return;
    fprintf(file, "%u\n", wrap.calls);
    fclose(file);
}

/* Tidying up works on a full disk. */
static bool can_last(const char *name)
{
    return strcmp(name, "unlinkat") != 0;
}

/* Is this call the one? For a short call, *length is halved instead. */
static bool fails(const char *name, size_t *length)
{
    if (!wrap.from_environment)
        look_at_environment();
    wrap.calls++;
    if (wrap.plan.at == 0 || wrap.calls < wrap.plan.at ||
        (wrap.calls > wrap.plan.at &&
         !(wrap.plan.lasting && can_last(name))))
        return false;
    if (wrap.plan.how == WRAP_CRASH)
        _exit(CRASHED);
    if (wrap.failed == NULL)
        wrap.failed = name;
    if (wrap.plan.how == WRAP_SHORT) {
        if (length != NULL && *length > 1)
            *length /= 2;
        return false;
    }
    errno = wrap.plan.how;
    return true;
}

/* With 64-bit offsets and times, libc has other symbols for some calls. */
#ifndef __GLIBC__
#define WIDE(name) name
#define WIDE_TIME(name) name
#else
#define WIDE(name) name##64
#if __TIMESIZE == 64
#define WIDE_TIME(name) name##64
#else
#define WIDE_TIME(name) __##name##64_time64
#endif
#endif
#define JOIN(prefix, name) prefix##name
#define REAL(name) JOIN(__real_, name)
#define WRAPPER(name) JOIN(__wrap_, name)

/* Most calls differ in nothing but their arguments. */
#define WRAP(type, name, parameters, arguments, failure)                      \
    type REAL(name) parameters;                                               \
    type WRAPPER(name) parameters;                                            \
    type WRAPPER(name) parameters                                             \
    {                                                                         \
        return fails(#name, NULL) ? (failure) : REAL(name) arguments;         \
    }

WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, WIDE_TIME(fstat), (int fd, struct stat *status), (fd, status), -1)
WRAP(int, WIDE_TIME(fstatat),
     (int folder, const char *path, struct stat *status, int flags),
     (folder, path, status, flags), -1)
WRAP(int, faccessat, (int folder, const char *path, int mode, int flags),
     (folder, path, mode, flags), -1)
WRAP(int, access, (const char *path, int mode), (path, mode), -1)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, WIDE(ftruncate), (int fd, off_t length), (fd, length), -1)
WRAP(off_t, WIDE(lseek), (int fd, off_t offset, int whence),
     (fd, offset, whence), -1)
WRAP(int, linkat,
     (int from, const char *old, int to, const char *new, int flags),
     (from, old, to, new, flags), -1)
WRAP(int, renameat, (int from, const char *old, int to, const char *new),
     (from, old, to, new), -1)
WRAP(int, unlinkat, (int folder, const char *path, int flags),
     (folder, path, flags), -1)
WRAP(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL)
WRAP(struct dirent *, WIDE(readdir), (DIR *directory), (directory), NULL)
WRAP(int, socket, (int domain, int type, int protocol),
     (domain, type, protocol), -1)
WRAP(int, flock, (int fd, int operation), (fd, operation), -1)
WRAP(int, WIDE(posix_fallocate), (int fd, off_t start, off_t length),
     (fd, start, length), errno)        /* it returns the number */
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t length),
     (fd, to, length), -1)

int REAL(WIDE(fstatfs))(int fd, struct statfs *status);
int WRAPPER(WIDE(fstatfs))(int fd, struct statfs *status);
int WRAPPER(WIDE(fstatfs))(int fd, struct statfs *status)
{
    if (fails("fstatfs", NULL))
        return -1;
    int result = REAL(WIDE(fstatfs))(fd, status);

    if (wrap.plan.old_kernel)
        status->f_type = 0;
    return result;
}

#define WRAP_SHORTENED(type, name, parameters, arguments)                     \
    type REAL(name) parameters;                                               \
    type WRAPPER(name) parameters;                                            \
    type WRAPPER(name) parameters                                             \
    {                                                                         \
        return fails(#name, &length) ? -1 : REAL(name) arguments;             \
    }

WRAP_SHORTENED(ssize_t, read, (int fd, void *data, size_t length),
               (fd, data, length))
WRAP_SHORTENED(ssize_t, write, (int fd, const void *data, size_t length),
               (fd, data, length))
WRAP_SHORTENED(ssize_t, WIDE(pread),
               (int fd, void *data, size_t length, off_t offset),
               (fd, data, length, offset))

int REAL(WIDE(open))(const char *path, int flags, ...);
int WRAPPER(WIDE(open))(const char *path, int flags, ...);
int WRAPPER(WIDE(open))(const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t)
                                                       : 0;
    va_end(rest);
    return fails("open", NULL) ? -1 : REAL(WIDE(open))(path, flags, mode);
}

int REAL(WIDE(openat))(int folder, const char *path, int flags, ...);
int WRAPPER(WIDE(openat))(int folder, const char *path, int flags, ...);
int WRAPPER(WIDE(openat))(int folder, const char *path, int flags, ...)
{
    va_list rest;

    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t)
                                                       : 0;
    va_end(rest);
    if (wrap.plan.old_kernel && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return fails("openat", NULL) ? -1 : REAL(WIDE(openat))(folder, path,
                                                           flags, mode);
}

/* openat2 and renameat2. No call has more than five arguments here. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list rest;
    long argument[5];

    va_start(rest, number);
    for (int i = 0; i < 5; i++)
        argument[i] = va_arg(rest, long);
    va_end(rest);
    if (wrap.plan.old_kernel) {
        errno = number == SYS_renameat2 ? EINVAL : ENOSYS;
        return -1;
    }
    if (fails(number == SYS_renameat2 ? "renameat2" : "openat2", NULL))
        return -1;
    return __real_syscall(number, argument[0], argument[1], argument[2],
                          argument[3], argument[4]);
}

/* There is another source, but none at all where every call fails. */
ssize_t __real_getrandom(void *data, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *data, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *data, size_t length, unsigned flags)
{
    size_t shorter = length;

    if (fails("getrandom", &shorter) && !wrap.plan.lasting)
        return -1;
    return __real_getrandom(data, shorter, flags);
}
