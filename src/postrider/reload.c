#include "postrider/reload.h"

#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/client.h"
#include "util/clock.h"

#define ANSWER_TIME 5000        /* milliseconds */
#define RELOAD_TIME 15000
#define PAUSE 100000            /* microseconds */

static bool ask(const char *control, enum request request, pid_t *answerer,
                struct error *err)
{
    const struct client_question question = {
        .path = control, .request = request, .patience = ANSWER_TIME,
    };
    struct ucred peer = { .pid = 0 };
    socklen_t size = sizeof peer;
    int fd = client_begin(&question, err);

    if (fd == -1)
        return false;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    *answerer = peer.pid;
    return client_finish(fd, question.patience, NULL, NULL, err);
}

/* What has read the configuration anew is another process; its number is 0
 * where it cannot be seen, as from another container. */
bool reload_daemon(const char *control, struct error *err)
{
    int64_t deadline = clock_now() + RELOAD_TIME;
    struct error ignored;
    pid_t before, now = 0;

    if (!ask(control, REQUEST_RELOAD, &before, err))
        return false;
    while (clock_now() < deadline) {
        if (ask(control, REQUEST_STATUS, &now, &ignored) &&
            (now != before || before == 0))
            return true;
        usleep(PAUSE);
    }
    return error_set(err, FAULT_TEMPORARY, "the daemon has not read its "
                     "configuration anew within %d s", RELOAD_TIME / 1000) ||
           error_remedy(err, "look into its log");
}
