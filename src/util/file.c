#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

#include "util/alloc.h"
#include "util/io.h"

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
