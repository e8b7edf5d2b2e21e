/*
 * no_sync.c - linked into programs: fsync(2) of what $NO_SYNC names, "files" or
 * "folders", does nothing
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd)
{
    const char *kind = getenv("NO_SYNC");
    struct stat status;

    if (kind != NULL && fstat(fd, &status) == 0 &&
        strcmp(kind, S_ISDIR(status.st_mode) ? "folders" : "files") == 0)
        return 0;
    return (int)syscall(SYS_fsync, fd);
}
