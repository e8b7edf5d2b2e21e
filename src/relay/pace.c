#include "relay/pace.h"

#include <stdlib.h>

#include "util/alloc.h"

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
