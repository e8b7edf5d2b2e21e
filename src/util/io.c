#include "util/io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"

/* Spools are on file systems whose inodes and sizes need it. */
_Static_assert(sizeof(off_t) >= 8, "_FILE_OFFSET_BITS is not 64");

#define RENAME_NOREPLACE_FLAG 1u    /* RENAME_NOREPLACE of <linux/fs.h> */

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

void io_find_data(int fd, uint64_t at, uint64_t end, uint64_t *start,
                  uint64_t *stop)
{
    off_t data = lseek(fd, (off_t)at, SEEK_DATA);
    off_t hole = -1;

    if (data == -1)
        *start = errno == ENXIO ? end : at;
    else
        *start = (uint64_t)data < end ? (uint64_t)data : end;
    if (*start < end)
        hole = lseek(fd, (off_t)*start, SEEK_HOLE);
    *stop = hole > (off_t)*start && (uint64_t)hole < end ? (uint64_t)hole
                                                         : end;
}

struct io_blocks io_blocks(int fd, uint64_t at, uint64_t end)
{
    return (struct io_blocks){ .fd = fd, .at = at, .end = end };
}

bool io_blocks_next(struct io_blocks *blocks)
{
    uint64_t rest = blocks->end - blocks->at;
    size_t size = rest < IO_BLOCK ? (size_t)rest : IO_BLOCK;

    if (blocks->at >= blocks->end || blocks->error != 0)
        return false;
    /* No later block is larger than the first. */
    if (blocks->data == NULL)
        blocks->data = alloc_resize(NULL, size, 1);
    ssize_t got = io_read_at(blocks->fd, blocks->data, size,
                             (off_t)blocks->at);
    if (got <= 0) {
        blocks->error = got == 0 ? ENODATA : errno;
        return false;
    }
    blocks->length = (size_t)got;
    blocks->at += (uint64_t)got;
    return true;
}

bool io_blocks_end(struct io_blocks *blocks)
{
    int number = blocks->error != 0 ? blocks->error : errno;

    free(blocks->data);
    blocks->data = NULL;
    errno = number;
    return blocks->error == 0;
}

bool io_copy(int from, int to, uint64_t length)
{
    struct io_blocks blocks = io_blocks(from, 0, length);
    bool written = true;

    while (written && io_blocks_next(&blocks))
        written = io_write_all(to, blocks.data, blocks.length);
    return io_blocks_end(&blocks) && written;
}

bool io_rename_new(int folder, const char *from, int to_folder,
                   const char *to)
{
    /* musl has no function for it. */
    if (syscall(SYS_renameat2, folder, from, to_folder, to,
                RENAME_NOREPLACE_FLAG) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    /* A file system or kernel without it: a link never replaces, either. The
     * new name counts from then on, whatever becomes of the old one. */
    if (linkat(folder, from, to_folder, to, 0) == -1)
        return false;
    unlinkat(folder, from, 0);
    return true;
}

ssize_t io_read_more(int fd, struct buf *out)
{
    enum { STEP = 4096 };
    size_t left = out->limit - out->length;
    size_t room = left < STEP ? left : STEP;
    char *start = buf_reserve(out, room), more;
    /* A full buffer holds all if nothing follows. */
    ssize_t got = room > 0 ? io_read(fd, start, room) : io_read(fd, &more, 1);

    if (got > 0 && room == 0) {
        errno = EFBIG;
        return -1;
    }
    if (got > 0) {
        out->length += (size_t)got;
        out->data[out->length] = '\0';
    }
    return got;
}

bool io_read_all(int fd, struct buf *out, struct error *err)
{
    ssize_t got;

    while ((got = io_read_more(fd, out)) > 0)
        ;
    if (got == -1 && errno == EFBIG)
        return error_set(err, FAULT_DATA, "larger than %zu octets",
                         out->limit);
    return got == 0 || error_sys(err, FAULT_IO, "read");
}

void io_close(int *fd)
{
    if (*fd != -1)
        close(*fd);
    *fd = -1;
}
