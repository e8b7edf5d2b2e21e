#include "util/file.h"
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/folder.h"
#include "util/text.h"

/* Descriptors 0 to 2 must be something, or the next open() gets their number
 * and diagnostics end up in a message. */
static void open_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != -1)
            continue;
        /* Write-only for 0, so that reading it fails. */
        int opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDWR);
        if (opened == -1)
            opened = open("/", O_RDONLY | O_DIRECTORY);
        if (opened != fd)
            _exit(71);
    }
}

void process_start(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };
    sigset_t none;

    open_standard_descriptors();
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(077);
}

void process_hide_memory(void)
{
    struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void process_be_called(const char *name)
{
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

static bool is_among(int fd, const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] == fd)
            return true;
    return false;
}

bool process_close_all_but(const int *fds, size_t count)
{
    DIR *directory = opendir("/proc/self/fd");
    const char *name;
    uint64_t fd;

    if (directory == NULL)
        return false;
    while ((name = folder_next(directory)) != NULL)
        if (text_to_number(name, INT_MAX, &fd) && fd > 2 &&
            (int)fd != dirfd(directory) && !is_among((int)fd, fds, count))
            close((int)fd);
    bool all = errno == 0;
    closedir(directory);
    return all;
}

char *process_executable(void)
{
    char *path = alloc_zero(1, PATH_MAX + 1);
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX);

    if (length <= 0 || path[0] != '/') {
        free(path);
        return NULL;
    }
    return path;
}

char *process_beside(const char *name)
{
    char *self = process_executable();
    char *path = NULL;

    if (self != NULL)
        path = path_beside(self, name);
    free(self);
    return path;
}
