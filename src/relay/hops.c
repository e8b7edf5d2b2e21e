#include "relay/hops.h"

#include <stdlib.h>

#include "config/config.h"
#include "control/protocol.h"
#include "relay/clocks.h"
#include "relay/message.h"
#include "util/alloc.h"
#include "util/clock.h"

struct hops *hops_new(const struct config *config, struct launch *launch,
                      const struct spool *spool,
                      const struct strings *journals, const struct moment *now)
{
    struct hops *hops = alloc_zero(1, sizeof *hops);

    hops->count = config->smarthost_count;
    hops->list = alloc_zero(hops->count, sizeof *hops->list);
    for (size_t i = 0; i < hops->count; i++) {
        const struct smarthost *smarthost = &config->smarthosts[i];
        struct hop *hop = &hops->list[i];
        hop->smarthost = smarthost;
        availability_init(&hop->availability, smarthost->messages_per_minute,
                          now->awake);
        hop->workers = workers_new(launch, smarthost, i, spool, journals);
    }
    rates_start(hops, spool, now);
    return hops;
}

void hops_free(struct hops *hops)
{
    for (size_t i = 0; hops != NULL && i < hops->count; i++) {
        workers_free(hops->list[i].workers);
        availability_free(&hops->list[i].availability);
        refusals_free(&hops->list[i].refusals);
    }
    if (hops == NULL)
        return;
    rates_stop(hops);
    free(hops->list);
    free(hops);
}

void hops_note_attempt(struct hop *hop, enum outcome_kind kind)
{
    hop->attempts[kind]++;
    hop->availability.has_served |= kind == OUTCOME_DELIVERED;
}

bool hops_take(const struct hops *hops, const struct message *message)
{
    for (size_t i = 0; i < hops->count; i++)
        if (message_may_use(message, i) &&
            hops->list[i].availability.state == HOP_UP)
            return true;
    return false;
}

const char *hops_reason(const struct hops *hops,
                        const struct message *message)
{
    if (message->missing != NULL)
        return message->missing;
    if (message->reason != NULL)
        return message->reason;
    for (size_t i = 0; i < hops->count; i++)
        if (hops->list[i].availability.reason != NULL &&
            message_may_use(message, i))
            return hops->list[i].availability.reason;
    return hops->count == 0 ? HOPS_MISSING : "";
}

char *hops_describe_trouble(const struct hops *hops)
{
    if (hops->count == 0)
        return alloc_string(HOPS_MISSING);
    for (size_t i = 0; i < hops->count; i++) {
        const struct availability *host = &hops->list[i].availability;
        if (host->state != HOP_UP)
            return alloc_format("smarthost %s is %s: %s; " SMARTHOST_WAY_OUT,
                                hops->list[i].smarthost->name,
                                host->state == HOP_DOWN ? "down" : "parked",
                                host->reason);
    }
    return alloc_string("");
}

int64_t hops_next_time(const struct hops *hops, const struct message *message,
                       int64_t now)
{
    int64_t due = message->place == MESSAGE_TIMED ? message->due : now;
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < hops->count; i++) {
        const struct availability *host = &hops->list[i].availability;
        if (!message_may_use(message, i))
            continue;
        int64_t opens = host->state == HOP_UP
                        ? now : availability_next_time(host, now);
        next = clock_earlier(next, opens > due ? opens : due);
    }
    return next;
}

bool hops_give_out(struct hops *hops, size_t smarthost,
                   const struct moment *now)
{
    if (availability_take(&hops->list[smarthost].availability, 1,
                          now->awake) == 0)
        return false;
    rates_note(hops, smarthost, RATES_OUT, now);
    return true;
}

void hops_give_back(struct hops *hops, size_t smarthost,
                    const struct moment *now)
{
    availability_give_back(&hops->list[smarthost].availability);
    rates_note(hops, smarthost, RATES_BACK, now);
}

void hops_returned(struct hops *hops, size_t smarthost, unsigned trial,
                   bool sent, const struct moment *now)
{
    availability_returned(&hops->list[smarthost].availability, trial, sent,
                          now->awake);
    rates_note(hops, smarthost, sent ? RATES_SENT : RATES_BACK, now);
}

bool hops_were_down(const struct hops *hops, const struct message *message,
                    int64_t from, int64_t duration)
{
    bool any = false;

    for (size_t i = 0; i < hops->count; i++) {
        if (!message_may_use(message, i))
            continue;
        if (!availability_was_down(&hops->list[i].availability, from,
                                   duration))
            return false;
        any = true;
    }
    return any;
}

size_t hops_workers(const struct hops *hops)
{
    size_t count = 0;

    for (size_t i = 0; i < hops->count; i++)
        count += workers_count(hops->list[i].workers);
    return count;
}

bool hops_leave(const struct hops *hops)
{
    for (size_t i = 0; i < hops->count; i++)
        if (workers_leave(hops->list[i].workers))
            return true;
    return false;
}
