#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/race.h"
#include "util/clock.h"
#include "util/text.h"

#define LONG 20000              /* milliseconds: far more than it takes */
#define FILLERS 4

/* A loopback address: one that accepts, refuses, swallows packets, or to which
 * there is no way. */
enum kind { ACCEPTS, REFUSES, SWALLOWS, UNREACHABLE };

struct place {
    struct dial_list list;
    int listener;
    int fillers[FILLERS];
};

static void fill_backlog(struct place *place)
{
    struct error err;

    for (size_t i = 0; i < FILLERS; i++)
        place->fillers[i] = dial_connect(&place->list.items[0], "",
                                         clock_now() + 50, &err);
}

static struct place place_of(enum kind kind)
{
    struct sockaddr_in here = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    struct place place = { .fillers = { -1, -1, -1, -1 } };
    socklen_t size = sizeof here;
    struct error err;

    place.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(place.listener, (struct sockaddr *)&here, size), 0);
    assert_int_equal(getsockname(place.listener, (struct sockaddr *)&here,
                                 &size), 0);
    if (kind == ACCEPTS || kind == SWALLOWS)
        assert_int_equal(listen(place.listener, kind == ACCEPTS ? 8 : 0), 0);
    /* 255.255.255.255 takes no TCP connection. */
    assert_true(dial_resolve(&place.list, kind == UNREACHABLE
                             ? "255.255.255.255" : "127.0.0.1",
                             ntohs(here.sin_port), DIAL_ANY, &err));
    if (kind == SWALLOWS)
        fill_backlog(&place);
    return place;
}

static void leave(struct place *place)
{
    for (size_t i = 0; i < FILLERS; i++)
        if (place->fillers[i] != -1)
            close(place->fillers[i]);
    close(place->listener);
    dial_list_free(&place->list);
}

struct notes {
    size_t count;
    enum reach reaches[4];      /* of each address, if it failed */
};

static void note(void *context, size_t index, const struct error *err)
{
    struct notes *notes = context;

    notes->count++;
    notes->reaches[index] = err->reach;
}

static void first_to_answer_wins(void **state)
{
    static const struct {
        enum kind kinds[4];
        size_t winner;
        enum reach reaches[4];
    } cases[] = {
        { { ACCEPTS, ACCEPTS, SWALLOWS, REFUSES }, 0, { 0 } },
        { { SWALLOWS, ACCEPTS, ACCEPTS, ACCEPTS }, 1, { 0 } },
        { { REFUSES, UNREACHABLE, SWALLOWS, ACCEPTS }, 3,
          { REACH_REFUSED, REACH_UNREACHABLE } },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct notes notes = { 0 };
        struct race *race = race_new("", LONG, note, &notes);
        struct place places[4];
        size_t winner = 99;
        for (size_t k = 0; k < 4; k++) {
            places[k] = place_of(cases[i].kinds[k]);
            race_add(race, &places[k].list.items[0]);
        }
        int fd = race_next(race, &winner, clock_now() + LONG / 2);
        assert_int_not_equal(fd, -1);
        assert_int_equal(winner, cases[i].winner);
        assert_memory_equal(notes.reaches, cases[i].reaches,
                            sizeof notes.reaches);
        close(fd);
        race_free(race);
        for (size_t k = 0; k < 4; k++)
            leave(&places[k]);
    }
}

/* A winner of no use is not tried again; those that were called off are. */
static void race_goes_on(void **state)
{
    static const enum kind kinds[] = { SWALLOWS, ACCEPTS, REFUSES, ACCEPTS };
    struct notes notes = { 0 };
    struct race *race = race_new("", 100, note, &notes);
    struct place places[4];
    size_t winner;

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        places[k] = place_of(kinds[k]);
        race_add(race, &places[k].list.items[0]);
    }
    for (size_t k = 1; k < 4; k += 2) {
        int fd = race_next(race, &winner, clock_now() + LONG);
        assert_int_not_equal(fd, -1);
        assert_int_equal(winner, k);
        close(fd);
    }
    assert_int_equal(race_next(race, &winner, clock_now() + LONG), -1);
    assert_int_equal(notes.count, 2);
    assert_int_equal(notes.reaches[0], REACH_TIMED_OUT);
    assert_int_equal(notes.reaches[2], REACH_REFUSED);
    race_free(race);
    for (size_t k = 0; k < 4; k++)
        leave(&places[k]);
}

static void ends_at_the_deadline(void **state)
{
    struct notes notes = { 0 };
    struct race *race = race_new("", LONG, note, &notes);
    struct place place = place_of(SWALLOWS);
    size_t winner;
    int64_t began = clock_now();

    (void)state;
    race_add(race, &place.list.items[0]);
    assert_int_equal(race_next(race, &winner, began + 100), -1);
    assert_true(clock_now() - began < LONG / 2);
    assert_int_equal(notes.reaches[0], REACH_TIMED_OUT);
    race_free(race);
    leave(&place);
}

/* What is wrong with the configuration would be wrong everywhere. */
static void stops_where_the_configuration_is_wrong(void **state)
{
    struct notes notes = { 0 };
    struct race *race = race_new("eth0", LONG, note, &notes);
    struct place places[] = { place_of(ACCEPTS), place_of(ACCEPTS) };
    size_t winner;

    (void)state;
    for (size_t k = 0; k < COUNT(places); k++)
        race_add(race, &places[k].list.items[0]);
    assert_int_equal(race_next(race, &winner, clock_now() + LONG), -1);
    assert_int_equal(notes.count, 1);
    race_free(race);
    for (size_t k = 0; k < COUNT(places); k++)
        leave(&places[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_to_answer_wins),
        cmocka_unit_test(race_goes_on),
        cmocka_unit_test(ends_at_the_deadline),
        cmocka_unit_test(stops_where_the_configuration_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
