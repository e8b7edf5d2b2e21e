/*
 * availability.h - whether a smarthost takes mail at the moment
 *
 * A smarthost that is down is one event, not one a message: nothing is sent
 * to it but a probe, one message with a growing delay. One that refuses the
 * password, or wants one that it did not get, is parked: an alert is logged
 * once, and a probe is slow. Pure bookkeeping; now is in milliseconds on the
 * monotonic clock.
 */
#ifndef POSTRIDER_RELAY_AVAILABILITY_H
#define POSTRIDER_RELAY_AVAILABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/pace.h"
#include "util/error.h"

enum gate_state { GATE_UP, GATE_DOWN, GATE_PARKED };

struct gate {
    enum gate_state state;
    char *reason;           /* why it is not up; owned; NULL when up */
    enum fault fault;       /* of that reason */
    bool refuses;           /* it opened a session, and took no mail in it */
    bool has_served;        /* a recipient was accepted since the start */
    int64_t since;          /* of the state */
    int64_t failed;         /* when the last attempt to reach it failed */
    int64_t probe;          /* when the next probe may go */
    unsigned failures;      /* in a row */
    bool probing;           /* a probe is out: */
    int64_t probed;         /* since then; */
    unsigned probes;        /* its number, from 1 on */
    struct pace pace;       /* messages_per_minute */
};

void gate_init(struct gate *gate, unsigned per_minute, int64_t now);
void gate_free(struct gate *gate);

/*
 * How many messages may be given out now, at most wanted: 0 while down (1 when
 * a probe is due), limited by messages_per_minute. Each ends with
 * gate_returned or gate_give_back.
 */
unsigned gate_take(struct gate *gate, unsigned wanted, int64_t now);

/* It is not up, and a connection is about to be opened to see whether it is.
 * False: not now. */
bool gate_knock(struct gate *gate, int64_t now);
/* It could not even be begun. */
void gate_unknock(struct gate *gate);

/* A session was opened: true if the gate was not up before, and is now. One
 * that refuses must take a message first: one may go there now. */
bool gate_opened(struct gate *gate, int64_t now);

/* Mail that went out as the probe of this number (0: as none) was taken or
 * refused for its own sake: true if the gate was not up before, and is now. */
bool gate_served(struct gate *gate, unsigned probe, int64_t now);

/* No session could be had: true if that is news (the state changes, or the
 * fault for which it is parked). Probe after 10 s doubling to 10 min when down,
 * 5 min doubling to 1 h when parked, with jitter. FAULT_PERMISSION and
 * FAULT_CONFIG park. The failure of a worker without the probe is not news. */
bool gate_failed(struct gate *gate, const struct error *err, int64_t now);

/* The same for a session that was had, and in which no mail may be sent. */
bool gate_refused(struct gate *gate, const struct error *err, int64_t now);

/* Is it not up, and have attempts to reach it failed for so long, the first of
 * them no earlier than from? */
bool gate_was_down(const struct gate *gate, int64_t from, int64_t duration);

/* The number of the probe that gate_take() has just let out; 0: not a probe. */
unsigned gate_probe(const struct gate *gate);

/* A message that went out, with this number of a probe, is back, perhaps with
 * nothing known about the smarthost: it may have been sent, or was not. It may
 * be an earlier probe than the one that is out now. */
void gate_returned(struct gate *gate, unsigned probe, bool sent, int64_t now);

/* What was taken could not be given out after all. */
void gate_give_back(struct gate *gate);

/* The administrator wants it tried now. */
void gate_flush(struct gate *gate, int64_t now);

/* So does a user: one that is down is tried, a minute after it failed at the
 * earliest. One that is parked is not, as each attempt there may be a login
 * that is refused, and providers lock accounts for that. */
void gate_nudge(struct gate *gate, int64_t now);

/* When gate_take may give something again; INT64_MAX if only an event can. */
int64_t gate_next_time(const struct gate *gate, int64_t now);

#endif
