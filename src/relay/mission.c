#include "relay/desk.h"

#include "config/config.h"
#include "spool/entry.h"
#include "spool/queue.h"
#include "spool/state.h"
#include "util/clock.h"
#include "util/log.h"

#define OWN_TROUBLE_TIME 60000  /* milliseconds until it is tried again */

static void on_opened(void *context, size_t smarthost, const char *peer)
{
    struct desk *desk = context;

    if (gate_opened(&desk->gates[smarthost], clock_now())) {
        log_line(LOG_LEVEL_INFO, "smarthost %s is up: %s",
                 desk->config->smarthosts[smarthost].name, peer);
        schedule_release(desk->schedule, smarthost);
    }
}

static void on_closed(void *context, size_t smarthost, const struct error *err)
{
    struct desk *desk = context;
    struct gate *gate = &desk->gates[smarthost];
    bool news = gate_failed(gate, err, clock_now());
    const char *name = desk->config->smarthosts[smarthost].name;

    if (news && gate->state == GATE_PARKED)
        log_line(LOG_LEVEL_ALERT, "smarthost %s is parked, its mail is kept: "
                 "%s", name, err->text);
    else if (news)
        log_line(LOG_LEVEL_WARNING, "smarthost %s is down, its mail is kept: "
                 "%s", name, err->text);
    if (news)
        pickup_store_all(desk);
}

static void on_outcome(void *context, uint64_t job, size_t index,
                       const struct outcome *outcome, const char *peer,
                       bool dsn_passed_on)
{
    struct desk *desk = context;
    struct mission *mission = dispatch_find(desk, job);

    if (mission != NULL)
        settle_outcome(mission, desk, index, outcome, peer, dsn_passed_on);
}

/* The message goes back to where it came from, as if nothing had been tried. */
static void put_back(struct desk *desk, struct mission *mission, int64_t delay)
{
    struct ticket *ticket = mission->ticket;

    dispatch_give_back(ticket, mission->entry);
    mission->entry = NULL;
    schedule_at(desk->schedule, ticket, clock_now() + delay);
    if (ticket->entry != NULL &&
        desk->gates[mission->smarthost].state != GATE_UP)
        pickup_store(desk, ticket);
}

/* delay is for a message that was not attempted. */
static void end_mission(struct desk *desk, struct mission *mission,
                        bool attempted, int64_t delay)
{
    struct entry *entry = mission->entry;

    if (mission->refused) {
        dispatch_finish(desk, mission->ticket, false);
    } else if (attempted || mission->state->held) {
        mission->entry = NULL;
        settle_message(desk, mission->ticket, entry, mission->state,
                       attempted);
    } else {
        put_back(desk, mission, delay);
    }
    dispatch_end(desk, mission);
}

static void on_done(void *context, uint64_t job)
{
    struct desk *desk = context;
    struct mission *mission = dispatch_find(desk, job);

    /* Without an outcome: the worker could not read it. */
    if (mission != NULL)
        end_mission(desk, mission, mission->attempted, OWN_TROUBLE_TIME);
}

static void on_lost(void *context, uint64_t job, const size_t *delivered,
                    size_t count, bool crashed)
{
    struct desk *desk = context;
    struct mission *mission = dispatch_find(desk, job);

    if (mission == NULL)
        return;
    for (size_t i = 0; i < count; i++)
        settle_accepted(mission->state, delivered[i], NULL);
    if (crashed && count == 0)
        log_line(LOG_LEVEL_WARNING, "%s: deferred: its worker died",
                 mission->ticket->id);
    end_mission(desk, mission, mission->attempted || count > 0 || crashed, 0);
}

const struct crew_events mission_events = {
    .opened = on_opened,
    .closed = on_closed,
    .outcome = on_outcome,
    .done = on_done,
    .lost = on_lost,
};
