#include "util/io.h"

#include <errno.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/error.h"

bool io_write_all(int fd, const void *data, size_t length)
{
    const char *rest = data;

    while (length > 0) {
        ssize_t done = write(fd, rest, length);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return false;
        rest += done;
        length -= (size_t)done;
    }
    return true;
}

ssize_t io_read(int fd, void *data, size_t length)
{
    ssize_t done;

    do
        done = read(fd, data, length);
    while (done == -1 && errno == EINTR);
    return done;
}

ssize_t io_read_at(int fd, void *data, size_t length, off_t offset)
{
    char *rest = data;
    size_t total = 0;

    while (total < length) {
        ssize_t done = pread(fd, rest + total, length - total,
                             offset + (off_t)total);
        if (done == -1 && errno == EINTR)
            continue;
        if (done == -1)
            return -1;
        if (done == 0)
            break;
        total += (size_t)done;
    }
    return (ssize_t)total;
}

bool io_read_all(int fd, struct buf *out, struct error *err)
{
    enum { STEP = 4096 };

    for (;;) {
        char *room = buf_reserve(out, STEP);
        if (room == NULL)
            return error_set(err, FAULT_DATA, "larger than %zu octets",
                             out->limit);
        ssize_t done = io_read(fd, room, STEP);
        if (done == -1)
            return error_sys(err, FAULT_IO, "read");
        if (done == 0) {
            out->data[out->length] = '\0';
            return true;
        }
        out->length += (size_t)done;
    }
}

void io_close(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}
