#include "relay/availability.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/random.h"

#define MINUTE 60000            /* milliseconds */
#define PROBE_TIME 10000        /* a connection may be silent while another one
                                 * would not: then the next probe goes */

/* How patient probes are: the first delay, and the longest. */
static const struct patience {
    int64_t first;
    int64_t longest;
} patience[] = {
    [GATE_UP] = { 0, 0 },
    [GATE_DOWN] = { 10 * 1000, 10 * MINUTE },
    [GATE_PARKED] = { 5 * MINUTE, 60 * MINUTE },
};

void gate_init(struct gate *gate, unsigned per_minute, int64_t now)
{
    *gate = (struct gate){ .since = now };
    pace_init(&gate->pace, per_minute);
}

static void forget_reason(struct gate *gate)
{
    free(gate->reason);
    gate->reason = NULL;
}

void gate_free(struct gate *gate)
{
    forget_reason(gate);
    pace_free(&gate->pace);
}

/* When the next probe may go. A login is never tried twice at a time. */
static int64_t next_probe(const struct gate *gate)
{
    if (!gate->probing)
        return gate->probe;
    return gate->state == GATE_DOWN ? gate->probed + PROBE_TIME : INT64_MAX;
}

static void begin_probe(struct gate *gate, int64_t now)
{
    gate->probing = true;
    gate->probed = now;
    gate->probes++;
}

bool gate_knock(struct gate *gate, int64_t now)
{
    if (gate->state == GATE_UP)
        return true;
    if (now < next_probe(gate))
        return false;
    begin_probe(gate, now);
    return true;
}

void gate_unknock(struct gate *gate)
{
    gate->probing = false;
}

unsigned gate_take(struct gate *gate, unsigned wanted, int64_t now)
{
    if (gate->state != GATE_UP) {
        if (now < next_probe(gate))
            return 0;
        wanted = wanted > 0 ? 1 : 0;
    }
    wanted = pace_take(&gate->pace, wanted, now);
    if (gate->state != GATE_UP && wanted > 0)
        begin_probe(gate, now);
    return wanted;
}

static bool open_gate(struct gate *gate, int64_t now)
{
    bool news = gate->state != GATE_UP;

    gate->probing = false;
    gate->refuses = false;
    gate->failures = 0;
    if (news) {
        gate->state = GATE_UP;
        gate->since = now;
        forget_reason(gate);
    }
    return news;
}

bool gate_opened(struct gate *gate, int64_t now)
{
    if (!gate->refuses)
        return open_gate(gate, now);
    gate->probing = false;
    gate->probe = now;
    return false;
}

bool gate_served(struct gate *gate, unsigned probe, int64_t now)
{
    return gate->state != GATE_UP && gate->probing && probe == gate->probes &&
           open_gate(gate, now);
}

bool gate_failed(struct gate *gate, const struct error *err, int64_t now)
{
    enum gate_state state = err->fault == FAULT_PERMISSION ||
                            err->fault == FAULT_CONFIG ? GATE_PARKED
                                                       : GATE_DOWN;
    bool changed = gate->state != state;

    /* Several workers find out at a time: one probe is one failure. */
    if (!changed && !gate->probing)
        return false;
    /* Whoever mends what parked it wants to hear what is wrong now. Texts of
     * one fault may differ each time: some servers number their replies. */
    bool news = changed || (state == GATE_PARKED && gate->fault != err->fault);
    if (changed) {
        gate->since = now;
        gate->failures = 0;
    }
    gate->state = state;
    gate->refuses = false;
    gate->failed = now;
    gate->fault = err->fault;
    gate->probing = false;
    forget_reason(gate);
    gate->reason = alloc_string(err->text);

    int64_t delay = patience[state].first;
    for (unsigned i = 0; i < gate->failures &&
                         delay < patience[state].longest; i++)
        delay *= 2;
    if (delay > patience[state].longest)
        delay = patience[state].longest;
    gate->probe = now + delay + random_below((uint32_t)(delay / 4));
    gate->failures++;
    return news;
}

bool gate_refused(struct gate *gate, const struct error *err, int64_t now)
{
    bool news = gate_failed(gate, err, now);

    gate->refuses = true;
    return news;
}

bool gate_was_down(const struct gate *gate, int64_t from, int64_t duration)
{
    int64_t since = from > gate->since ? from : gate->since;

    return gate->state != GATE_UP && gate->failed - since >= duration;
}

unsigned gate_probe(const struct gate *gate)
{
    return gate->probing ? gate->probes : 0;
}

void gate_returned(struct gate *gate, unsigned probe, bool sent, int64_t now)
{
    if (sent)
        pace_sent(&gate->pace, now);
    else
        pace_give_back(&gate->pace);
    if (probe == gate->probes)
        gate->probing = false;
}

void gate_give_back(struct gate *gate)
{
    gate->probing = false;
    pace_give_back(&gate->pace);
}

void gate_flush(struct gate *gate, int64_t now)
{
    gate->probe = now;
    gate->failures = 0;
}

void gate_nudge(struct gate *gate, int64_t now)
{
    if (gate->state != GATE_DOWN)
        return;
    int64_t earliest = gate->failed + MINUTE > now ? gate->failed + MINUTE
                                                   : now;
    gate->probe = clock_earlier(gate->probe, earliest);
}

int64_t gate_next_time(const struct gate *gate, int64_t now)
{
    if (gate->state != GATE_UP)
        return next_probe(gate);
    return pace_next_time(&gate->pace, now);
}
