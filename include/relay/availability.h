/*
 * availability.h - whether a smarthost takes mail at the moment
 *
 * While a smarthost is down, nothing is sent to it but a trial, one message or
 * connection, with growing delays; that it is down is logged once, not for each
 * message. One that refuses the password, or requires one that it did not get,
 * is parked: an alert is logged once, and trials are rare. Pure bookkeeping;
 * now is in milliseconds on the monotonic clock.
 */
#ifndef POSTRIDER_RELAY_AVAILABILITY_H
#define POSTRIDER_RELAY_AVAILABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/*
 * No more than so many messages in any minute. A message may be sent at any
 * time between when it is given out and when it is back, so it counts from the
 * one until a minute after the other.
 */
struct pace {
    unsigned limit;         /* 0: none */
    unsigned out;           /* given out, and not back */
    int64_t *sent;          /* ring of limit: when the last ones were back */
    size_t first, count;    /* in it, the oldest first */
};

void pace_init(struct pace *pace, unsigned limit);
void pace_free(struct pace *pace);

/* How many may be given out, at most wanted. They are out then. */
unsigned pace_take(struct pace *pace, unsigned wanted, int64_t now);

/* One that was out was not sent. */
void pace_give_back(struct pace *pace);

/* One that was out may have been sent. */
void pace_sent(struct pace *pace, int64_t now);

/* One was sent at that time, by an earlier process; in the order of time. */
void pace_remember(struct pace *pace, int64_t when);

/* When pace_take may give something; INT64_MAX if that takes an event. */
int64_t pace_next_time(const struct pace *pace, int64_t now);

enum availability_state { HOP_UP, HOP_DOWN, HOP_PARKED };

struct availability {
    enum availability_state state;
    char *reason;           /* why it is not up; owned; NULL when up */
    enum fault fault;       /* of that reason */
    bool refuses;           /* it opened a session, and took no mail in it */
    bool has_served;        /* a recipient was accepted since the start */
    int64_t replied;        /* when there was the last reply about mail; 0: none
                             * yet */
    int64_t since;          /* of the state */
    int64_t failed;         /* when the last attempt to reach it failed */
    int64_t trial_due;      /* when the next trial may go */
    unsigned failures;      /* in a row */
    bool on_trial;          /* a trial is out: */
    int64_t trial_began;    /* since then; */
    unsigned trials;        /* its number, from 1 on */
    struct pace pace;       /* messages_per_minute */
};

void availability_init(struct availability *host, unsigned per_minute,
                       int64_t now);
void availability_free(struct availability *host);

/*
 * How many messages may be given out now, at most wanted: 0 while down (1 when
 * a trial is due), limited by messages_per_minute. Each ends with
 * availability_returned or availability_give_back.
 */
unsigned availability_take(struct availability *host, unsigned wanted,
                           int64_t now);

/* It is not up, and a connection is about to be opened to see whether it is.
 * False: not now. */
bool availability_may_connect(struct availability *host, int64_t now);
/* It could not even be begun, or showed nothing. */
void availability_cannot_connect(struct availability *host);

/* A session was opened: true if the host was not up before, and is now. One
 * that refuses must take a message first: one may go there now. */
bool availability_opened(struct availability *host, int64_t now);

/* Mail that went out as the trial of this number (0: as none) was taken or
 * refused for its own sake: true if the host was not up before, and is now. */
bool availability_served(struct availability *host, unsigned trial,
                         int64_t now);

/* No session could be had: true if that is news (the state changes, or the
 * fault for which it is parked). Trials after 10 s doubling to 10 min when
 * down, 5 min doubling to 1 h when parked, with jitter. FAULT_PERMISSION and
 * FAULT_CONFIG park. The failure of a worker without the trial is not news. */
bool availability_failed(struct availability *host, const struct error *err,
                         int64_t now);

/* The same for a session that was had, and in which no mail may be sent. */
bool availability_refused(struct availability *host, const struct error *err,
                          int64_t now);

/* It has replied to mail, whatever that was. */
void availability_replied(struct availability *host, int64_t now);

/* Was there no such reply in the last minute? Then mail without one is not to
 * blame for that. */
bool availability_is_mute(const struct availability *host, int64_t now);

/* Is it not up, and have attempts to reach it failed for so long, the first of
 * them no earlier than from? */
bool availability_was_down(const struct availability *host, int64_t from,
                           int64_t duration);

/* The number of the trial that availability_take() has just let out; 0: it was
 * none. */
unsigned availability_trial(const struct availability *host);

/* A message is back, whether or not it has shown anything about the smarthost.
 * trial: the number that it went out with, perhaps of an earlier trial than the
 * one that is out now. sent: it may have been sent; false: it was not. */
void availability_returned(struct availability *host, unsigned trial,
                           bool sent, int64_t now);

/* A place that was taken could not be used after all. */
void availability_give_back(struct availability *host);

/* The administrator wants it tried now. */
void availability_flush(struct availability *host, int64_t now);

/* So does a user: one that is down is tried, a minute after it failed at the
 * earliest. One that is parked is not, as each attempt there may be a login
 * that is refused, and providers lock accounts for that. */
void availability_nudge(struct availability *host, int64_t now);

/* When availability_take() may give something again; INT64_MAX if only an event
 * can. */
int64_t availability_next_time(const struct availability *host, int64_t now);

#endif
