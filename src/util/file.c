#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/error.h"
#include "util/io.h"
#include "util/random.h"

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

char *path_folder(const char *path)
{
    const char *name = path_name(path);

    if (name == path)
        return alloc_string(".");
    return name == path + 1 ? alloc_string("/")
                            : alloc_bytes(path, (size_t)(name - 1 - path));
}

char *path_beside(const char *path, const char *name)
{
    return alloc_format("%.*s%s", (int)(path_name(path) - path), path, name);
}

DIR *folder_open(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);

    if (directory == NULL) {
        int number = errno;
        io_close(&fd);
        errno = number;
    }
    return directory;
}

const char *folder_next(DIR *directory)
{
    const struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(directory);
    } while (entry != NULL && (strcmp(entry->d_name, ".") == 0 ||
                               strcmp(entry->d_name, "..") == 0));
    return entry == NULL ? NULL : entry->d_name;
}

bool folder_list(int folder, struct strings *names)
{
    DIR *directory = folder_open(folder);
    const char *name;

    if (directory == NULL)
        return false;
    while ((name = folder_next(directory)) != NULL)
        strings_add(names, name);
    int number = errno;
    closedir(directory);
    errno = number;
    return number == 0;
}

/* False with errno, which is 0 if it is not a regular file. */
static bool is_regular(int fd, struct stat *status)
{
    if (fd == -1 || fstat(fd, status) == -1)
        return false;
    errno = 0;
    return S_ISREG(status->st_mode);
}

int file_open(const char *path, struct stat *status, struct error *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (is_regular(fd, status))
        return fd;
    int number = errno;
    if (number == 0)
        error_set(err, FAULT_CONFIG, "%s: not a regular file", path);
    else
        error_sys(err, FAULT_CONFIG, "%s", path);
    io_close(&fd);
    errno = number;
    return -1;
}

/* Limits are whole kilobytes, most of them whole megabytes. */
static bool refuse_size(const char *path, size_t limit, struct error *err)
{
    const size_t megabyte = 1 << 20;

    return limit % megabyte == 0
           ? error_set(err, FAULT_CONFIG, "%s: is larger than %zu MB", path,
                       limit / megabyte)
           : error_set(err, FAULT_CONFIG, "%s: is larger than %zu KB", path,
                       limit / 1024);
}

bool file_read_from(int fd, const char *path, struct buf *out,
                    struct error *err)
{
    if (io_read_all(fd, out, err))
        return true;
    return err->fault == FAULT_DATA ? refuse_size(path, out->limit, err)
                                    : error_prefix(err, "%s", path);
}

bool file_read(const char *path, struct buf *out, struct error *err)
{
    struct stat status;
    int fd = file_open(path, &status, err);
    bool done = fd != -1 && file_read_from(fd, path, out, err);

    io_close(&fd);
    return done;
}

int file_create_named(int folder, const char *prefix, int how, mode_t mode,
                      char **name)
{
    char id[RANDOM_ID_LENGTH + 1];

    random_id(id);
    *name = alloc_format("%s%s", prefix, id);
    int fd = openat(folder, *name,
                    O_CREAT | O_EXCL | O_NOFOLLOW | how | O_CLOEXEC, mode);
    if (fd == -1) {
        free(*name);
        *name = NULL;
    }
    return fd;
}

int file_create_nameless(int folder, const char *prefix, int how, mode_t mode,
                         char **name)
{
    int fd = openat(folder, ".", O_TMPFILE | how | O_CLOEXEC, mode);

    *name = NULL;
    /* A kernel that does not know the flag sees a folder that is to be
     * written. */
    if (fd != -1 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    return file_create_named(folder, prefix, how, mode, name);
}

static bool write_draft(int fd, const struct replacement *file,
                        const struct buf *text)
{
    return fd != -1 && fchmod(fd, file->mode) == 0 &&
           io_write_all(fd, text->data, text->length) &&
           (!file->is_durable || fsync(fd) == 0);
}

bool file_replace(const struct replacement *file, const struct buf *text)
{
    int fd = openat(file->folder, file->draft, O_CREAT | O_TRUNC | O_WRONLY |
                    O_NOFOLLOW | O_CLOEXEC, file->mode);
    bool done = write_draft(fd, file, text) &&
                renameat(file->folder, file->draft, file->folder,
                         file->name) == 0 &&
                (!file->is_durable || fsync(file->folder) == 0);
    int number = errno;

    if (!done)
        unlinkat(file->folder, file->draft, 0);
    io_close(&fd);
    errno = number;
    return done;
}
