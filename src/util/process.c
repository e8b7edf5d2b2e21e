#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/alloc.h"
#include "util/buf.h"
#include "util/file.h"
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

void process_end_with(pid_t parent, int signal)
{
    prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
    if (getppid() != parent)
        raise(signal);
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

/* The name is the first of the comma list; & stands for the login name with a
 * capital letter. */
static char *full_name_of(const struct passwd *entry)
{
    const char *gecos = entry->pw_gecos != NULL ? entry->pw_gecos : "";
    struct buf name;

    buf_init(&name, SIZE_MAX);
    for (; *gecos != '\0' && *gecos != ','; gecos++) {
        if (*gecos != '&') {
            buf_add_char(&name, *gecos);
            continue;
        }
        size_t start = name.length;
        buf_add_text(&name, entry->pw_name);
        if (name.length > start && name.data[start] >= 'a' &&
            name.data[start] <= 'z')
            name.data[start] = (char)(name.data[start] - 'a' + 'A');
    }
    return buf_take(&name);
}

static void fill(struct account *account, const struct passwd *entry)
{
    account->login = alloc_string(entry->pw_name);
    account->full_name = full_name_of(entry);
    account->home = alloc_string(entry->pw_dir);
}

/* Name services load libraries and may ask the network; nearly every caller
 * stands in the file. */
static bool find_in_file(uid_t uid, struct account *account)
{
    FILE *file = fopen("/etc/passwd", "re");
    struct passwd *entry;
    bool found = false;

    if (file == NULL)
        return false;
    while (!found && (entry = fgetpwent(file)) != NULL)
        if (entry->pw_uid == uid) {
            fill(account, entry);
            found = true;
        }
    fclose(file);
    return found;
}

/*
 * Ask the name services through getent(1), in a process of its own: they load
 * libraries into whoever asks, which a statically linked program must not do.
 */
static FILE *ask_name_services(uid_t uid, pid_t *child)
{
    char *number = alloc_format("%lu", (unsigned long)uid);
    char program[] = "getent", database[] = "passwd";
    char *arguments[] = { program, database, number, NULL };
    char *environment[] = { NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == -1) {
        free(number);
        return NULL;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int failure = posix_spawn(child, "/usr/bin/getent", &actions, NULL,
                              arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    free(number);
    FILE *answer = failure == 0 ? fdopen(ends[0], "r") : NULL;
    if (answer == NULL)
        close(ends[0]);
    return answer;
}

static void find_in_name_services(uid_t uid, struct account *account)
{
    pid_t child;
    FILE *answer = ask_name_services(uid, &child);

    if (answer == NULL)
        return;
    struct passwd *entry = fgetpwent(answer);
    if (entry != NULL && entry->pw_uid == uid)
        fill(account, entry);
    fclose(answer);
    while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
        ;
}

void process_account(uid_t uid, struct account *account)
{
    *account = (struct account){ 0 };
    if (!find_in_file(uid, account))
        find_in_name_services(uid, account);
}

void account_free(struct account *account)
{
    free(account->login);
    free(account->full_name);
    free(account->home);
    *account = (struct account){ 0 };
}
