/*
 * The launcher, and what a manager that was taken over may ask of it, with
 * signals, ends of children, and a manager that reads nothing. It starts only
 * what the configuration has, and no more at a time than that; each start is
 * answered once, each end reported at most once, after that. It signals its
 * manager, and of other processes those that it started and that are its
 * children still. A notice is two lines. It never waits for its manager, never
 * runs in circles, and starts nothing after the end of that. No descriptor is
 * left.
 *
 * Processes are rows of a table here. The input is a list of what happens, one
 * event each time when the launcher waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../input.h"
#include "config/config.h"
#include "net/tls.h"
#include "relay/wire.h"
#include "util/unix_socket.h"

static pid_t model_fork(void);
static int model_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       char **arguments, char **environment);
static int model_kill(pid_t pid, int number);
static int model_raise(int number);
static pid_t model_waitpid(pid_t pid, int *status, int options);
static int model_poll(struct pollfd *set, nfds_t count, int timeout);
static void model_warm_up(void);
static bool model_send(int socket, struct packet *packet, struct error *err);

#define fork model_fork
#define posix_spawn(pid, path, actions, attributes, arguments, environment) \
    model_spawn(pid, path, actions, arguments, environment)
#define kill model_kill
#define raise model_raise
#define waitpid model_waitpid
#define poll model_poll
#define tls_warm_up model_warm_up
#define wire_send model_send
#include "../../../src/relay/launcher.c"
#undef fork
#undef posix_spawn
#undef kill
#undef raise
#undef waitpid
#undef poll
#undef tls_warm_up
#undef wire_send

#define INPUT_MAX 4096
#define MANAGER 1000            /* its pid; those of children are above */
#define CHILDREN_MAX 2048
#define ROUNDS_MAX 10000        /* more than what its socket holds */
#define CONNECTIONS 2           /* of each smarthost */
#define SMARTHOSTS 2
#define SENDMAIL "/usr/sbin/sendmail"

/* A process that was started: pid MANAGER + 1 + its place. */
struct row {
    bool is_answered, has_ended, is_reaped, is_reported;
    int status;
};

static struct model {
    struct input script;
    struct row rows[CHILDREN_MAX];
    size_t count;
    int manager, launcher;      /* the ends of their socket */
    int signals;                /* where they are written */
    int notices;                /* the service manager's socket */
    int failure;                /* errno of the next start; 0: none */
    bool has_left;              /* the manager closed its socket */
    bool manager_ended, manager_reaped;
    bool is_right;              /* the configuration that a reload finds */
    unsigned reloads;           /* that may be asked for */
    unsigned approved;          /* ... that the manager is to be told of */
    unsigned stops;             /* signals that ask for one */
    bool passed_stop;           /* the manager got one */
    unsigned warm_ups;
    unsigned rounds;            /* of its loop since the last event */
    bool unknown;               /* octets were sent that we do not parse */
} model;

/* --- The processes. --- */

static struct row *find_row(pid_t pid)
{
    return pid > MANAGER && (size_t)(pid - MANAGER - 1) < model.count
           ? &model.rows[pid - MANAGER - 1] : NULL;
}

/* -1 with errno: it was not started. */
static pid_t new_process(void)
{
    size_t there = 0;

    PROMISE(!model.manager_reaped);
    for (size_t i = 0; i < model.count; i++)
        there += !model.rows[i].is_reaped;
    PROMISE(there < SERVERS_MAX + SMARTHOSTS * CONNECTIONS);
    errno = model.failure;
    model.failure = 0;
    if (errno != 0 || model.count == CHILDREN_MAX) {
        errno = errno == 0 ? EAGAIN : errno;
        return -1;
    }
    model.rows[model.count++] = (struct row){ .status = 0 };
    return MANAGER + (pid_t)model.count;
}

static pid_t model_fork(void)
{
    return new_process();
}

static int model_spawn(pid_t *pid, const char *path,
                       const posix_spawn_file_actions_t *actions,
                       char **arguments, char **environment)
{
    PROMISE(actions != NULL && strcmp(path, SENDMAIL) == 0);
    PROMISE(strcmp(arguments[0], "sendmail") == 0 &&
            strcmp(arguments[1], "-bs") == 0);
    PROMISE(arguments[2] == NULL || (text_starts(arguments[2], "-OTimeout.") &&
                                     arguments[3] == NULL));
    for (; *environment != NULL; environment++)
        PROMISE(!text_starts(*environment, "NOTIFY_SOCKET="));
    *pid = new_process();
    return *pid == -1 ? errno : 0;
}

/* To itself, for the program that comes after it. */
static int model_raise(int number)
{
    PROMISE(number == SIGTERM && model.passed_stop);
    return 0;
}

static int model_kill(pid_t pid, int number)
{
    const struct row *row = find_row(pid);

    if (pid == MANAGER) {
        PROMISE(!model.manager_reaped);
        unsigned *asked = number == SIGUSR1 ? &model.approved : &model.stops;
        PROMISE((number == SIGUSR1 || number == SIGTERM) && *asked > 0);
        --*asked;
        model.passed_stop |= number == SIGTERM;
        return 0;
    }
    PROMISE(row != NULL && !row->is_reaped);
    PROMISE(number == SIGTERM || number == SIGKILL);
    return 0;
}

static pid_t model_waitpid(pid_t pid, int *status, int options)
{
    PROMISE(pid == -1 && options == WNOHANG);
    *status = 0;
    if (model.manager_ended && !model.manager_reaped) {
        model.manager_reaped = true;
        return MANAGER;
    }
    for (size_t i = 0; i < model.count; i++) {
        struct row *row = &model.rows[i];
        if (!row->has_ended || row->is_reaped)
            continue;
        row->is_reaped = true;
        *status = row->status;
        return MANAGER + 1 + (pid_t)i;
    }
    return 0;
}

static void model_warm_up(void)
{
    PROMISE(++model.warm_ups == 1);
}

/* It would have waited, but for SO_SNDTIMEO. */
static bool model_send(int socket, struct packet *packet, struct error *err)
{
    bool sent = wire_send(socket, packet, err);

    PROMISE(sent || err->fault != FAULT_TEMPORARY);
    return sent;
}

static bool may_reload(void)
{
    PROMISE(model.unknown || model.reloads > 0);
    PROMISE(!model.manager_reaped);
    model.reloads -= model.reloads > 0;
    model.approved += model.is_right;
    return model.is_right;
}

static void raise_signal(uint32_t number)
{
    struct signalfd_siginfo info = { .ssi_signo = number };

    (void)!write(model.signals, &info, sizeof info);
}

/* --- What others get from it. --- */

/* READY=1, and the status that systemctl shows. */
static void check_notice(char *text)
{
    char *line = strchr(text, '\n');

    PROMISE(line != NULL);
    *line++ = '\0';
    bool known = false;
    for (size_t i = 0; i < COUNT(notice_words); i++)
        known |= strcmp(text, notice_words[i]) == 0;
    PROMISE(known && text_starts(line, "STATUS="));
    promise_one_line(line);
}

static void read_notices(void)
{
    char text[16384];
    ssize_t length;

    while ((length = recv(model.notices, text, sizeof text - 1,
                          MSG_DONTWAIT)) >= 0) {
        text[length] = '\0';
        PROMISE(strlen(text) == (size_t)length);
        check_notice(text);
    }
}

static void check_answer(const struct packet *packet)
{
    struct row *row = find_row(packet->pid);

    if (packet->kind == WIRE_STARTED && packet->value != 0)
        return;
    PROMISE(row != NULL);
    if (packet->kind == WIRE_STARTED) {
        PROMISE(!row->is_answered);
        row->is_answered = true;
        return;
    }
    PROMISE(packet->kind == WIRE_ENDED && row->is_answered &&
            row->is_reaped && !row->is_reported);
    PROMISE(packet->value == row->status);
    row->is_reported = true;
}

static void read_answers(size_t most)
{
    struct packet packet;
    struct error ignored;

    while (most-- > 0 && wire_receive(model.manager, WIRE_LAUNCHER, &packet,
                                      &ignored) == 1) {
        check_answer(&packet);
        wire_free(&packet);
    }
}

/* --- What happens. --- */

static void ask(struct packet *packet)
{
    struct error ignored;

    (void)wire_send(model.manager, packet, &ignored);
    packet->fd = packet->journal = -1;
    wire_free(packet);
}

static void ask_for_worker(struct input *in)
{
    struct packet packet = wire_packet(WIRE_START_WORKER);

    packet.smarthost = input_octet(in) % 4;
    packet.fd = packet.journal = STDERR_FILENO;
    ask(&packet);
}

static void ask_for_server(struct input *in)
{
    struct packet packet = wire_packet(WIRE_START_SERVER);
    unsigned octet = input_octet(in);

    packet.uid = octet >> 1;
    packet.impatient = octet & 1;
    packet.fd = STDERR_FILENO;
    ask(&packet);
}

static void ask_for_signal(struct input *in)
{
    static const int numbers[] = { SIGTERM, SIGKILL, SIGSTOP, SIGUSR1, 0, 64 };
    static const pid_t others[] = { MANAGER, 1, 0, INT32_MAX };
    struct packet packet = wire_packet(WIRE_SIGNAL);
    unsigned which = input_octet(in);

    packet.value = numbers[input_octet(in) % COUNT(numbers)];
    packet.pid = which < 4 ? others[which]
                           : MANAGER + 1 + (pid_t)(which - 4);
    ask(&packet);
}

static void ask_for_notice(struct input *in)
{
    struct packet packet = wire_packet(WIRE_NOTICE);

    packet.notice = input_octet(in) % (NOTICE_STOPPING + 1);
    packet.queued = input_octet(in);
    packet.delivered = UINT64_MAX - input_octet(in);
    packet.remark = input_text(in, '\n');
    ask(&packet);
}

static void ask_for_reload(struct input *in)
{
    struct packet packet = wire_packet(WIRE_RELOAD);

    (void)in;
    model.reloads++;
    ask(&packet);
}

static void send_octets(struct input *in)
{
    const int fds[] = { STDERR_FILENO, STDERR_FILENO };
    size_t wanted = input_octet(in);
    size_t length = wanted < in->left ? wanted : in->left;

    model.unknown = true;
    if (length > 0)
        (void)pass_send(model.manager, in->at, length, fds, wanted % 3);
    in->at += length;
    in->left -= length;
}

static void end_child(struct input *in)
{
    size_t which = input_octet(in);
    int status = (int)input_octet(in) << 8;

    if (which >= model.count || model.rows[which].has_ended)
        return;
    model.rows[which].has_ended = true;
    model.rows[which].status = status;
    raise_signal(SIGCHLD);
}

static void send_a_signal(struct input *in)
{
    static const int numbers[] = { SIGHUP, SIGTERM, SIGINT, SIGCHLD };
    int number = numbers[input_octet(in) % COUNT(numbers)];

    model.reloads += number == SIGHUP;
    model.stops += number == SIGTERM || number == SIGINT;
    raise_signal((uint32_t)number);
}

static void let_manager_read(struct input *in)
{
    read_answers(input_octet(in));
}

static void let_manager_leave(struct input *in)
{
    model.has_left = true;
    shutdown(model.manager, input_octet(in) & 1 ? SHUT_WR : SHUT_RDWR);
}

static void let_start_fail(struct input *in)
{
    model.failure = (int)input_octet(in) % 100;
}

static void change_configuration(struct input *in)
{
    model.is_right = input_octet(in) & 1;
}

static void (*const events[])(struct input *in) = {
    ask_for_worker, ask_for_server, ask_for_signal, ask_for_notice,
    ask_for_reload, send_octets, end_child, send_a_signal, let_manager_read,
    let_manager_leave, let_start_fail, change_configuration,
};

/* The launcher waits: what happens next? At the end the manager ends. */
static int model_poll(struct pollfd *set, nfds_t count, int timeout)
{
    int ready;

    read_notices();
    PROMISE(++model.rounds < ROUNDS_MAX);
    while ((ready = poll(set, count, 0)) == 0 && timeout != 0) {
        model.rounds = 0;
        if (model.script.left > 0) {
            events[input_octet(&model.script) % COUNT(events)](&model.script);
            continue;
        }
        model.manager_ended = true;
        raise_signal(SIGCHLD);
    }
    return ready;
}

/* --- A run. --- */

/* Once; abstract, so that it leaves no file. */
static int notices_socket(void)
{
    static int fd = -1;

    if (fd == -1) {
        char *name = alloc_format("@postrider-fuzz-%ld", (long)getpid());
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        memcpy(address.sun_path + 1, name + 1, strlen(name + 1));
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        PROMISE(bind(fd, (struct sockaddr *)&address, (socklen_t)(
                     offsetof(struct sockaddr_un, sun_path) +
                     strlen(name))) == 0);
        setenv("NOTIFY_SOCKET", name, 1);
        free(name);
    }
    return fd;
}

static void set_up(struct input in, int pipe_ends[2])
{
    const struct timeval patience = { .tv_usec = 100000 };
    int ends[2];

    model = (struct model){ .script = in, .notices = notices_socket(),
                            .is_right = true };
    PROMISE(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) == 0);
    PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    PROMISE(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    model.manager = ends[0];
    model.launcher = ends[1];
    model.signals = pipe_ends[1];
}

static void run_launcher(int signals)
{
    struct smarthost smarthosts[SMARTHOSTS] = {
        { .connections = CONNECTIONS, .tls = TLS_NONE },
        { .connections = CONNECTIONS, .tls = TLS_STARTTLS },
    };
    const struct config config = { .smarthosts = smarthosts,
                                   .smarthost_count = SMARTHOSTS };
    struct servers servers = { 0 };
    const struct launcher_settings settings = {
        .config = &config, .sendmail = SENDMAIL, .servers = &servers,
        .socket = model.launcher, .manager = MANAGER,
        .may_reload = may_reload };

    PROMISE(launcher_run(&settings, signals) == 0);
    PROMISE(model.manager_reaped && model.approved == 0);
    for (size_t i = 0; i < servers.count; i++) {
        const struct row *row = find_row(servers.list[i].pid);
        PROMISE(row != NULL && !row->is_reaped);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pipe_ends[2];

    if (size > INPUT_MAX)
        return 0;
    signal(SIGPIPE, SIG_IGN);
    notices_socket();
    unsigned before = open_descriptors();
    set_up(input_of(data, size), pipe_ends);
    run_launcher(pipe_ends[0]);
    read_answers(SIZE_MAX);
    for (size_t i = 0; i < model.count; i++)
        PROMISE(model.rows[i].is_answered || model.has_left);
    read_notices();
    close(model.manager);
    close(model.launcher);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    PROMISE(open_descriptors() == before);
    return 0;
}
