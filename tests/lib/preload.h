/*
 * preload.h - numbers that a test and the programs under test share: what the
 * libraries of lib/preload.py have in common
 */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The numbers in the file that $NAME names, as long as the process lives; NULL
 * if there is none. To be called by a constructor: later the process may have
 * shut itself in.
 */
static volatile int64_t *shared_numbers(const char *name)
{
    const char *path = getenv(name);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);

    if (fd == -1)
        return NULL;
    void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE),
                      PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

#endif
