#include "relay/clocks.h"

#include <time.h>

#include "util/clock.h"

#define TOLERANCE 5             /* seconds: dates are whole ones */
#define LONG_AWAY 300000        /* milliseconds without a look */
#define FIRST_DATE 1577836800   /* 2020: earlier than this program */

int64_t moment_date(const struct moment *now, int64_t awake)
{
    return now->wall + (awake - now->awake) / 1000;
}

struct moment clocks_moment(void)
{
    struct timespec running;

    clock_gettime(CLOCK_BOOTTIME, &running);
    return (struct moment){
        .wall = time(NULL),
        .running = (int64_t)running.tv_sec * 1000 + running.tv_nsec / 1000000,
        .awake = clock_now(),
    };
}

void clocks_start(struct clocks *clocks, const struct moment *moment)
{
    clocks->seen = *moment;
    clocks->steady = moment->awake;
}

int64_t clocks_look(struct clocks *clocks, const struct moment *moment)
{
    int64_t passed = moment->running - clocks->seen.running;
    int64_t set = moment->wall - clocks->seen.wall - passed / 1000;

    clocks->seen = *moment;
    if (passed > LONG_AWAY)
        clocks->steady = moment->awake;
    return set > TOLERANCE || set < -TOLERANCE ? set : 0;
}

int64_t clocks_received(int64_t received, int64_t wall)
{
    if (wall < FIRST_DATE)
        return received;
    return received < FIRST_DATE || received > wall ? wall : received;
}

int64_t clocks_age(int64_t received, int64_t wall)
{
    return wall > received ? wall - received : 0;
}

int64_t clocks_passed(const struct clocks *clocks, int64_t age, int64_t limit)
{
    int64_t passed = clocks->seen.awake - (age * 1000 - limit);

    return passed > clocks->steady ? passed : clocks->steady;
}
