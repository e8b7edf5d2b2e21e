/* The messages that are late are found, each once a sweep: of thousands, of any
 * place and age, by a clock that is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../spool/spool_fixture.h"
#include "config/config.h"
#include "relay/clocks.h"
#include "relay/expiry.h"
#include "relay/hops.h"
#include "relay/log_delivery.h"
#include "relay/messages.h"
#include "relay/schedule.h"
#include "util/text.h"

enum { MANY = 5000, HOUR = 3600, LATE = HOUR + 1, TOO_LATE = 10 * HOUR + 1 };

/* Smarthosts are of no account: a message is late that was tried so late. */
static const struct config config = { .delay_warning = 1000 * HOUR,
                                      .expire_after = 10000 * HOUR };
static const struct hops hops = { .list = NULL };

struct subject {
    struct fixture fixture;
    struct totals totals;
    struct messages *messages;
    struct expiry *expiry;
    struct clocks clocks;
};

static int set_up(void **state)
{
    struct subject *subject = alloc_zero(1, sizeof *subject);

    fixture_open(&subject->fixture);
    subject->messages = messages_new(&config, &subject->fixture.spool,
                                     &subject->totals);
    subject->expiry = expiry_new(&config, subject->messages, &hops);
    subject->clocks.seen.wall = 1700000000;
    *state = subject;
    return 0;
}

static int tear_down(void **state)
{
    struct subject *subject = *state;

    expiry_free(subject->expiry);
    messages_free(subject->messages);
    fixture_close(&subject->fixture);
    free(subject);
    return 0;
}

/* One in queue/ that was tried at its age, in seconds. */
static struct message *add(struct subject *subject, unsigned number,
                           int64_t age)
{
    const struct moment then = { .wall = subject->clocks.seen.wall - age };
    struct entry *entry = alloc_zero(1, sizeof *entry);

    entry->fd = -1;
    snprintf(entry->id, sizeof entry->id, "%032x", number);
    struct message *message = messages_add_taken(subject->messages, entry,
                                                 &then);
    message->tried = age;
    message->stored = true;
    return message;
}

static struct message *next(struct subject *subject, bool *expired)
{
    return expiry_next(subject->expiry, &subject->clocks, expired);
}

static void put(struct subject *subject, struct message *message,
                enum message_place place)
{
    struct schedule *schedule = subject->messages->schedule;

    if (place == MESSAGE_HELD)
        schedule_hold(schedule, message);
    if (place == MESSAGE_READY || place == MESSAGE_OUT)
        schedule_wake(schedule, INT64_MAX);
    if (place == MESSAGE_OUT)
        schedule_take(schedule, message);
}

static const struct found {
    int64_t age;
    enum message_place place;
    bool only_in_drop, done, warned;
    char found;                 /* '-': not; 'l': late, 'e': expired */
} finds[] = {
    { HOUR,     MESSAGE_TIMED, false, false, false, '-' },
    { LATE,     MESSAGE_TIMED, false, false, false, 'l' },
    { LATE,     MESSAGE_READY, false, false, false, 'l' },
    { LATE,     MESSAGE_TIMED, false, false, true,  '-' },
    { TOO_LATE, MESSAGE_TIMED, false, false, true,  'e' },
    { TOO_LATE, MESSAGE_TIMED, false, false, false, 'e' },
    { TOO_LATE, MESSAGE_READY, false, false, false, 'e' },
    { TOO_LATE, MESSAGE_OUT,   false, false, false, '-' },
    { TOO_LATE, MESSAGE_HELD,  false, false, false, '-' },
    { TOO_LATE, MESSAGE_TIMED, true,  false, false, '-' },
    { TOO_LATE, MESSAGE_TIMED, false, true,  false, '-' },
};

static void finds_what_is_late_and_can_be_dealt_with(void **state)
{
    struct subject *subject = *state;

    for (size_t i = 0; i < COUNT(finds); i++) {
        const struct found *row = &finds[i];
        struct message *message = add(subject, (unsigned)i, row->age);
        bool expired;
        message->stored = !row->only_in_drop;
        message->done = row->done;
        message->warned = row->warned;
        put(subject, message, row->place);
        const struct message *found = next(subject, &expired);
        char seen = found == NULL ? '-' : expired ? 'e' : 'l';
        if (seen != row->found || (found != NULL && found != message))
            fail_msg("row %zu: %c", i, seen);
        while (next(subject, &expired) != NULL)
            ;
        messages_finish(subject->messages, message, false, 0);
    }
}

/* The caller ends some of them, and others come meanwhile. */
static void finds_each_once_a_sweep(void **state)
{
    struct subject *subject = *state;
    unsigned met[MANY] = { 0 };
    struct message *message;
    bool expired;

    for (unsigned i = 0; i < MANY; i++)
        add(subject, i, i % 3 == 0 ? LATE : 0);
    for (unsigned i = 0; (message = next(subject, &expired)) != NULL; i++) {
        met[strtoul(message->id, NULL, 16)]++;
        if (i % 2 == 0)
            messages_finish(subject->messages, message, false, 0);
        add(subject, MANY + i, 0);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(met[i], i % 3 == 0);
}

/* Those that could not be dealt with. */
static void finds_them_again_in_the_next_sweep(void **state)
{
    struct subject *subject = *state;
    bool expired;

    add(subject, 1, LATE);
    add(subject, 2, LATE);
    for (int sweep = 0; sweep < 3; sweep++) {
        assert_non_null(next(subject, &expired));
        assert_non_null(next(subject, &expired));
        assert_null(next(subject, &expired));
    }
}

#define ON_SPOOL(test) \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SPOOL(finds_what_is_late_and_can_be_dealt_with),
        ON_SPOOL(finds_each_once_a_sweep),
        ON_SPOOL(finds_them_again_in_the_next_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
