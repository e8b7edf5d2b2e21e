#include "net/race.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/alloc.h"
#include "util/clock.h"
#include "util/io.h"

#define HEAD_START 500          /* milliseconds before the next one starts */

enum progress { WAITING, RUNNING, OUT };

struct runner {
    const struct dial_address *address;
    enum progress progress;
    int fd;                     /* -1 unless RUNNING */
    int64_t until;              /* ... and when that has taken too long */
};

struct race {
    const char *source_address;
    int64_t patience;
    race_failed *failed;
    void *context;
    struct runner *runners;
    size_t count;
    struct pollfd *wanted;      /* one a runner, for poll(2) */
    bool over;                  /* what failed would fail everywhere */
};

struct race *race_new(const char *source_address, int64_t patience,
                      race_failed *failed, void *context)
{
    struct race *race = alloc_zero(1, sizeof *race);

    race->source_address = source_address;
    race->patience = patience;
    race->failed = failed;
    race->context = context;
    return race;
}

/* They are not waited for any more, and may start again. */
static void call_off(struct race *race)
{
    for (size_t i = 0; i < race->count; i++) {
        struct runner *runner = &race->runners[i];
        io_close(&runner->fd);
        if (runner->progress == RUNNING)
            runner->progress = WAITING;
    }
}

void race_free(struct race *race)
{
    if (race == NULL)
        return;
    call_off(race);
    free(race->runners);
    free(race->wanted);
    free(race);
}

void race_add(struct race *race, const struct dial_address *address)
{
    race->runners = alloc_resize(race->runners, race->count + 1,
                                 sizeof *race->runners);
    race->wanted = alloc_resize(race->wanted, race->count + 1,
                                sizeof *race->wanted);
    race->runners[race->count++] = (struct runner){ .address = address,
                                                    .fd = -1 };
}

static void drop(struct race *race, size_t index, const struct error *err)
{
    struct runner *runner = &race->runners[index];

    io_close(&runner->fd);
    runner->progress = OUT;
    race->over |= err->fault == FAULT_CONFIG;
    race->failed(race->context, index, err);
}

static size_t count_of(const struct race *race, enum progress progress)
{
    size_t count = 0;

    for (size_t i = 0; i < race->count; i++)
        count += race->runners[i].progress == progress;
    return count;
}

/* Start the first that waits; those that fail at once are passed over. */
static void start_next(struct race *race)
{
    struct error err = { 0 };

    for (size_t i = 0; i < race->count && !race->over; i++) {
        struct runner *runner = &race->runners[i];
        if (runner->progress != WAITING)
            continue;
        runner->fd = dial_begin(runner->address, race->source_address, &err);
        if (runner->fd != -1) {
            runner->progress = RUNNING;
            runner->until = clock_now() + race->patience;
            return;
        }
        drop(race, i, &err);
    }
}

/* Until something happens, or the time has come for something. */
static void wait_for_runners(struct race *race, int64_t until)
{
    for (size_t i = 0; i < race->count; i++) {
        const struct runner *runner = &race->runners[i];
        if (runner->progress == RUNNING)
            until = clock_earlier(until, runner->until);
        race->wanted[i] = (struct pollfd){ .fd = runner->fd,
                                           .events = POLLOUT };
    }
    /* Interrupted, nothing is ready. */
    if (poll(race->wanted, race->count, clock_remaining(until)) < 0)
        for (size_t i = 0; i < race->count; i++)
            race->wanted[i].revents = 0;
}

/* The first in order that has arrived; race->count if none has. *fell: one or
 * more have failed. */
static size_t look(struct race *race, int64_t deadline, bool *fell)
{
    struct error err = { 0 };

    *fell = false;
    for (size_t i = 0; i < race->count; i++) {
        const struct runner *runner = &race->runners[i];
        bool ready = race->wanted[i].revents != 0;
        bool late = clock_remaining(clock_earlier(runner->until,
                                                  deadline)) == 0;
        if (runner->progress != RUNNING || (!ready && !late))
            continue;
        if (dial_end(runner->fd, runner->address, !ready, &err))
            return i;
        drop(race, i, &err);
        *fell = true;
    }
    return race->count;
}

static int take_prize(struct race *race, size_t winner)
{
    int fd = race->runners[winner].fd;

    race->runners[winner].fd = -1;
    race->runners[winner].progress = OUT;
    call_off(race);
    return fd;
}

int race_next(struct race *race, size_t *winner, int64_t deadline)
{
    int64_t next_start = clock_now();

    while (!race->over) {
        bool waits = count_of(race, WAITING) > 0, fell;
        if (waits && (clock_remaining(next_start) == 0 ||
                      count_of(race, RUNNING) == 0)) {
            start_next(race);
            next_start = clock_now() + HEAD_START;
            waits = count_of(race, WAITING) > 0;
        }
        if (count_of(race, RUNNING) == 0 || race->over)
            break;
        wait_for_runners(race, waits ? clock_earlier(deadline, next_start)
                                     : deadline);
        *winner = look(race, deadline, &fell);
        if (*winner < race->count)
            return take_prize(race, *winner);
        if (clock_remaining(deadline) == 0)
            break;
        if (fell)
            next_start = clock_now();
    }
    call_off(race);
    return -1;
}
