#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "spool/drop_scan.h"
#include "spool_fixture.h"
#include "util/text.h"

static bool knows_nothing(void *context, const char *id)
{
    (void)context;
    (void)id;
    return false;
}

static bool knows_one(void *context, const char *id)
{
    return strcmp(context, id) == 0;
}

static void make_file(const struct spool *spool, const char *name, uid_t uid)
{
    fixture_write(spool->drop, name, "x", 1);
    if (geteuid() == 0)
        assert_int_equal(fchownat(spool->drop, name, uid, (gid_t)-1, 0), 0);
}

static void make_one(const struct spool *spool, char digit, size_t number,
                     uid_t uid)
{
    char *name = alloc_format("%c%031zx", digit, number);

    make_file(spool, name, uid);
    free(name);
}

static void make_many(const struct spool *spool, char digit, size_t count,
                      uid_t uid)
{
    for (size_t i = 0; i < count; i++)
        make_one(spool, digit, i, uid);
}

static const struct {
    const char *name;
    bool is_message;
    bool stays;
} names[] = {
    { "0123456789abcdef0123456789abcdef",  true,  true  },
    { "0123456789abcdef0123456789abcdee",  true,  true  },
    { "0123456789ABCDEF0123456789abcdef",  false, false },
    { "0123456789abcdef0123456789abcde",   false, false },
    { "0123456789abcdef0123456789abcdef0", false, false },
    { ".t0123456789abcdef0123456789abcde", false, true  },
    { ".hidden",                           false, false },
    { "core",                              false, false },
    { "a\nforged: log line",               false, false },
    { "\xff\xfe",                          false, false },
};

static void finds_messages_and_removes_the_rest(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    char id[RANDOM_ID_LENGTH + 1];
    size_t found = 0;

    fixture_empty(fixture);
    for (size_t i = 0; i < COUNT(names); i++)
        make_file(spool, names[i].name, 0);
    assert_int_equal(mkdirat(spool->drop, "empty", 0700), 0);
    assert_int_equal(mkdirat(spool->drop, "full", 0700), 0);
    fixture_write(spool->drop, "full/inside", "x", 1);
    assert_int_equal(mkfifoat(spool->drop,
                              "11111111111111111111111111111111", 0644), 0);
    struct drop_scan *scan = drop_scan_new(spool, knows_nothing,
                                           NULL, NULL);
    assert_true(drop_scan_more(scan));
    while (drop_scan_next(scan, id)) {
        assert_true(random_is_id(id));
        found++;
    }
    assert_int_equal(found, 2);
    for (size_t i = 0; i < COUNT(names); i++)
        if (fixture_exists(spool->drop, names[i].name) != names[i].stays)
            fail_msg("%s", names[i].name);
    assert_false(fixture_exists(spool->drop, "empty"));
    assert_true(fixture_exists(spool->drop, "full"));
    assert_int_equal(fixture_count(spool->drop), 4);
    drop_scan_free(scan);
    assert_int_equal(unlinkat(spool->drop, "full/inside", 0), 0);
}

enum { OWNERS = 300, FIRST_UID = 5000 };    /* more than have a place */

/* A pass over a file of each owner: its number tells whose. */
static struct drop_scan *find_crowd(struct fixture *fixture, drop_room *room)
{
    if (geteuid() != 0)
        skip();
    fixture_empty(fixture);
    for (size_t i = 0; i < OWNERS; i++)
        make_one(&fixture->spool, 'a', i, (uid_t)(FIRST_UID + i));
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_nothing,
                                           room, NULL);
    assert_true(drop_scan_more(scan));
    return scan;
}

/* Mark the owners whose names wait; returns how many are marked. */
static size_t serve(struct drop_scan *scan, bool served[OWNERS])
{
    char id[RANDOM_ID_LENGTH + 1];
    size_t count = 0;

    while (drop_scan_next(scan, id))
        served[strtoul(id + 1, NULL, 16)] = true;
    for (size_t i = 0; i < OWNERS; i++)
        count += served[i];
    return count;
}

/* Their files are there again in each pass, as those of users who send more
 * than is taken. */
static void gives_a_turn_to_every_owner(void **state)
{
    bool served[OWNERS] = { false };
    struct drop_scan *scan = find_crowd(*state, NULL);

    assert_int_equal(serve(scan, served), 256);
    assert_true(drop_scan_left_out(scan));
    assert_true(drop_scan_more(scan));
    assert_int_equal(serve(scan, served), OWNERS);
    drop_scan_free(scan);
}

static bool has_room_for_few(void *context, uid_t uid, bool large)
{
    (void)context;
    (void)large;
    return uid % 10 == 0;
}

/* Those who wait for room take no place of others who have some. */
static void lends_the_places_of_owners_without_room(void **state)
{
    bool served[OWNERS] = { false };
    struct drop_scan *scan = find_crowd(*state, has_room_for_few);

    assert_int_equal(serve(scan, served), OWNERS / 10);
    drop_scan_free(scan);
}

static void removes_what_was_never_finished(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

    fixture_empty(fixture);
    make_file(spool, ".tnew", 0);
    assert_int_equal(utimensat(spool->drop, ".tnew", old, 0), 0);
    struct drop_scan *scan = drop_scan_new(spool, knows_nothing,
                                           NULL, NULL);
    assert_true(drop_scan_more(scan));
    /* A file time that its owner has set says nothing: ctime does. */
    assert_true(fixture_exists(spool->drop, ".tnew"));
    drop_scan_free(scan);
}

static void passes_over_what_is_known(void **state)
{
    struct fixture *fixture = *state;
    char known[] = "0123456789abcdef0123456789abcdef";
    char id[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    make_file(&fixture->spool, known, 0);
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_one,
                                           NULL, known);
    assert_true(drop_scan_more(scan));
    assert_true(drop_scan_hint(scan, known));
    assert_false(drop_scan_next(scan, id));
    drop_scan_free(scan);
}

static void takes_a_hint_once(void **state)
{
    static const char id[] = "0123456789abcdef0123456789abcdef";
    struct fixture *fixture = *state;
    char next[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    make_file(&fixture->spool, id, 0);
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_nothing,
                                           NULL, NULL);
    assert_true(drop_scan_hint(scan, id));
    assert_true(drop_scan_hint(scan, id));
    assert_true(drop_scan_hint(scan, "ffffffffffffffffffffffffffffffff"));
    assert_true(drop_scan_next(scan, next));
    assert_string_equal(next, id);
    assert_false(drop_scan_next(scan, next));
    drop_scan_free(scan);
}

/* However many one owner has, the other's only message is among the first. */
static void is_fair_by_owner(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    int calls = 1;
    size_t before = 0;

    if (geteuid() != 0)
        skip();
    fixture_empty(fixture);
    make_many(&fixture->spool, 'a', 1200, 1001);
    make_many(&fixture->spool, 'b', 1, 1002);
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_nothing,
                                           NULL, NULL);
    while (!drop_scan_more(scan))
        calls++;
    assert_true(calls >= 3);        /* at most 500 entries a call */
    while (drop_scan_next(scan, id) && *id != 'b')
        before++;
    assert_int_equal(*id, 'b');
    assert_true(before <= 1);
    while (drop_scan_next(scan, id))
        before++;
    assert_int_equal(before, 100);
    assert_true(drop_scan_left_out(scan));
    drop_scan_free(scan);
}

static bool has_room(void *context, uid_t uid, bool large)
{
    const uid_t *full = context;

    return uid != *full && !large;
}

/* Names for which there is no room wait, and cause no further pass. */
static void passes_over_owners_without_room(void **state)
{
    struct fixture *fixture = *state;
    const struct spool *spool = &fixture->spool;
    char large[RANDOM_ID_LENGTH + 1], id[RANDOM_ID_LENGTH + 1];
    uid_t full = 1001;

    if (geteuid() != 0)
        skip();
    fixture_empty(fixture);
    make_many(spool, 'a', 300, full);
    make_many(spool, 'b', 3, 1002);
    snprintf(large, sizeof large, "b%031x", 1);
    int fd = openat(spool->drop, large, O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, DROP_LARGE + 1), 0);
    close(fd);
    struct drop_scan *scan = drop_scan_new(spool, knows_nothing, has_room,
                                           &full);
    while (!drop_scan_more(scan))
        ;
    for (int i = 0; i < 2; i++) {
        assert_true(drop_scan_next(scan, id));
        assert_int_equal(*id, 'b');
        assert_string_not_equal(id, large);
    }
    assert_false(drop_scan_waiting(scan));
    assert_false(drop_scan_next(scan, id));
    assert_false(drop_scan_left_out(scan));
    full = 1003;
    assert_true(drop_scan_next(scan, id));
    assert_int_equal(*id, 'a');
    drop_scan_free(scan);
}

/* What there was no room for is found by later passes. */
static void finds_all_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];
    size_t taken = 0;

    fixture_empty(fixture);
    make_many(&fixture->spool, 'c', 350, 1001);
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_nothing,
                                           NULL, NULL);
    for (int pass = 0; pass < 5; pass++) {
        while (!drop_scan_more(scan))
            ;
        while (drop_scan_next(scan, id)) {
            drop_remove(&fixture->spool, id);
            taken++;
        }
    }
    assert_int_equal(taken, 350);
    assert_false(drop_scan_left_out(scan));
    assert_int_equal(fixture_count(fixture->spool.drop), 0);
    drop_scan_free(scan);
}

/* A user who must wait, and how many names were looked at. */
struct waiting {
    uid_t uid;
    size_t looks;
};

static bool counts_looks(void *context, const char *id)
{
    struct waiting *waiting = context;

    (void)id;
    waiting->looks++;
    return false;
}

static bool lets_wait(void *context, uid_t uid, bool large)
{
    const struct waiting *waiting = context;

    (void)large;
    return uid != waiting->uid;
}

/* As the daemon does: names are taken, and more are looked for when none are
 * left of an owner who has more. How many there were. */
static size_t take_all(const struct spool *spool, struct waiting *waiting)
{
    struct drop_scan *scan = drop_scan_new(spool, counts_looks, lets_wait,
                                           waiting);
    char id[RANDOM_ID_LENGTH + 1];
    bool at_end = false;
    size_t taken = 0, turns = 0;

    while (!drop_scan_more(scan))
        ;
    do {
        assert_true(turns++ < 1000);
        for (; drop_scan_next(scan, id); taken++)
            drop_remove(spool, id);
        at_end = !drop_scan_rests(scan) && drop_scan_refill(scan);
    } while (drop_scan_waiting(scan) || drop_scan_left_out(scan) || !at_end);
    drop_scan_free(scan);
    return taken;
}

static void looks_at_each_name_a_few_times(void **state)
{
    struct fixture *fixture = *state;
    struct waiting waiting = { .uid = 1 };

    fixture_empty(fixture);
    make_many(&fixture->spool, 'c', 1500, 1001);
    assert_int_equal(take_all(&fixture->spool, &waiting), 1500);
    assert_true(waiting.looks <= 2 * 1500);
    assert_int_equal(fixture_count(fixture->spool.drop), 0);
}

/* Those that are remembered, and those that are left out. */
static void counts_what_waits(void **state)
{
    struct fixture *fixture = *state;
    char id[RANDOM_ID_LENGTH + 1];

    fixture_empty(fixture);
    make_many(&fixture->spool, 'd', 750, 1001);
    struct drop_scan *scan = drop_scan_new(&fixture->spool, knows_nothing,
                                           NULL, NULL);
    while (!drop_scan_more(scan))
        ;
    for (size_t left = 750; left > 0; left--) {
        assert_int_equal(drop_scan_count(scan), left);
        assert_true(drop_scan_next(scan, id));
        drop_remove(&fixture->spool, id);
        if (!drop_scan_waiting(scan))
            drop_scan_refill(scan);
    }
    assert_int_equal(drop_scan_count(scan), 0);
    drop_scan_free(scan);
}

/* Of one owner as many as are held wait for room: that is not in the way of
 * another one, who has run out of names. */
static void refills_past_an_owner_without_room(void **state)
{
    struct fixture *fixture = *state;
    struct waiting waiting = { .uid = 1001 };

    if (geteuid() != 0)
        skip();
    fixture_empty(fixture);
    make_many(&fixture->spool, 'a', 300, 1001);
    make_many(&fixture->spool, 'b', 700, 1002);
    assert_int_equal(take_all(&fixture->spool, &waiting), 700);
    assert_int_equal(fixture_count(fixture->spool.drop), 300);
}

/* More owners than have places, of whom none has run out of names. */
static void refills_from_a_crowd(void **state)
{
    struct fixture *fixture = *state;
    struct waiting waiting = { .uid = 1 };

    drop_scan_free(find_crowd(fixture, NULL));
    assert_int_equal(take_all(&fixture->spool, &waiting), OWNERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_messages_and_removes_the_rest),
        cmocka_unit_test(gives_a_turn_to_every_owner),
        cmocka_unit_test(lends_the_places_of_owners_without_room),
        cmocka_unit_test(removes_what_was_never_finished),
        cmocka_unit_test(passes_over_what_is_known),
        cmocka_unit_test(counts_what_waits),
        cmocka_unit_test(takes_a_hint_once),
        cmocka_unit_test(is_fair_by_owner),
        cmocka_unit_test(passes_over_owners_without_room),
        cmocka_unit_test(finds_all_in_the_end),
        cmocka_unit_test(looks_at_each_name_a_few_times),
        cmocka_unit_test(refills_past_an_owner_without_room),
        cmocka_unit_test(refills_from_a_crowd),
    };

    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
