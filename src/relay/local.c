#include "relay/local.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/file.h"
#include "util/unix_socket.h"

static void make_folder_of(const char *path)
{
    char *folder = path_folder(path);
    mode_t old = umask(022);

    mkdir(folder, 0755);        /* bind(2) fails if it is missing */
    umask(old);
    free(folder);
}

static bool is_socket(const char *path, struct stat *status)
{
    return lstat(path, status) == 0 && S_ISSOCK(status->st_mode);
}

static bool somebody_listens(const char *path)
{
    int fd = unix_socket_connect(path, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd == -1)
        return errno == EAGAIN;
    close(fd);
    return true;
}

bool local_is_served(const char *path)
{
    struct stat status;

    return is_socket(path, &status) &&
           (status.st_uid == 0 || status.st_uid == geteuid()) &&
           somebody_listens(path);
}

static bool bind_socket(int fd, const struct sockaddr_un *address,
                        socklen_t length, mode_t mode)
{
    mode_t old = umask((mode_t)(0777 & ~mode));
    int result = bind(fd, (const struct sockaddr *)address, length);

    umask(old);
    return result == 0;
}

int local_listen(const char *path, mode_t mode, struct error *err)
{
    struct sockaddr_un address;
    struct stat status;
    socklen_t length;

    if (!unix_socket_address(path, &address, &length)) {
        error_set(err, FAULT_CONFIG, "%s: longer than %zu octets", path,
                  unix_socket_path_max());
        return -1;
    }
    make_folder_of(path);
    if (is_socket(path, &status) && !somebody_listens(path))
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd != -1 && bind_socket(fd, &address, length, mode) &&
        listen(fd, 64) == 0)
        return fd;
    if (errno == ENOENT || errno == EACCES || errno == EROFS) {
        error_sys(err, FAULT_CREATE, "listen at %s", path);
        error_remedy(err, "make its directory for the daemon's user");
    } else if (errno == EADDRINUSE) {
        error_set(err, FAULT_CONFIG, "%s is in use", path);
        error_remedy(err, "is another daemon running?");
    } else {
        error_sys(err, FAULT_CONFIG, "listen at %s", path);
    }
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
