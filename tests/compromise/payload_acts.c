/*
 * payload_acts.c - what an attacker does with system calls
 *
 * An act is a word and what it is done to: "read /etc/passwd". Its result is
 * an errno, 0 for success. An act that would hurt the next one comes last in
 * the plan: that is the run's affair.
 */
#include "payload.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0 or errno of a call that returns -1. */
static int outcome(long result)
{
    return result == -1 ? errno : 0;
}

/* The same for one that opens a descriptor. */
static int opened(int fd)
{
    int result = outcome(fd);

    if (fd != -1)
        close(fd);
    return result;
}

/* --- Files --- */

static int act_read(const char *path)
{
    char octet;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd == -1)
        return errno;
    int result = outcome(read(fd, &octet, 1));
    close(fd);
    return result;
}

static int act_list(const char *path)
{
    return opened(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int act_write(const char *path)
{
    return opened(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

static int act_truncate(const char *path)
{
    return opened(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC));
}

static int act_create(const char *path)
{
    return opened(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
}

static int act_unnamed(const char *path)
{
    return opened(open(path, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
}

static int act_remove(const char *path)
{
    return outcome(unlink(path));
}

static int act_make_folder(const char *path)
{
    return outcome(mkdir(path, 0700));
}

static int act_make_link(const char *path)
{
    return outcome(symlink("/etc/shadow", path));
}

static int act_make_fifo(const char *path)
{
    return outcome(mkfifo(path, 0600));
}

static int act_change_mode(const char *path)
{
    return outcome(chmod(path, 0666));
}

static int act_change_times(const char *path)
{
    return outcome(utimensat(AT_FDCWD, path, NULL, 0));
}

static int act_see(const char *path)
{
    struct stat status;

    return outcome(stat(path, &status));
}

static int act_watch(const char *path)
{
    int fd = inotify_init1(IN_CLOEXEC);

    if (fd == -1)
        return errno;
    int result = outcome(inotify_add_watch(fd, path, IN_ALL_EVENTS));
    close(fd);
    return result;
}

/* Two paths in one text, "A to B". */
static int of_two(char *paths, int (*call)(const char *, const char *))
{
    char *other = strstr(paths, " to ");

    if (other == NULL)
        return EINVAL;
    *other = '\0';
    int result = outcome(call(paths, other + 4));
    *other = ' ';
    return result;
}

static int act_move(char *paths)
{
    return of_two(paths, rename);
}

static int act_link(char *paths)
{
    return of_two(paths, link);
}

/* A request to the driver: how much entropy there is. */
static int act_control(const char *path)
{
    int count, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd == -1)
        return errno;
    int result = outcome(ioctl(fd, RNDGETENTCNT, &count));
    close(fd);
    return result;
}

/* --- Peers --- */

static int act_socket(const char *kind)
{
    int family, type, protocol;

    if (sscanf(kind, "%d %d %d", &family, &type, &protocol) != 3)
        return EINVAL;
    return opened(socket(family, type | SOCK_CLOEXEC, protocol));
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)atoi(port)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int inet(const char *port, int type,
                int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return errno;
    int result = outcome(call(fd, (struct sockaddr *)&address,
                              sizeof address));
    close(fd);
    return result;
}

static int act_connect(const char *port)
{
    return inet(port, SOCK_STREAM, connect);
}

static int act_bind(const char *port)
{
    return inet(port, SOCK_STREAM, bind);
}

static int send_one(int fd, const struct sockaddr *address, socklen_t length)
{
    return sendto(fd, "x", 1, MSG_NOSIGNAL, address, length) == -1 ? -1 : 0;
}

/* Connects by sending, which landlock(7) does not see. */
static int connect_fast(int fd, const struct sockaddr *address,
                        socklen_t length)
{
    return sendto(fd, "x", 1, MSG_NOSIGNAL | MSG_FASTOPEN, address,
                  length) == -1 ? -1 : 0;
}

static int act_connect_fast(const char *port)
{
    return inet(port, SOCK_STREAM, connect_fast);
}

static int act_datagram(const char *port)
{
    return inet(port, SOCK_DGRAM, send_one);
}

/* A path, or @ and a name of the abstract space. */
static int unix_socket(const char *path,
                       int (*call)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                   strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1)
        return errno;
    memcpy(address.sun_path, path, strlen(path));
    if (*path == '@')
        address.sun_path[0] = '\0';
    int result = outcome(call(fd, (struct sockaddr *)&address, length));
    close(fd);
    return result;
}

static int act_connect_unix(const char *path)
{
    return unix_socket(path, connect);
}

static int act_bind_unix(const char *path)
{
    return unix_socket(path, bind);
}

/* --- Processes --- */

static int act_signal(const char *pid)
{
    return outcome(kill(atoi(pid), 0));
}

/* A debugger that only looks: the process does not stop. */
static int act_trace(const char *pid)
{
    int result = outcome(ptrace(PTRACE_SEIZE, atoi(pid), NULL, NULL));

    if (result == 0) {
        ptrace(PTRACE_INTERRUPT, atoi(pid), NULL, NULL);
        waitpid(atoi(pid), NULL, __WALL);
        ptrace(PTRACE_DETACH, atoi(pid), NULL, NULL);
    }
    return result;
}

/* Address 0 is never mapped: EFAULT, once the kernel would let us. */
static int act_peek(const char *pid)
{
    char octet;
    struct iovec here = { &octet, 1 }, there = { NULL, 1 };
    int result = outcome(process_vm_readv(atoi(pid), &here, 1, &there, 1, 0));

    return result == EFAULT ? 0 : result;
}

static int act_take_descriptor(const char *pid)
{
    int process = (int)syscall(SYS_pidfd_open, atoi(pid), 0);

    if (process == -1)
        return errno;
    int result = opened((int)syscall(SYS_pidfd_getfd, process, 1, 0));
    close(process);
    return result;
}

static int act_limit(const char *pid)
{
    struct rlimit limit;

    return outcome(prlimit(atoi(pid), RLIMIT_NOFILE, NULL, &limit));
}

static int act_priority(const char *pid)
{
    return outcome(setpriority(PRIO_PROCESS, (id_t)atoi(pid), 19));
}

/* SIGCHLD is nobody's business here. */
static int finish(long pid)
{
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    int result = outcome(pid);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, __WALL);
    return result;
}

static int act_fork(const char *unused)
{
    (void)unused;
    return finish(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

/* What is executed takes the place of the process: in a child, if there can be
 * one; else its failure is what comes back. */
static int act_execute(const char *path)
{
    char *const arguments[] = { (char *)path, NULL };
    int ends[2], result = 0;
    long pid = pipe2(ends, O_CLOEXEC) == -1
               ? -1 : syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid <= 0)
        result = outcome(execve(path, arguments, NULL));
    if (pid == -1)
        return result;
    if (pid == 0) {
        if (write(ends[1], &result, sizeof result) == -1)
            syscall(SYS_exit_group, 1);
        syscall(SYS_exit_group, 0);
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) == -1)
        result = errno;
    close(ends[0]);
    waitpid((pid_t)pid, NULL, __WALL);
    return result;
}

/* --- The kernel --- */

static int executable(int flags, int fd)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, flags, fd, 0);

    if (page == MAP_FAILED)
        return errno;
    munmap(page, 4096);
    return 0;
}

static int act_map_code(const char *unused)
{
    (void)unused;
    return executable(MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static int act_write_code(const char *unused)
{
    (void)unused;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return errno;
    int result = outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
    munmap(page, 4096);
    return result;
}

static int act_make_user_namespace(const char *unused)
{
    (void)unused;
    return finish(syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0));
}

static int act_mount(const char *path)
{
    return outcome(mount("none", path, "tmpfs", 0, NULL));
}

static int act_change_root(const char *path)
{
    return outcome(chroot(path));
}

static int act_be_root(const char *unused)
{
    (void)unused;
    return outcome(setuid(0));
}

static int act_add_key(const char *unused)
{
    (void)unused;
    return outcome(syscall(SYS_add_key, "user", "postrider", "x", 1,
                           KEY_SPEC_PROCESS_KEYRING));
}

static int act_ring(const char *unused)
{
    struct io_uring_params parameters = { 0 };

    (void)unused;
    return opened((int)syscall(SYS_io_uring_setup, 1, &parameters));
}

static int act_bpf(const char *unused)
{
    union bpf_attr attributes = { .map_type = BPF_MAP_TYPE_ARRAY,
                                  .key_size = 4, .value_size = 4,
                                  .max_entries = 1 };

    (void)unused;
    return opened((int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes,
                               sizeof attributes));
}

static int act_count_events(const char *unused)
{
    struct perf_event_attr attributes = { .type = PERF_TYPE_SOFTWARE,
                                          .size = sizeof attributes,
                                          .config = PERF_COUNT_SW_DUMMY,
                                          .exclude_kernel = 1 };

    (void)unused;
    return opened((int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1,
                               0));
}

static int act_fault_handler(const char *unused)
{
    (void)unused;
    return opened((int)syscall(SYS_userfaultfd, O_CLOEXEC | 1));
}

static int act_kernel_log(const char *unused)
{
    (void)unused;
    return outcome(klogctl(10 /* its size */, NULL, 0));
}

static int act_queue(const char *unused)
{
    (void)unused;
    int id = (int)syscall(SYS_msgget, 0, 0600);
    if (id == -1)
        return errno;
    syscall(SYS_msgctl, id, 0 /* IPC_RMID */, NULL);
    return 0;
}

static int act_show_memory(const char *unused)
{
    (void)unused;
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* getpid() by the 32-bit entry. */
static int act_other_entry(const char *unused)
{
    long result = -ENOSYS;

    (void)unused;
#ifdef __x86_64__
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L)
                     : "memory", "r8", "r9", "r10", "r11");
    result = (int)result;
#endif
    return result < 0 ? (int)-result : 0;
}

/* --- --- */

static const struct {
    const char *word;
    int (*act)(const char *object);
    int (*act_on_two)(char *objects);
} acts[] = {
    { "read", act_read, NULL },
    { "list", act_list, NULL },
    { "write", act_write, NULL },
    { "truncate", act_truncate, NULL },
    { "create", act_create, NULL },
    { "create-unnamed", act_unnamed, NULL },
    { "remove", act_remove, NULL },
    { "make-folder", act_make_folder, NULL },
    { "make-symlink", act_make_link, NULL },
    { "make-fifo", act_make_fifo, NULL },
    { "change-mode", act_change_mode, NULL },
    { "change-times", act_change_times, NULL },
    { "see", act_see, NULL },
    { "watch", act_watch, NULL },
    { "move", NULL, act_move },
    { "link", NULL, act_link },
    { "socket", act_socket, NULL },
    { "connect", act_connect, NULL },
    { "connect-fast", act_connect_fast, NULL },
    { "bind", act_bind, NULL },
    { "datagram", act_datagram, NULL },
    { "connect-unix", act_connect_unix, NULL },
    { "bind-unix", act_bind_unix, NULL },
    { "signal", act_signal, NULL },
    { "trace", act_trace, NULL },
    { "peek", act_peek, NULL },
    { "take-descriptor", act_take_descriptor, NULL },
    { "read-limit", act_limit, NULL },
    { "priority", act_priority, NULL },
    { "fork", act_fork, NULL },
    { "execute", act_execute, NULL },
    { "map-code", act_map_code, NULL },
    { "write-code", act_write_code, NULL },
    { "make-user-namespace", act_make_user_namespace, NULL },
    { "mount", act_mount, NULL },
    { "change-root", act_change_root, NULL },
    { "be-root", act_be_root, NULL },
    { "add-key", act_add_key, NULL },
    { "make-ring", act_ring, NULL },
    { "make-bpf-map", act_bpf, NULL },
    { "count-events", act_count_events, NULL },
    { "handle-faults", act_fault_handler, NULL },
    { "read-kernel-log", act_kernel_log, NULL },
    { "make-message-queue", act_queue, NULL },
    { "show-memory", act_show_memory, NULL },
    { "control", act_control, NULL },
    { "use-32-bit-entry", act_other_entry, NULL },
};

void payload_try_act(char *line)
{
    char *object = strchr(line, ' ');
    int result = EINVAL;

    if (object != NULL)
        *object++ = '\0';
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].word, line) == 0)
            result = acts[i].act != NULL
                     ? acts[i].act(object)
                     : acts[i].act_on_two(object);
    if (object != NULL)
        *--object = ' ';
    payload_report(line, result);
}
