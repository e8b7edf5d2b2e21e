#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/hops.h"
#include "relay/clocks.h"
#include "relay/rates.h"
#include "util/text.h"

#include "../in_range.h"

#define LIMIT 10

/* A daemon with a smarthost that has the limit, and one that has none. */
struct daemon {
    struct smarthost smarthosts[2];
    struct hop list[2];
    struct hops hops;
    struct moment now;
};

static void start(struct daemon *daemon, struct fixture *fixture)
{
    static char limited[] = "our office", other[] = "other";

    *daemon = (struct daemon){
        .smarthosts = { { .name = other },
                        { .name = limited, .messages_per_minute = LIMIT } },
        .hops = { .list = daemon->list, .count = 2 },
        .now = clocks_moment(),
    };
    for (size_t i = 0; i < 2; i++) {
        daemon->list[i].smarthost = &daemon->smarthosts[i];
        availability_init(&daemon->list[i].availability,
                  daemon->smarthosts[i].messages_per_minute,
                  daemon->now.awake);
    }
    rates_start(&daemon->hops, &fixture->spool, &daemon->now);
}

/* Nothing is written then: as after SIGKILL. */
static void end(struct daemon *daemon)
{
    rates_stop(&daemon->hops);
    availability_free(&daemon->list[0].availability);
    availability_free(&daemon->list[1].availability);
}

static void give_out(struct daemon *daemon, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (size_t n = 0; n < 2; n++) {
            assert_int_equal(availability_take(&daemon->list[n].availability,
                                               1, daemon->now.awake), 1);
            rates_note(&daemon->hops, n, RATES_OUT, &daemon->now);
        }
}

static void come_back(struct daemon *daemon, unsigned count, bool sent)
{
    for (unsigned i = 0; i < count; i++)
        for (size_t n = 0; n < 2; n++) {
            availability_returned(&daemon->list[n].availability, 0, sent,
                                  daemon->now.awake);
            rates_note(&daemon->hops, n, sent ? RATES_SENT : RATES_BACK,
                       &daemon->now);
        }
}

static unsigned room(struct daemon *daemon)
{
    unsigned taken = availability_take(&daemon->list[1].availability,
                                       2 * LIMIT, daemon->now.awake);

    for (unsigned i = 0; i < taken; i++)
        availability_give_back(&daemon->list[1].availability);
    return taken;
}

/* What is out when the daemon is killed counts like what was sent. */
static void keeps_what_was_sent_or_out(void **state)
{
    struct fixture fixture;
    struct daemon daemon;

    (void)state;
    fixture_open(&fixture);
    start(&daemon, &fixture);
    assert_int_equal(room(&daemon), LIMIT);
    give_out(&daemon, 6);
    come_back(&daemon, 2, true);
    come_back(&daemon, 1, false);
    end(&daemon);
    for (int again = 0; again < 2; again++) {
        start(&daemon, &fixture);
        assert_int_equal(room(&daemon), LIMIT - 5);
        end(&daemon);
    }
    fixture_close(&fixture);
}

/* However much comes and goes, the file stays short, and nothing is lost. */
static void begins_the_file_again(void **state)
{
    struct fixture fixture;
    struct daemon daemon;
    struct stat status;

    (void)state;
    fixture_open(&fixture);
    start(&daemon, &fixture);
    give_out(&daemon, 3);
    come_back(&daemon, 1, true);
    for (unsigned i = 0; i < 5000; i++) {
        give_out(&daemon, 1);
        come_back(&daemon, 1, false);
    }
    assert_int_equal(fstatat(fixture.spool.state, "rates", &status, 0), 0);
    assert_int_in_range(status.st_size, 1, 40000);
    end(&daemon);
    start(&daemon, &fixture);
    assert_int_equal(room(&daemon), LIMIT - 3);
    end(&daemon);
    fixture_close(&fixture);
}

static const struct {
    const char *text;
    unsigned room;
} files[] = {
    { "postrider-rates 1 99999999999\n1 our office\n", LIMIT - 1 },
    { "postrider-rates 1 99999999999\n99999 our office\n1 our office\n",
      LIMIT - 1 },
    { "postrider-rates 1 99999999999\n+5 our office\n+6 our office\n",
      LIMIT - 2 },
    { "postrider-rates 1 99999999999\nout our office\nout our office\n"
      "back our office\nback our office\nback our office\n", LIMIT },
    { "postrider-rates 1 1000000000\n1 our office\n+5 our office\n", LIMIT },
    { "postrider-rates 1 1000000000\nout our office\n", LIMIT - 1 },
    { "postrider-rates 1 99999999999\n1 our\n1 elsewhere\n1\nx our office\n"
      "\n1 our office", LIMIT },
    { "postrider-rates 2 99999999999\n1 our office\n", LIMIT },
    { "", LIMIT },
};

/* Dates in the future: the clock was set back. */
static void reads_what_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct fixture fixture;
        struct daemon daemon;
        fixture_open(&fixture);
        int fd = openat(fixture.spool.state, "rates", O_CREAT | O_WRONLY,
                        0600);
        assert_true(io_write_all(fd, files[i].text, strlen(files[i].text)));
        close(fd);
        start(&daemon, &fixture);
        if (room(&daemon) != files[i].room)
            fail_msg("%s", files[i].text);
        end(&daemon);
        fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_was_sent_or_out),
        cmocka_unit_test(begins_the_file_again),
        cmocka_unit_test(reads_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
