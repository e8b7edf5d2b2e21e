#include "relay/launcher.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "net/tls.h"
#include "relay/launch.h"
#include "relay/listener.h"
#include "relay/renewals.h"
#include "relay/wire.h"
#include "relay/worker.h"
#include "util/alloc.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/io.h"
#include "util/log.h"
#include "util/process.h"
#include "util/text.h"
#include "util/unix_socket.h"

extern char **environ;

/* The status that systemctl shows. */
struct service_state {
    uint64_t queued;
    uint64_t delivered;
    const char *remark;         /* what is wrong; "" for nothing */
};

struct child {
    pid_t pid;
    bool ended;                 /* and not reported to the manager */
    int status;
};

struct launcher {
    const struct launcher_settings *settings;
    struct renewals *renewals;
    int signals;
    struct child *children;
    size_t count, limit;
    size_t unsent;              /* of them, ended */
    bool stops;                 /* as it was asked to */
    bool closed;                /* the manager closed its end: it is leaving */
    bool over;                  /* the manager ended: */
    int status;
    struct service_state state; /* as of the manager's last notice */
    char *remark;               /* of it; owned */
    bool is_wrong;              /* the configuration that a reload found */
    bool is_warm;               /* TLS, for workers to come */
};

bool launcher_prepare(int *signals, struct error *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    *signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    /* The manager inherits it: it must not be too early for what we send. */
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    /* See launcher_leave(). */
    signal(SIGHUP, SIG_DFL);
    return *signals != -1 || error_sys(err, FAULT_SYSTEM, "signalfd");
}

bool launcher_is_stopped(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 ||
                                         sigismember(&pending, SIGINT) == 1);
}

void launcher_leave(void)
{
    signal(SIGHUP, SIG_IGN);
}

static void add_child(struct launcher *launcher, pid_t pid)
{
    launcher->children = alloc_resize(launcher->children, launcher->count + 1,
                                      sizeof *launcher->children);
    launcher->children[launcher->count++] = (struct child){ .pid = pid };
}

static struct child *find_child(struct launcher *launcher, pid_t pid)
{
    for (size_t i = 0; i < launcher->count; i++)
        if (launcher->children[i].pid == pid && !launcher->children[i].ended)
            return &launcher->children[i];
    return NULL;
}

static void reap(struct launcher *launcher)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = find_child(launcher, pid);
        servers_remove(launcher->settings->servers, pid);
        renewals_reap(launcher->renewals, pid, status);
        if (pid == launcher->settings->manager) {
            launcher->over = true;
            launcher->status = status;
        } else if (child != NULL) {
            child->ended = true;
            child->status = status;
            launcher->unsent++;
        }
    }
}

/* Can a packet be sent without waiting? */
static bool has_room(const struct launcher *launcher)
{
    struct pollfd ready = { .fd = launcher->settings->socket,
                            .events = POLLOUT };

    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0;
}

/* Never waits: the manager may be waiting for us. */
static void send_ends(struct launcher *launcher)
{
    size_t i = 0;

    while (launcher->unsent > 0 && i < launcher->count) {
        struct child *child = &launcher->children[i];
        struct packet news = wire_packet(WIRE_ENDED);
        struct error ignored;
        if (!child->ended) {
            i++;
            continue;
        }
        news.pid = child->pid;
        news.value = child->status;
        if (!has_room(launcher) ||
            !wire_send(launcher->settings->socket, &news, &ignored))
            return;
        *child = launcher->children[--launcher->count];
        launcher->unsent--;
    }
}

/* sd_notify(3), without its library. */
static const char *const notice_words[] = {
    [NOTICE_READY] = "READY=1",
    [NOTICE_ALIVE] = "WATCHDOG=1",
    [NOTICE_RELOADING] = "RELOADING=1",
    [NOTICE_STOPPING] = "STOPPING=1",
};

static void send_to_socket(const char *path, const char *text, size_t length)
{
    int fd = *path == '/' || *path == '@'
             ? unix_socket_connect(path, SOCK_DGRAM, 0) : -1;

    if (fd == -1)
        return;
    (void)send(fd, text, length, MSG_NOSIGNAL);
    close(fd);
}

/* To $NOTIFY_SOCKET; nothing without one. systemd takes notices of the main
 * process of the service only. */
static void notify(enum notice notice, const struct service_state *state)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path == NULL || (size_t)notice >= COUNT(notice_words))
        return;
    struct buf text;

    buf_init(&text, SIZE_MAX);
    buf_add_format(&text, "%s\nSTATUS=%" PRIu64 " queued, %" PRIu64
                   " delivered", notice_words[notice], state->queued,
                   state->delivered);
    if (*state->remark != '\0') {
        buf_add_text(&text, "; ");
        text_escape(&text, state->remark, strlen(state->remark));
    }
    send_to_socket(path, text.data, text.length);
    buf_free(&text);
}

/* A configuration that is wrong is not read. */
static void send_notice(const struct launcher *launcher, enum notice notice)
{
    struct service_state state = launcher->state;

    state.remark = launcher->is_wrong
                   ? "configuration wrong, the old one is used: run postrider "
                     "check"
                   : launcher->remark != NULL ? launcher->remark : "";
    notify(notice, &state);
}

static void take_notice(struct launcher *launcher, struct packet *request)
{
    launcher->state = (struct service_state){
        .queued = request->queued, .delivered = request->delivered };
    free(launcher->remark);
    launcher->remark = request->remark;
    request->remark = NULL;
    send_notice(launcher, request->notice);
}

static void reload(struct launcher *launcher)
{
    launcher->is_wrong = !launcher->settings->may_reload();
    if (launcher->is_wrong)
        send_notice(launcher, NOTICE_ALIVE);
    else
        kill(launcher->settings->manager, SIGUSR1);
}

static void take_signals(struct launcher *launcher)
{
    struct signalfd_siginfo info;

    while (io_read(launcher->signals, &info, sizeof info) ==
           (ssize_t)sizeof info)
        switch (info.ssi_signo) {
        case SIGHUP:
            reload(launcher);
            break;
        case SIGCHLD:
            break;              /* reaped in every round */
        default:
            launcher->stops = true;
            kill(launcher->settings->manager, SIGTERM);
        }
}

/* For all workers from the first one on, and not before: a daemon that has no
 * mail takes less memory without. */
static void warm_up(struct launcher *launcher,
                    const struct smarthost *smarthost)
{
    if (launcher->is_warm || smarthost->tls == TLS_NONE)
        return;
    tls_warm_up();
    launcher->is_warm = true;
}

/*
 * A fork and no new program: whatever became of the files since, this end of
 * the worker's socket has the version and the configuration of the other one.
 */
static int fork_worker(struct launcher *launcher, pid_t *pid,
                       size_t smarthost, const int *fds)
{
    const struct config *config = launcher->settings->config;
    const pid_t parent = getpid();

    if (smarthost >= config->smarthost_count)
        return EINVAL;
    warm_up(launcher, &config->smarthosts[smarthost]);
    *pid = fork();
    if (*pid != 0)
        return *pid == -1 ? errno : 0;
    process_be_called("postrider-wrk");
    process_end_with(parent, SIGTERM);
    /* First, while the log's descriptor is the log's. */
    log_open(config->log, "postrider/worker");
    if (!process_close_all_but(fds, 2))
        _exit(EX_OSERR);
    _exit(worker_run(config, &config->smarthosts[smarthost], fds[0], fds[1]));
}

/* Ours but for what concerns the daemon alone: where the service manager put
 * credentials, and its socket for notices. Its strings are borrowed. */
static char **server_environment(void)
{
    static const char *const kept_back[] = { "CREDENTIALS_DIRECTORY=",
                                             "NOTIFY_SOCKET=" };
    size_t count = 0, kept = 0;

    while (environ[count] != NULL)
        count++;
    char **copy = alloc_zero(count + 1, sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        bool keep = true;
        for (size_t k = 0; k < COUNT(kept_back); k++)
            keep = keep && !text_starts(environ[i], kept_back[k]);
        if (keep)
            copy[kept++] = environ[i];
    }
    return copy;
}

/* Like a child of inetd. 0 or errno. */
static int spawn_server(const struct launcher_settings *settings, pid_t *pid,
                        int connection, bool impatient)
{
    char name[] = "sendmail", mode[] = "-bs";
    char patience[] = "-OTimeout.command=10s";
    char *arguments[] = { name, mode, impatient ? patience : NULL, NULL };
    char **environment = server_environment();
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, connection, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, connection, STDOUT_FILENO);
    int failure = posix_spawn(pid, settings->sendmail, &actions, NULL,
                              arguments, environment);
    free(environment);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

static void start(struct launcher *launcher, const struct packet *request)
{
    const struct launcher_settings *settings = launcher->settings;
    const int fds[] = { request->fd, request->journal };
    struct packet answer = wire_packet(WIRE_STARTED);
    struct error ignored;
    pid_t pid = 0;

    if (launcher->count == launcher->limit)
        answer.value = EAGAIN;
    else if (request->kind == WIRE_START_WORKER)
        answer.value = fork_worker(launcher, &pid, request->smarthost, fds);
    else
        answer.value = spawn_server(settings, &pid, request->fd,
                                    request->impatient);
    if (answer.value == 0) {
        add_child(launcher, pid);
        answer.pid = pid;
        if (request->kind == WIRE_START_SERVER)
            servers_add(settings->servers, pid, request->uid);
    }
    (void)wire_send(settings->socket, &answer, &ignored);
}

static void send_signal(struct launcher *launcher,
                        const struct packet *request)
{
    bool may = request->value == SIGTERM || request->value == SIGKILL;

    if (may && find_child(launcher, request->pid) != NULL)
        kill(request->pid, request->value);
}

/* False: there was none, and there will be none. */
static bool take_request(struct launcher *launcher)
{
    struct packet request;
    struct error ignored;
    int received = wire_receive(launcher->settings->socket, WIRE_MANAGER,
                                &request, &ignored);

    if (received != 1)
        return received == -1;
    switch (request.kind) {
    case WIRE_START_WORKER:
    case WIRE_START_SERVER:
        if (!launcher->over)
            start(launcher, &request);
        break;
    case WIRE_SIGNAL:
        send_signal(launcher, &request);
        break;
    case WIRE_RELOAD:
        if (!launcher->over)
            reload(launcher);
        break;
    case WIRE_NOTICE:
        take_notice(launcher, &request);
        break;
    default:
        break;
    }
    wire_free(&request);
    return true;
}

/* The last packets of the manager, when it has ended. */
static void take_last_requests(struct launcher *launcher)
{
    struct pollfd ready = { .fd = launcher->settings->socket,
                            .events = POLLIN };

    while (poll(&ready, 1, 0) == 1 && take_request(launcher))
        ;
}

/* No manager that is in order has more at a time. */
static size_t most_children(const struct config *config)
{
    size_t most = SERVERS_MAX;

    for (size_t i = 0; i < config->smarthost_count; i++)
        most += config->smarthosts[i].connections;
    return most;
}

int launcher_run(const struct launcher_settings *settings, int signals)
{
    struct launcher launcher = { .settings = settings, .signals = signals,
                                 .renewals = renewals_new(settings->config),
                                 .limit = most_children(settings->config) };

    for (size_t i = 0; i < settings->servers->count; i++)
        add_child(&launcher, settings->servers->list[i].pid);
    for (reap(&launcher); !launcher.over; reap(&launcher)) {
        send_ends(&launcher);
        renewals_start(launcher.renewals);
        struct pollfd set[] = {
            { .fd = signals, .events = POLLIN },
            { .fd = launcher.closed ? -1 : settings->socket,
              /* While a reply cannot be sent, read no request. */
              .events = has_room(&launcher) ? POLLIN : POLLOUT },
        };
        int64_t due = renewals_next_time(launcher.renewals);
        /* Without a login to renew there is nothing to wake up for. */
        int patience = due == INT64_MAX ? -1 : clock_remaining(due);
        if (poll(set, 2, patience) < 1)
            continue;
        if (set[0].revents != 0)
            take_signals(&launcher);
        /* One that reads no replies may close both ways all the same. */
        if ((set[1].revents & (POLLIN | POLLHUP)) != 0)
            launcher.closed = !take_request(&launcher);
    }
    take_last_requests(&launcher);
    /* A manager that ended for a reload may not have read it. */
    if (launcher.stops)
        raise(SIGTERM);
    renewals_free(launcher.renewals);
    free(launcher.children);
    free(launcher.remark);
    return launcher.status;
}
