#include "relay/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "relay/wire.h"
#include "util/alloc.h"
#include "util/io.h"
#include "util/text.h"

struct ended {
    pid_t pid;
    int status;
};

struct launch {
    int socket;
    bool lost;
    struct ended *ended;        /* received, in order, and not handed out */
    size_t count;
};

struct launch *launch_new(int socket)
{
    struct launch *launch = alloc_zero(1, sizeof *launch);

    fcntl(socket, F_SETFL, O_NONBLOCK);
    launch->socket = socket;
    return launch;
}

void launch_free(struct launch *launch)
{
    if (launch == NULL)
        return;
    io_close(&launch->socket);
    free(launch->ended);
    free(launch);
}

/* False: there is none for now, or never will be. */
static bool receive(struct launch *launch, struct packet *packet)
{
    struct error err;
    int received = wire_receive(launch->socket, WIRE_LAUNCHER, packet, &err);

    if (received == 0 || (received == -1 && err.fault == FAULT_TEMPORARY &&
                          errno != EAGAIN))
        launch->lost = true;
    return received == 1;
}

static void wait_for(const struct launch *launch, short events)
{
    struct pollfd ready = { .fd = launch->socket, .events = events };

    (void)poll(&ready, 1, -1);
}

/* The answer to a request. Ends that are reported in between are kept. */
static bool receive_answer(struct launch *launch, struct packet *packet)
{
    while (receive(launch, packet)) {
        if (packet->kind == WIRE_STARTED)
            return true;
        launch->ended = alloc_resize(launch->ended, launch->count + 1,
                                     sizeof *launch->ended);
        launch->ended[launch->count++] =
            (struct ended){ .pid = packet->pid, .status = packet->value };
    }
    return false;
}

/* Its descriptors stay the caller's. */
static bool send_request(struct launch *launch, struct packet *request)
{
    struct packet news;
    struct error ignored;

    while (!wire_send(launch->socket, request, &ignored)) {
        if (errno != EAGAIN)
            return false;
        /* The launcher reads no request while its own packets wait to be read.
         */
        wait_for(launch, POLLIN | POLLOUT);
        (void)receive_answer(launch, &news);
    }
    return true;
}

static bool wait_for_answer(struct launch *launch, struct packet *answer)
{
    while (!receive_answer(launch, answer)) {
        if (launch->lost) {
            errno = EPIPE;
            return false;
        }
        wait_for(launch, POLLIN);
    }
    errno = answer->value;
    return answer->value == 0;
}

static pid_t start(struct launch *launch, struct packet *request,
                   const char *what, struct error *err)
{
    struct packet answer;

    if (send_request(launch, request) && wait_for_answer(launch, &answer))
        return answer.pid;
    error_sys(err, FAULT_TEMPORARY, "start %s", what);
    return -1;
}

pid_t launch_worker(struct launch *launch, size_t smarthost, int socket,
                    int journal, struct error *err)
{
    struct packet request = wire_packet(WIRE_START_WORKER);

    request.smarthost = smarthost;
    request.fd = socket;
    request.journal = journal;
    return start(launch, &request, "a worker", err);
}

pid_t launch_server(struct launch *launch, int connection, uid_t uid,
                    bool impatient, struct error *err)
{
    struct packet request = wire_packet(WIRE_START_SERVER);

    request.uid = uid;
    request.impatient = impatient;
    request.fd = connection;
    return start(launch, &request, "sendmail -bs", err);
}

void launch_signal(struct launch *launch, pid_t pid, int signal)
{
    struct packet request = wire_packet(WIRE_SIGNAL);

    request.pid = pid;
    request.value = signal;
    (void)send_request(launch, &request);
}

void launch_notice(struct launch *launch, enum notice notice, uint64_t queued,
                   uint64_t delivered, const char *remark)
{
    struct packet request = wire_packet(WIRE_NOTICE);

    request.notice = notice;
    request.queued = queued;
    request.delivered = delivered;
    request.remark = alloc_string(remark);
    (void)send_request(launch, &request);
    free(request.remark);
}

void launch_reload(struct launch *launch)
{
    struct packet request = wire_packet(WIRE_RELOAD);

    (void)send_request(launch, &request);
}

int64_t launch_notice_interval(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    uint64_t microseconds;

    if (text == NULL || !text_to_number(text, INT64_MAX, &microseconds))
        return 0;
    return (int64_t)(microseconds / 2000);
}

int launch_descriptor(const struct launch *launch)
{
    return launch->socket;
}

bool launch_ended(struct launch *launch, pid_t *pid, int *status)
{
    struct packet news = wire_packet(WIRE_ENDED);

    if (launch->count > 0) {
        *pid = launch->ended[0].pid;
        *status = launch->ended[0].status;
        launch->count--;
        for (size_t i = 0; i < launch->count; i++)
            launch->ended[i] = launch->ended[i + 1];
        return true;
    }
    do
        if (!receive(launch, &news))
            return false;
    while (news.kind != WIRE_ENDED);
    *pid = news.pid;
    *status = news.value;
    return true;
}
