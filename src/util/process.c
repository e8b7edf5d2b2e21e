#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
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
#include "util/clock.h"
#include "util/error.h"
#include "util/file.h"
#include "util/io.h"
#include "util/text.h"

#define ENTRY_MAX 65536         /* octets of a line of passwd(5) */

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

/* In the parent or in the child: keep one end of the pipe. */
static void keep_end(struct process_child *child, int keep, int other)
{
    close(other);
    child->output = keep;
}

/* As a shell would start it, and at the head of a group. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    static const int usual[] = { SIGPIPE, SIGXFSZ, SIGCHLD, SIGTERM, SIGINT,
                                 SIGHUP };
    sigset_t none, defaults;

    sigemptyset(&none);
    sigemptyset(&defaults);
    for (size_t i = 0; i < COUNT(usual); i++)
        sigaddset(&defaults, usual[i]);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &defaults);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                 POSIX_SPAWN_SETSIGDEF);
}

int process_spawn(struct process_child *child, char *const *arguments,
                  char *const *environment, enum process_errors errors)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int ends[2];

    *child = (struct process_child){ .output = -1, .has_group = true };
    if (pipe2(ends, O_CLOEXEC) == -1)
        return errno;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    if (errors == PROCESS_ERRORS_READ)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    if (errors == PROCESS_ERRORS_NOWHERE)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY,
                                         0);
    set_attributes(&attributes);
    int number = posix_spawnp(&child->pid, arguments[0], &actions, &attributes,
                              arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    keep_end(child, ends[0], ends[1]);
    if (number != 0)
        io_close(&child->output);
    return number;
}

int process_run(char *const *arguments, char *const *environment)
{
    posix_spawnattr_t attributes;
    int status;
    pid_t pid;

    set_attributes(&attributes);
    /* In the group of the terminal, so that it may read from it. */
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    errno = posix_spawnp(&pid, arguments[0], NULL, &attributes, arguments,
                         environment);
    posix_spawnattr_destroy(&attributes);
    if (errno != 0)
        return -1;
    while (waitpid(pid, &status, 0) == -1)
        if (errno != EINTR)
            return -1;
    return status;
}

bool process_fork(struct process_child *child)
{
    int ends[2];

    *child = (struct process_child){ .output = -1 };
    if (pipe2(ends, O_CLOEXEC) == -1)
        return false;
    child->pid = fork();
    int number = errno;
    if (child->pid == 0)
        keep_end(child, ends[1], ends[0]);
    else
        keep_end(child, ends[0], ends[1]);
    if (child->pid == -1)
        io_close(&child->output);
    errno = number;
    return child->pid != -1;
}

static bool wait_for_output(const struct process_child *child, int64_t deadline)
{
    struct pollfd entry = { .fd = child->output, .events = POLLIN };
    int ready;

    do
        ready = poll(&entry, 1, clock_remaining(deadline));
    while (ready == -1 && errno == EINTR);
    return ready == 1;
}

bool process_read(const struct process_child *child, struct buf *out,
                  int64_t deadline, struct error *err)
{
    ssize_t got;

    do {
        if (!wait_for_output(child, deadline))
            return error_set(err, FAULT_TEMPORARY, "takes too long");
        got = io_read_more(child->output, out);
    } while (got > 0);
    if (got == -1 && errno == EFBIG)
        return error_set(err, FAULT_TEMPORARY, "prints more than %zu octets",
                         out->limit);
    return got == 0 || error_sys(err, FAULT_TEMPORARY, "read its output");
}

int process_end(struct process_child *child, int64_t deadline)
{
    const int pause = 5;        /* milliseconds */
    int status = -1;
    pid_t ended;

    io_close(&child->output);
    while ((ended = waitpid(child->pid, &status, WNOHANG)) == 0 &&
           clock_remaining(deadline) > 0)
        poll(NULL, 0, pause);
    if (ended == 0) {
        kill(child->has_group ? -child->pid : child->pid, SIGKILL);
        do
            ended = waitpid(child->pid, &status, 0);
        while (ended == -1 && errno == EINTR);
    }
    return ended == child->pid ? status : -1;
}

/* The name is the first of the comma list; & is the login name with a
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
 * is in the file. */
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

/* The line of passwd(5) that getent(1) printed. */
static void take_entry(struct buf *line, uid_t uid, struct account *account)
{
    FILE *stream = line->length > 0 ? fmemopen(line->data, line->length, "r")
                                    : NULL;
    const struct passwd *entry = stream != NULL ? fgetpwent(stream) : NULL;

    if (entry != NULL && entry->pw_uid == uid)
        fill(account, entry);
    if (stream != NULL)
        fclose(stream);
}

/*
 * Ask the name services through getent(1), in a child process: they load
 * libraries into the process that asks, which a statically linked program must
 * not do.
 */
static void find_in_name_services(uid_t uid, struct account *account)
{
    char *number = alloc_format("%lu", (unsigned long)uid);
    char program[] = "/usr/bin/getent", database[] = "passwd";
    char *const arguments[] = { program, database, number, NULL };
    char *const environment[] = { NULL };
    struct error ignored;
    struct process_child child;
    struct buf line;

    buf_init(&line, ENTRY_MAX);
    if (process_spawn(&child, arguments, environment,
                      PROCESS_ERRORS_NOWHERE) == 0) {
        if (process_read(&child, &line, INT64_MAX, &ignored))
            take_entry(&line, uid, account);
        process_end(&child, INT64_MAX);
    }
    buf_free(&line);
    free(number);
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

/* systemd and podman set the variable, Kubernetes its own; docker and podman
 * make a file. */
bool process_is_in_container(void)
{
    return getenv("container") != NULL ||
           getenv("KUBERNETES_SERVICE_HOST") != NULL ||
           access("/.dockerenv", F_OK) == 0 ||
           access("/run/.containerenv", F_OK) == 0;
}
