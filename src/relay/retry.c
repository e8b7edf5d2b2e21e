#include "relay/retry.h"

#include <stddef.h>

#include "config/config.h"
#include "relay/clocks.h"
#include "relay/hops.h"
#include "relay/message.h"
#include "spool/state.h"
#include "util/clock.h"
#include "util/random.h"

#define MOST_GRACE 1800000      /* milliseconds in which a smarthost that was
                                 * down may come back, at most */
#define SWEEP_TIME 60000        /* milliseconds, at most */
#define SWEEP_TIME_MIN 1000

int64_t retry_delay(const struct config *config, unsigned attempts)
{
    int64_t longest = config->retry_longest;
    int64_t delay = config->retry_first;

    for (unsigned i = 1; i < attempts && delay < longest; i++)
        delay *= 2;
    if (delay > longest)
        delay = longest;
    int64_t spread = delay / 4;
    return delay + random_below(spread > UINT32_MAX ? UINT32_MAX
                                                    : (uint32_t)spread);
}

int64_t retry_record_delay(const struct config *config)
{
    return config->retry_first;
}

int64_t retry_remaining(const struct config *config,
                        const struct state *state, int64_t wall)
{
    int64_t longest = config->retry_longest / 1000;
    int64_t wait = state->next - wall;

    if (wait > longest)
        wait = longest;
    return wait > 0 ? wait * 1000 : 0;
}

int64_t retry_tried_age(const struct state *state, int64_t received,
                        int64_t wall)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->recipients[i].result == STATE_OPEN &&
            state->recipients[i].when == 0)
            return 0;
    return state->last > wall ? 0 : clocks_age(received, state->last);
}

/* Has no smarthost been within reach for so long? One that is missing can only
 * be waited for. */
static bool was_unreachable(const struct message *message,
                            const struct hops *hops,
                            const struct clocks *clocks, int64_t from,
                            int64_t duration)
{
    if (message->missing != NULL)
        return clocks->seen.awake - from >= duration;
    return hops_were_down(hops, message, from, duration);
}

static bool is_over(const struct message *message, const struct hops *hops,
                    const struct clocks *clocks, int64_t limit)
{
    int64_t age = clocks_age(message->received, clocks->seen.wall);

    if (age <= limit / 1000)
        return false;
    return message->tried > limit / 1000 ||
           was_unreachable(message, hops, clocks,
                           clocks_passed(clocks, age, limit),
                           clock_earlier(limit / 8, MOST_GRACE));
}

bool retry_is_expired(const struct config *config,
                      const struct message *message, const struct hops *hops,
                      const struct clocks *clocks)
{
    return is_over(message, hops, clocks, config->expire_after);
}

bool retry_is_late(const struct config *config, const struct message *message,
                   const struct hops *hops, const struct clocks *clocks)
{
    return config->delay_warning > 0 && !message->warned &&
           is_over(message, hops, clocks, config->delay_warning);
}

int64_t retry_until(const struct config *config, int64_t received)
{
    return received + config->expire_after / 1000;
}

int64_t retry_sweep_time(const struct config *config)
{
    int64_t shortest = config->expire_after;

    if (config->delay_warning > 0)
        shortest = clock_earlier(shortest, config->delay_warning);
    return shortest / 2 > SWEEP_TIME ? SWEEP_TIME
           : shortest / 2 < SWEEP_TIME_MIN ? SWEEP_TIME_MIN : shortest / 2;
}
