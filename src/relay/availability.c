#include "relay/availability.h"

#include <stdlib.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/random.h"

/* --- The messages of a minute. --- */

#define MINUTE 60000            /* milliseconds */

void pace_init(struct pace *pace, unsigned limit)
{
    *pace = (struct pace){ .limit = limit };
    if (limit > 0)
        pace->sent = alloc_zero(limit, sizeof *pace->sent);
}

void pace_free(struct pace *pace)
{
    free(pace->sent);
    *pace = (struct pace){ 0 };
}

static void drop_oldest(struct pace *pace)
{
    pace->first = (pace->first + 1) % pace->limit;
    pace->count--;
}

unsigned pace_take(struct pace *pace, unsigned wanted, int64_t now)
{
    if (pace->limit == 0)
        return wanted;
    while (pace->count > 0 && pace->sent[pace->first] <= now - MINUTE)
        drop_oldest(pace);
    size_t taken = pace->out + pace->count;
    unsigned room = taken < pace->limit ? pace->limit - (unsigned)taken : 0;
    if (wanted > room)
        wanted = room;
    pace->out += wanted;
    return wanted;
}

void pace_give_back(struct pace *pace)
{
    if (pace->limit > 0)
        pace->out--;
}

void pace_remember(struct pace *pace, int64_t when)
{
    if (pace->limit == 0)
        return;
    if (pace->count == pace->limit)
        drop_oldest(pace);
    pace->sent[(pace->first + pace->count++) % pace->limit] = when;
}

void pace_sent(struct pace *pace, int64_t now)
{
    pace_give_back(pace);
    pace_remember(pace, now);
}

int64_t pace_next_time(const struct pace *pace, int64_t now)
{
    if (pace->limit == 0 || pace->out + pace->count < pace->limit)
        return now;
    if (pace->count == 0 || pace->out >= pace->limit)
        return INT64_MAX;
    return pace->sent[pace->first] + MINUTE;
}

/* --- Whether it is up. --- */

#define TRIAL_TIME 10000        /* a connection may be silent while another one
                                 * would not: then the next trial goes */

/* How patient trials are: the first delay, and the longest. */
static const struct patience {
    int64_t first;
    int64_t longest;
} patience[] = {
    [HOP_UP] = { 0, 0 },
    [HOP_DOWN] = { 10 * 1000, 10 * MINUTE },
    [HOP_PARKED] = { 5 * MINUTE, 60 * MINUTE },
};

void availability_init(struct availability *host, unsigned per_minute,
                       int64_t now)
{
    *host = (struct availability){ .since = now };
    pace_init(&host->pace, per_minute);
}

static void forget_reason(struct availability *host)
{
    free(host->reason);
    host->reason = NULL;
}

void availability_free(struct availability *host)
{
    forget_reason(host);
    pace_free(&host->pace);
}

/* When the next trial may go. A login is never tried twice at a time. */
static int64_t next_trial(const struct availability *host)
{
    if (!host->on_trial)
        return host->trial_due;
    return host->state == HOP_DOWN ? host->trial_began + TRIAL_TIME : INT64_MAX;
}

static void begin_trial(struct availability *host, int64_t now)
{
    host->on_trial = true;
    host->trial_began = now;
    host->trials++;
}

bool availability_may_connect(struct availability *host, int64_t now)
{
    if (host->state == HOP_UP)
        return true;
    if (now < next_trial(host))
        return false;
    begin_trial(host, now);
    return true;
}

void availability_cannot_connect(struct availability *host)
{
    host->on_trial = false;
}

unsigned availability_take(struct availability *host, unsigned wanted,
                           int64_t now)
{
    if (host->state != HOP_UP) {
        if (now < next_trial(host))
            return 0;
        wanted = wanted > 0 ? 1 : 0;
    }
    wanted = pace_take(&host->pace, wanted, now);
    if (host->state != HOP_UP && wanted > 0)
        begin_trial(host, now);
    return wanted;
}

static bool come_up(struct availability *host, int64_t now)
{
    bool news = host->state != HOP_UP;

    host->on_trial = false;
    host->refuses = false;
    host->failures = 0;
    if (news) {
        host->state = HOP_UP;
        host->since = now;
        forget_reason(host);
    }
    return news;
}

bool availability_opened(struct availability *host, int64_t now)
{
    if (!host->refuses)
        return come_up(host, now);
    host->on_trial = false;
    host->trial_due = now;
    return false;
}

bool availability_served(struct availability *host, unsigned trial,
                         int64_t now)
{
    return host->state != HOP_UP && host->on_trial &&
           trial == host->trials && come_up(host, now);
}

bool availability_failed(struct availability *host, const struct error *err,
                         int64_t now)
{
    bool parks = err->fault == FAULT_PERMISSION || err->fault == FAULT_CONFIG;
    enum availability_state state = parks ? HOP_PARKED : HOP_DOWN;
    bool changed = host->state != state;

    /* Several workers find out at a time: one trial is one failure. */
    if (!changed && !host->on_trial)
        return false;
    /* An administrator who mends what parked it needs the present reason.
     * Texts of one fault may differ each time: some servers number them. */
    bool news = changed || (state == HOP_PARKED && host->fault != err->fault);
    if (changed) {
        host->since = now;
        host->failures = 0;
    }
    host->state = state;
    host->refuses = false;
    host->failed = now;
    host->fault = err->fault;
    host->on_trial = false;
    forget_reason(host);
    host->reason = alloc_string(err->text);

    int64_t delay = patience[state].first;
    for (unsigned i = 0; i < host->failures &&
                         delay < patience[state].longest; i++)
        delay *= 2;
    if (delay > patience[state].longest)
        delay = patience[state].longest;
    host->trial_due = now + delay + random_below((uint32_t)(delay / 4));
    host->failures++;
    return news;
}

bool availability_refused(struct availability *host, const struct error *err,
                          int64_t now)
{
    bool news = availability_failed(host, err, now);

    host->refuses = true;
    return news;
}

void availability_replied(struct availability *host, int64_t now)
{
    host->replied = now;
}

bool availability_is_mute(const struct availability *host, int64_t now)
{
    return host->replied == 0 || now - host->replied > MINUTE;
}

bool availability_was_down(const struct availability *host, int64_t from,
                           int64_t duration)
{
    int64_t since = from > host->since ? from : host->since;

    return host->state != HOP_UP && host->failed - since >= duration;
}

unsigned availability_trial(const struct availability *host)
{
    return host->on_trial ? host->trials : 0;
}

void availability_returned(struct availability *host, unsigned trial,
                           bool sent, int64_t now)
{
    if (sent)
        pace_sent(&host->pace, now);
    else
        pace_give_back(&host->pace);
    if (trial == host->trials)
        host->on_trial = false;
}

void availability_give_back(struct availability *host)
{
    host->on_trial = false;
    pace_give_back(&host->pace);
}

void availability_flush(struct availability *host, int64_t now)
{
    host->trial_due = now;
    host->failures = 0;
}

void availability_nudge(struct availability *host, int64_t now)
{
    if (host->state != HOP_DOWN)
        return;
    int64_t earliest = host->failed + MINUTE > now ? host->failed + MINUTE
                                                   : now;
    host->trial_due = clock_earlier(host->trial_due, earliest);
}

int64_t availability_next_time(const struct availability *host, int64_t now)
{
    if (host->state != HOP_UP)
        return next_trial(host);
    return pace_next_time(&host->pace, now);
}
