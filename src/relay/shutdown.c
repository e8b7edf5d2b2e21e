#include "relay/shutdown.h"

#include "config/config.h"
#include "relay/hops.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

#define PATIENCE 2000           /* milliseconds, for workers that leave */

struct shutdown shutdown_none(const struct config *config, struct hops *hops)
{
    return (struct shutdown){ .config = config, .hops = hops,
                              .end = MANAGER_FAILED };
}

static void enter(struct shutdown *shutdown, enum shutdown_stage stage,
                  int64_t until)
{
    shutdown->stage = stage;
    shutdown->until = until;
    if (stage != SHUTDOWN_LEAVING)
        return;
    for (size_t i = 0; i < shutdown->hops->count; i++)
        workers_stop(shutdown->hops->list[i].workers);
}

static void begin_drain(struct shutdown *shutdown, int64_t now)
{
    struct buf span;

    buf_init(&span, SIZE_MAX);
    clock_add_span(&span, shutdown->config->drain / 1000);
    log_line(LOG_LEVEL_INFO, "stopping: what is ready is sent first, for at "
             "most %s", span.data);
    buf_free(&span);
    enter(shutdown, SHUTDOWN_DRAINING, now + shutdown->config->drain);
}

bool shutdown_ask(struct shutdown *shutdown, enum manager_end end, int64_t now)
{
    bool again = shutdown->end == MANAGER_STOPPED;

    if (again && (end == MANAGER_RELOAD ||
                  shutdown->stage == SHUTDOWN_LEAVING))
        return false;
    shutdown->end = end;
    shutdown->patience = PATIENCE;
    if (end == MANAGER_STOPPED && !again && shutdown->config->drain > 0) {
        begin_drain(shutdown, now);
        return true;
    }
    log_line(LOG_LEVEL_INFO, "%s", end == MANAGER_RELOAD
             ? "configuration will be read again" : "stopping");
    enter(shutdown, SHUTDOWN_LEAVING, now + PATIENCE);
    return true;
}

static void end_drain(struct shutdown *shutdown, size_t left, int64_t now)
{
    log_line(left > 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
             "stopping: %zu left in the queue", left);
    enter(shutdown, SHUTDOWN_LEAVING, now + PATIENCE);
}

void shutdown_go_on(struct shutdown *shutdown, bool idle, size_t left,
                    int64_t now)
{
    if (shutdown->stage == SHUTDOWN_DRAINING) {
        if (idle || now >= shutdown->until)
            end_drain(shutdown, left, now);
    } else if (shutdown->end != MANAGER_RELOAD) {
        return;
    } else if (shutdown->stage == SHUTDOWN_LEAVING && now >= shutdown->until) {
        if (hops_leave(shutdown->hops))
            shutdown->stage = SHUTDOWN_NONE;
    } else if (shutdown->stage == SHUTDOWN_NONE &&
               !hops_leave(shutdown->hops)) {
        shutdown->patience *= 2;
        enter(shutdown, SHUTDOWN_LEAVING, now + shutdown->patience);
    }
}

int64_t shutdown_next_time(const struct shutdown *shutdown)
{
    bool timed = shutdown->stage == SHUTDOWN_DRAINING ||
                 (shutdown->stage == SHUTDOWN_LEAVING &&
                  shutdown->end == MANAGER_RELOAD);

    /* At once: no worker is left whose end would be an event. */
    if (shutdown_is_over(shutdown))
        return 0;
    return timed ? shutdown->until : INT64_MAX;
}

bool shutdown_is_over(const struct shutdown *shutdown)
{
    return shutdown->stage == SHUTDOWN_LEAVING &&
           hops_workers(shutdown->hops) == 0;
}
