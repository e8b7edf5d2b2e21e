/* retry.c - the delay before the next attempt at a message */
#include "relay/schedule.h"

#include "util/random.h"

int64_t schedule_backoff(unsigned attempts, int64_t first, int64_t longest)
{
    int64_t delay = first;

    for (unsigned i = 0; i < attempts && delay < longest; i++)
        delay *= 2;
    if (delay > longest)
        delay = longest;
    int64_t spread = delay / 4;
    return delay + random_below(spread > UINT32_MAX ? UINT32_MAX
                                                    : (uint32_t)spread);
}
