#include "sendmail/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "spool/draft.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/io.h"
#include "util/process.h"
#include "util/text.h"

/* Become postrider; returns only on failure. Programs that bring their own
 * libraries, as XAMPP does, name their folder in the environment of all that
 * they start: postrider would not find the symbols of its OpenSSL there. */
static bool exec_postrider(char **arguments, struct error *err)
{
    char *beside = process_beside(arguments[0]);

    unsetenv("LD_LIBRARY_PATH");
    if (beside != NULL)
        execv(beside, arguments);
    free(beside);
    execv(POSTRIDER_SBINDIR "/postrider", arguments);
    return error_sys(err, FAULT_SYSTEM, "run " POSTRIDER_SBINDIR "/postrider");
}

bool exec_direct(struct draft *draft, bool verbose, bool quiet,
                 int outcomes, struct error *err)
{
    static char program[] = "postrider", direct[] = "direct";
    static char verbosely[] = "-v", quietly[] = "-q";
    char option[16];
    char *arguments[6] = { program, direct };
    size_t count = 2;

    if (verbose)
        arguments[count++] = verbosely;
    if (quiet)
        arguments[count++] = quietly;
    if (outcomes != -1) {
        snprintf(option, sizeof option, "-o%d", outcomes);
        arguments[count++] = option;
    }
    if (dup2(draft_descriptor(draft), STDIN_FILENO) == -1)
        return error_sys(err, FAULT_SYSTEM, "pass the message to postrider");

    return exec_postrider(arguments, err);
}

static bool exec_as_daemon(struct error *err)
{
    static char program[] = "postrider", daemon[] = "daemon";
    char *arguments[] = { program, daemon, NULL };

    return exec_postrider(arguments, err);
}

/* A socket for the notice that the daemon has started, whose name is in the
 * environment from now on, as of a service manager. -1 with errno. */
static int listen_for_notices(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t size = offsetof(struct sockaddr_un, sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;

    /* Without a name the kernel chooses an abstract one. */
    if (fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == -1 ||
        bind(fd, (struct sockaddr *)&address, size) == -1) {
        io_close(&fd);
        return -1;
    }
    size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    char *name = alloc_format("@%.*s", (int)(size - 1 -
                              offsetof(struct sockaddr_un, sun_path)),
                              address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    free(name);
    return fd;
}

/* Off the terminal and the caller's descriptors, of which one may be a lock or
 * a pipe that others wait for; errors go to the parent, as long as it waits. */
static void leave_caller(int output)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    setsid();
    for (int fd = 0; null != -1 && fd <= 1; fd++)
        dup2(null, fd);
    dup2(output, 2);
    if (!process_close_all_but(NULL, 0) || chdir("/") == -1)
        _exit(EX_OSERR);
}

/* Any user can send to an abstract name: only what comes from the daemon, as
 * the kernel knows, counts. */
static bool is_from(struct msghdr *notice, pid_t pid)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(notice);
    struct ucred sender;

    if (header == NULL || header->cmsg_level != SOL_SOCKET ||
        header->cmsg_type != SCM_CREDENTIALS)
        return false;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    return sender.pid == pid;
}

/* Read a notice: is it that this process has started? */
static bool is_start(int notices, pid_t pid)
{
    static const char ready[] = "READY=1";
    char text[sizeof ready] = "";
    union {
        struct cmsghdr align;
        char octets[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct iovec vector = { text, sizeof text - 1 };
    struct msghdr notice = { .msg_iov = &vector, .msg_iovlen = 1,
                             .msg_control = control.octets,
                             .msg_controllen = sizeof control.octets };

    return recvmsg(notices, &notice, MSG_CMSG_CLOEXEC) > 0 &&
           is_from(&notice, pid) && strcmp(text, ready) == 0;
}

/* True: it has started. False: it has ended, and printed has why. */
static bool await_start(int notices, const struct process_child *child,
                        struct buf *printed)
{
    struct pollfd ends[] = { { .fd = notices, .events = POLLIN },
                             { .fd = child->output, .events = POLLIN } };

    for (;;) {
        if (poll(ends, COUNT(ends), -1) == -1 && errno != EINTR)
            return true;
        if (ends[0].revents != 0 && is_start(notices, child->pid))
            return true;
        if (ends[1].revents != 0 && io_read_more(child->output, printed) <= 0)
            return false;
    }
}

/* Its exit status is the caller's answer. */
static bool start_daemon(int notices, struct error *err)
{
    struct process_child child;
    struct buf printed;

    if (!process_fork(&child))
        return error_sys(err, FAULT_SYSTEM, "start the daemon");
    if (child.pid == 0) {
        leave_caller(child.output);
        exec_as_daemon(err);
        fprintf(stderr, "sendmail: %s\n", err->text);
        _exit(EX_OSERR);
    }
    buf_init(&printed, SIZE_MAX);
    bool started = await_start(notices, &child, &printed);
    if (!started) {
        int status = process_end(&child, INT64_MAX);
        fputs(printed.data, stderr);
        exit(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) != 0
             ? WEXITSTATUS(status) : EX_OSERR);
    }
    buf_free(&printed);
    return true;
}

bool exec_daemon(bool background, struct error *err)
{
    if (!background)
        return exec_as_daemon(err);
    int notices = listen_for_notices();
    bool started = notices != -1 ? start_daemon(notices, err)
                   : error_sys(err, FAULT_SYSTEM, "start the daemon");
    io_close(&notices);
    return started;
}
