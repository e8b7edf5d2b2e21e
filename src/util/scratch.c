#include "util/scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file.h"
#include "util/io.h"

#define MEMORY_MAX (1u << 20)   /* octets kept in memory */

void scratch_close(struct scratch *scratch)
{
    io_close(&scratch->fd);
}

const char *scratch_place(size_t i)
{
    const char *chosen = secure_getenv("TMPDIR");
    const char *const places[] = {
        chosen != NULL && *chosen == '/' ? chosen : "/var/tmp",
        "/var/tmp", "/tmp"
    };

    return i < sizeof places / sizeof *places ? places[i] : NULL;
}

static int open_unlinked(int folder)
{
    char *name;
    int fd = file_create_nameless(folder, ".", O_RDWR, 0600, &name);

    if (name != NULL && unlinkat(folder, name, 0) == -1)
        io_close(&fd);
    free(name);
    return fd;
}

/* -1 with errno if no folder takes one. */
static int open_temporary_file(int folder)
{
    const char *place;
    int fd = -1;

    if (folder != SCRATCH_PLACES)
        return open_unlinked(folder);
    for (size_t i = 0; fd == -1 && (place = scratch_place(i)) != NULL; i++) {
        int chosen = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
        fd = chosen == -1 ? -1 : open_unlinked(chosen);
        io_close(&chosen);
    }
    return fd;
}

bool scratch_open_in(struct scratch *scratch, int folder, struct error *err)
{
    int fd = memfd_create("postrider message", MFD_CLOEXEC);

    *scratch = (struct scratch){ .fd = fd, .folder = folder,
                                 .in_memory = fd != -1 };
    if (fd == -1)
        scratch->fd = open_temporary_file(folder);
    if (scratch->fd != -1)
        return true;
    error_sys(err, FAULT_TEMPORARY, "a temporary file");
    return false;
}

bool scratch_open(struct scratch *scratch, struct error *err)
{
    return scratch_open_in(scratch, SCRATCH_PLACES, err);
}

/* A large message does not belong in memory; but better there than nowhere. */
static void move_to_file(struct scratch *scratch)
{
    int fd = open_temporary_file(scratch->folder);

    scratch->in_memory = false;
    if (fd != -1 && io_copy(scratch->fd, fd, scratch->length)) {
        close(scratch->fd);
        scratch->fd = fd;
    } else {
        io_close(&fd);
    }
}

bool scratch_write(struct scratch *scratch, const void *data, size_t length)
{
    if (scratch->in_memory && scratch->length + length > MEMORY_MAX)
        move_to_file(scratch);
    if (!io_write_all(scratch->fd, data, length))
        return false;
    scratch->length += length;
    return true;
}

bool scratch_copy(struct scratch *scratch, int from, uint64_t start,
                  uint64_t length)
{
    struct io_blocks blocks = io_blocks(from, start, start + length);
    bool written = true;

    while (written && io_blocks_next(&blocks))
        written = scratch_write(scratch, blocks.data, blocks.length);
    return io_blocks_end(&blocks) && written;
}

bool scratch_keep(int *fd, mode_t mode, const void *data, size_t length,
                  struct error *err)
{
    struct scratch scratch;

    io_close(fd);
    if (!scratch_open(&scratch, err))
        return false;
    bool kept = fchmod(scratch.fd, mode) == 0 &&
                scratch_write(&scratch, data, length);
    *fd = scratch.fd;
    return kept || error_sys(err, FAULT_TEMPORARY, "a temporary file");
}
