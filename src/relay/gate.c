#include "relay/gate.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/random.h"

#define MINUTE 60000            /* milliseconds */

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
    *gate = (struct gate){
        .since = now,
        .per_minute = per_minute,
        .tokens = per_minute,
        .filled = now,
    };
}

void gate_free(struct gate *gate)
{
    free(gate->reason);
    gate->reason = NULL;
}

static void fill(struct gate *gate, int64_t now)
{
    double rate = gate->per_minute / (double)MINUTE;

    gate->tokens += rate * (double)(now - gate->filled);
    if (gate->tokens > gate->per_minute)
        gate->tokens = gate->per_minute;
    gate->filled = now;
}

unsigned gate_take(struct gate *gate, unsigned wanted, int64_t now)
{
    if (gate->state != GATE_UP) {
        if (gate->probing || now < gate->probe)
            return 0;
        wanted = wanted > 0 ? 1 : 0;
    }
    if (gate->per_minute > 0) {
        fill(gate, now);
        if (wanted > gate->tokens)
            wanted = (unsigned)gate->tokens;
        gate->tokens -= wanted;
    }
    if (gate->state != GATE_UP && wanted > 0) {
        gate->probing = true;
        gate->probes++;
    }
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
        gate_free(gate);
    }
    return news;
}

bool gate_opened(struct gate *gate, int64_t now)
{
    return !gate->refuses && open_gate(gate, now);
}

bool gate_served(struct gate *gate, unsigned probe, int64_t now)
{
    return gate->refuses && gate->probing && probe == gate->probes &&
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
    gate_free(gate);
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

void gate_returned(struct gate *gate, unsigned probe)
{
    if (probe == gate->probes)
        gate->probing = false;
}

void gate_give_back(struct gate *gate)
{
    gate->probing = false;
    gate->tokens += gate->per_minute > 0;
}

void gate_flush(struct gate *gate, int64_t now)
{
    gate->probe = now;
    gate->failures = 0;
}

int64_t gate_next_time(const struct gate *gate, int64_t now)
{
    if (gate->state != GATE_UP)
        return gate->probing ? INT64_MAX : gate->probe;
    if (gate->per_minute == 0 || gate->tokens >= 1)
        return now;
    return now + (int64_t)((1 - gate->tokens) * MINUTE / gate->per_minute) + 1;
}
