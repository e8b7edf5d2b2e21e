#include "relay/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/io.h"
#include "util/unix_socket.h"

struct launch {
    int socket;
    bool lost;
    struct launch_news *ended;  /* heard of, in order, and not told yet */
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
static bool hear(struct launch *launch, struct launch_news *news)
{
    size_t none;
    ssize_t length = pass_receive(launch->socket, news, sizeof *news, NULL, 0,
                                  &none);

    if (length == 0 || (length == -1 && errno != EAGAIN))
        launch->lost = true;
    return length == (ssize_t)sizeof *news;
}

static void wait_for(const struct launch *launch, short events)
{
    struct pollfd ready = { .fd = launch->socket, .events = events };

    (void)poll(&ready, 1, -1);
}

/* The answer to a request. Ends that are told in between are kept. */
static bool hear_answer(struct launch *launch, struct launch_news *news)
{
    while (hear(launch, news)) {
        if (!news->ended)
            return true;
        launch->ended = alloc_resize(launch->ended, launch->count + 1,
                                     sizeof *news);
        launch->ended[launch->count++] = *news;
    }
    return false;
}

static bool ask(struct launch *launch, const struct launch_request *request,
                const int *fds, size_t count)
{
    struct launch_news news;

    while (!pass_send(launch->socket, request, sizeof *request, fds, count)) {
        if (errno != EAGAIN)
            return false;
        /* The parent hears nobody who does not listen. */
        wait_for(launch, POLLIN | POLLOUT);
        (void)hear_answer(launch, &news);
    }
    return true;
}

static bool wait_for_answer(struct launch *launch, struct launch_news *news)
{
    while (!hear_answer(launch, news)) {
        if (launch->lost) {
            errno = EPIPE;
            return false;
        }
        wait_for(launch, POLLIN);
    }
    return true;
}

static pid_t start(struct launch *launch, const struct launch_request *request,
                   const int *fds, size_t count, const char *what,
                   struct error *err)
{
    struct launch_news news = { .pid = -1 };

    if (ask(launch, request, fds, count) && wait_for_answer(launch, &news))
        errno = news.value;
    if (news.pid == -1)
        error_sys(err, FAULT_TEMPORARY, "start %s", what);
    return news.pid;
}

pid_t launch_worker(struct launch *launch, size_t smarthost, int socket,
                    int journal, struct error *err)
{
    const struct launch_request request = { .kind = LAUNCH_WORKER,
                                            .smarthost = smarthost };
    const int fds[] = { socket, journal };

    return start(launch, &request, fds, 2, "a worker", err);
}

pid_t launch_server(struct launch *launch, int connection, bool crowded,
                    struct error *err)
{
    const struct launch_request request = { .kind = LAUNCH_SERVER,
                                            .crowded = crowded };

    return start(launch, &request, &connection, 1, "sendmail -bs", err);
}

void launch_signal(struct launch *launch, pid_t pid, int signal)
{
    const struct launch_request request = { .kind = LAUNCH_SIGNAL, .pid = pid,
                                            .signal = signal };

    (void)ask(launch, &request, NULL, 0);
}

void launch_notice(struct launch *launch, enum notice notice, uint64_t queued,
                   uint64_t delivered)
{
    const struct launch_request request = { .kind = LAUNCH_NOTICE,
                                            .notice = notice,
                                            .queued = queued,
                                            .delivered = delivered };

    (void)ask(launch, &request, NULL, 0);
}

int launch_descriptor(const struct launch *launch)
{
    return launch->socket;
}

bool launch_ended(struct launch *launch, pid_t *pid, int *status)
{
    struct launch_news news;

    if (launch->count > 0) {
        news = launch->ended[0];
        launch->count--;
        for (size_t i = 0; i < launch->count; i++)
            launch->ended[i] = launch->ended[i + 1];
    } else {
        do
            if (!hear(launch, &news))
                return false;
        while (!news.ended);
    }
    *pid = news.pid;
    *status = news.value;
    return true;
}
