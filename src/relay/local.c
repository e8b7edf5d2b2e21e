#include "relay/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/file.h"

static void make_folder_of(const char *path)
{
    char *folder = path_folder(path);
    mode_t old = umask(022);

    mkdir(folder, 0755);        /* bind(2) tells if it is missing */
    umask(old);
    free(folder);
}

static bool set_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address->sun_path)
        return false;
    memcpy(address->sun_path, path, strlen(path));
    return true;
}

static bool is_socket(const char *path, struct stat *status)
{
    return lstat(path, status) == 0 && S_ISSOCK(status->st_mode);
}

static bool somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool taken = fd != -1 &&
                 (connect(fd, (const struct sockaddr *)address,
                          sizeof *address) == 0 || errno == EAGAIN);

    if (fd != -1)
        close(fd);
    return taken;
}

bool local_is_served(const char *path)
{
    struct sockaddr_un address;
    struct stat status;

    return set_address(&address, path) && is_socket(path, &status) &&
           (status.st_uid == 0 || status.st_uid == geteuid()) &&
           somebody_listens(&address);
}

static bool bind_socket(int fd, const struct sockaddr_un *address, mode_t mode)
{
    mode_t old = umask((mode_t)(0777 & ~mode));
    int result = bind(fd, (const struct sockaddr *)address, sizeof *address);

    umask(old);
    return result == 0;
}

int local_listen(const char *path, mode_t mode, struct error *err)
{
    struct sockaddr_un address;
    struct stat status;

    if (!set_address(&address, path)) {
        error_set(err, FAULT_CONFIG, "%s: longer than %zu octets", path,
                  sizeof address.sun_path - 1);
        return -1;
    }
    make_folder_of(path);
    if (is_socket(path, &status) && !somebody_listens(&address))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd != -1 && bind_socket(fd, &address, mode) &&
        listen(fd, 64) == 0)
        return fd;
    if (errno == ENOENT || errno == EACCES || errno == EROFS)
        error_sys(err, FAULT_CREATE, "listen at %s: make its directory for the "
                  "daemon's user", path);
    else if (errno == EADDRINUSE)
        error_set(err, FAULT_CONFIG, "%s is in use: is another daemon "
                  "running?", path);
    else
        error_sys(err, FAULT_CONFIG, "listen at %s", path);
    if (fd != -1)
        close(fd);
    return -1;
}

void local_remove(const char *path)
{
    struct stat status;

    if (is_socket(path, &status) && status.st_uid == geteuid())
        unlink(path);
}
