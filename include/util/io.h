/*
 * io.h - reads and writes that are whole or fail
 *
 * EINTR is retried, short writes are continued.
 */
#ifndef POSTRIDER_UTIL_IO_H
#define POSTRIDER_UTIL_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct error;

bool io_write_all(int fd, const void *data, size_t length);     /* errno */

/* Up to length octets; 0 is end of file, -1 is errno. */
ssize_t io_read(int fd, void *data, size_t length);

/* Up to length octets from offset, fewer only at the end of file; -1: errno. */
ssize_t io_read_at(int fd, void *data, size_t length, off_t offset);

#define IO_BLOCK ((size_t)65536)        /* octets that are read at a time */

/*
 * The octets [at, end) of a file, in blocks:
 *
 *     struct io_blocks blocks = io_blocks(fd, at, end);
 *     while (io_blocks_next(&blocks))
 *         use(blocks.data, blocks.length);
 *     whole = io_blocks_end(&blocks);
 *
 * The loop may be left early. whole is false with errno if a read failed, with
 * ENODATA if the file is shorter; otherwise errno stays as it was.
 */
struct io_blocks {
    char *data;                 /* the block, valid until the next one */
    size_t length;
    uint64_t at, end;           /* what follows it */
    int fd;
    int error;
};

struct io_blocks io_blocks(int fd, uint64_t at, uint64_t end);
bool io_blocks_next(struct io_blocks *blocks);
bool io_blocks_end(struct io_blocks *blocks);

/*
 * Where the next octets are that are not in a hole, from at on: at [*start,
 * *stop), or *start == end if there are none before end. On a file system that
 * does not know holes all octets are such.
 */
void io_find_data(int fd, uint64_t at, uint64_t end, uint64_t *start,
                  uint64_t *stop);

/* Write the first length octets of one file to another's offset. False with
 * errno if that fails or the file is shorter (ENODATA). */
bool io_copy(int from, int to, uint64_t length);

/* Rename from one folder to another, or within one, unless the new name exists
 * (EEXIST). The old name may be left on old kernels: unlink it afterwards. */
bool io_rename_new(int folder, const char *from, int to_folder,
                   const char *to);

/* Append what one read(2) gives: how many octets, 0 at the end, -1 with errno,
 * which is EFBIG when the limit of out is reached and there is more. */
ssize_t io_read_more(int fd, struct buf *out);

/* Append all of an open file. False with FAULT_IO, or with FAULT_DATA when
 * the limit of out is exceeded. */
bool io_read_all(int fd, struct buf *out, struct error *err);

/* Close unless it is -1; set it to -1. */
void io_close(int *fd);

#endif
