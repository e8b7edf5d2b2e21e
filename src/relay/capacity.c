#include "relay/capacity.h"

#include "util/clock.h"

#define AGAIN_FIRST 120000      /* milliseconds after a refusal until one more
                                 * is tried; doubled each time it is refused */
#define AGAIN_LONGEST 1920000
#define PRICE_MIN 4             /* messages: a start costs both sides more than
                                 * its time */
#define GAIN 3                  /* times as long as a session takes to open, the
                                 * others must have work: twice as many halve
                                 * what is left then, and save the rest of the
                                 * time that they took to open */
#define SAMPLES 32              /* that a mean is made of: flights of eight are
                                 * answered at a time */
#define LATELY 10000            /* milliseconds */
#define NOISE 100               /* microseconds: messages are timed in
                                 * milliseconds, and a mean is of 32 */
#define FAR 1000                /* microseconds */
#define KNOWN_TIME 600000       /* milliseconds that a session's end shows how
                                 * many messages one takes */
#define PIECE 65536             /* octets that take as long as a message */

/* --- How many connections. --- */

void concurrency_init(struct concurrency *concurrency, size_t most)
{
    *concurrency = (struct concurrency){ .most = most };
}

void concurrency_opened(struct concurrency *concurrency, size_t standing,
                        int64_t duration, int64_t now)
{
    struct concurrency *c = concurrency;
    int64_t took = duration * 1000 + 1;

    c->opening = c->opening == 0 ? took : (c->opening + took) / 2;
    if (c->borne == 0 || standing <= c->borne)
        return;
    c->borne = standing;
    if (now < c->again)
        return;
    c->borne = 0;               /* it takes more than it did */
    c->refusals = 0;
}

void concurrency_refused(struct concurrency *concurrency, size_t standing,
                         int64_t now)
{
    struct concurrency *c = concurrency;
    int64_t delay = AGAIN_FIRST;
    bool is_news = c->borne == 0 || now >= c->again;

    c->borne = standing > 0 ? standing : 1;
    if (!is_news)
        return;                 /* it was on its way already */
    for (unsigned i = 0; i < c->refusals && delay < AGAIN_LONGEST; i++)
        delay *= 2;
    c->again = now + delay;
    c->refusals++;
}

void concurrency_note(struct concurrency *concurrency, int64_t duration,
                      int64_t now)
{
    struct concurrency *c = concurrency;

    if (c->samples < SAMPLES)
        c->samples++;
    c->message += (duration - c->message) / c->samples;
    if (now - c->lately > LATELY) {
        c->quickest_before = c->quickest;
        c->quickest = 0;
        c->lately = now;
    }
    if (c->samples == SAMPLES &&
        (c->quickest == 0 || c->message < c->quickest))
        c->quickest = c->message > 0 ? c->message : 1;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t concurrency_limit(const struct concurrency *concurrency,
                         size_t standing, int64_t now)
{
    const struct concurrency *c = concurrency;
    size_t limit = standing == 0 ? 1 : 2 * standing;

    if (c->borne > 0)
        limit = smaller(limit, c->borne + (now >= c->again));
    return smaller(limit, c->most);
}

size_t concurrency_ceiling(const struct concurrency *concurrency)
{
    return concurrency->borne > 0 ? smaller(concurrency->borne,
                                            concurrency->most)
                                  : concurrency->most;
}

size_t concurrency_price(const struct concurrency *concurrency)
{
    const struct concurrency *c = concurrency;

    if (c->samples == 0 || GAIN * c->opening <= PRICE_MIN * c->message)
        return PRICE_MIN;
    return (size_t)(GAIN * c->opening / (c->message > 0 ? c->message : 1));
}

/* 0: not known. */
static int64_t quickest_lately(const struct concurrency *c)
{
    return c->quickest == 0 ||
           (c->quickest_before > 0 && c->quickest_before < c->quickest)
           ? c->quickest_before : c->quickest;
}

bool concurrency_is_saturated(const struct concurrency *concurrency)
{
    int64_t quickest = quickest_lately(concurrency);

    return quickest > 0 && concurrency->message > 2 * quickest + NOISE;
}

bool concurrency_is_far(const struct concurrency *concurrency)
{
    return quickest_lately(concurrency) >= FAR;
}

int64_t concurrency_next_time(const struct concurrency *concurrency,
                              int64_t now)
{
    return concurrency->borne > 0 && concurrency->again > now
           ? concurrency->again : INT64_MAX;
}

/* --- How many messages in a session. --- */

bool session_limit_note(struct session_limit *limit, unsigned messages,
                        bool sure, int64_t now)
{
    bool known = sure || messages == limit->last;

    limit->last = messages;
    if (known) {
        limit->messages = messages;
        limit->until = now + KNOWN_TIME;
    }
    return known;
}

unsigned session_limit_get(const struct session_limit *limit, int64_t now)
{
    return now < limit->until ? limit->messages : 0;
}

/* --- How long messages take. --- */

void durations_init(struct durations *durations)
{
    *durations = (struct durations){ .any = DURATIONS_UNKNOWN };
}

static int64_t pieces_of(uint64_t octets)
{
    return (int64_t)(1 + octets / PIECE);
}

/* DURATIONS_USERS: the user is not known. */
static size_t find_user(const struct durations *durations, uid_t uid)
{
    const struct duration *users = durations->users;
    size_t i = 0;

    while (i < DURATIONS_USERS && !(users[i].known && users[i].uid == uid))
        i++;
    return i;
}

/* The last one counts as much as all before it: what is slow today may be
 * quick tomorrow. */
static int64_t mean(int64_t before, int64_t last)
{
    return (before + last) / 2;
}

int64_t durations_note(struct durations *durations, uid_t uid, uint64_t octets,
                       int64_t duration)
{
    int64_t piece = duration * 1000 / pieces_of(octets);
    size_t user = find_user(durations, uid);

    durations->any = durations->any == DURATIONS_UNKNOWN
                     ? piece : mean(durations->any, piece);
    if (user < DURATIONS_USERS)
        durations->users[user].piece = mean(durations->users[user].piece,
                                            piece);
    else
        durations->users[durations->next++ % DURATIONS_USERS] =
            (struct duration){ .known = true, .uid = uid, .piece = piece };
    return piece;
}

int64_t durations_expect(const struct durations *durations, uid_t uid,
                         uint64_t octets)
{
    size_t user = find_user(durations, uid);

    return user == DURATIONS_USERS
           ? DURATIONS_UNKNOWN
           : durations->users[user].piece * pieces_of(octets);
}
