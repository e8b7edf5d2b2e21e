/* other_time.c - for LD_PRELOAD: time(3) as another clock has it
 *
 * $OTHER_TIME is a file whose first eight octets are the seconds to add; what
 * is written there counts at once.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void look(void)
{
    const char *path = getenv("OTHER_TIME");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *data = fd == -1 ? MAP_FAILED
                          : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED,
                                 fd, 0);

    offset = data == MAP_FAILED ? NULL : data;
}

time_t time(time_t *result)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    time_t value = now.tv_sec + (offset == NULL ? 0 : (time_t)*offset);
    if (result != NULL)
        *result = value;
    return value;
}
