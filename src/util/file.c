#include "util/file.h"

#include <string.h>

#include "util/alloc.h"

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
