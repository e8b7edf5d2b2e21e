/*
 * desk.h - what the parts of the manager share; private to them
 *
 *     pickup.c     drop/ -> message
 *     recall.c     acceptances in the journals from before a stop
 *     troubles.c   messages that need an administrator
 *     dispatch.c   message -> mission: a worker has it
 *     mission.c    reports of workers
 *     result.c     outcomes -> done, retry, report
 *     failed.c     what a user may keep in failed/
 *     expiry.c      delay warnings and expiry
 *     rates.c      what messages_per_minute must know after a restart
 *     requests.c   requests of administrators
 *     manager.c    the poll loop
 */
#ifndef POSTRIDER_RELAY_DESK_H
#define POSTRIDER_RELAY_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "relay/askers.h"
#include "relay/control.h"
#include "relay/gate.h"
#include "relay/lifetime.h"
#include "relay/schedule.h"
#include "relay/shares.h"
#include "relay/workers.h"
#include "spool/drop.h"
#include "spool/spool.h"
#include "spool/unread.h"
#include "smtp/outcome.h"
#include "util/error.h"
#include "util/log.h"
#include "util/strings.h"

struct buf;
struct config;
struct destinations;
struct entry;
struct state;

/* A message that a worker has: a job is some of its recipients. An attempt at a
 * message with many is several missions, one after the other. */
struct mission {
    uint64_t number;
    struct message *ticket;
    struct entry *entry;        /* owned */
    struct state *state;        /* owned; outcomes go here */
    unsigned char *offers;      /* one a recipient (enum offer); owned */
    size_t out;                 /* of them, OFFER_OUT */
    size_t heavy;               /* octets of a large one: dispatch.c */
    size_t smarthost;
    int64_t started;            /* milliseconds, monotonic */
    unsigned probe;             /* of the smarthost's gate; 0: none */
    bool attempted;             /* a recipient got an outcome */
    bool refused;               /* to be removed, unless it is done first */
    struct mission *next;       /* in the same bucket */
};

/* Since start, for status and metrics. */
struct totals {
    uint64_t accepted;          /* messages picked up */
    uint64_t delivered;         /* recipients; so for the next two */
    uint64_t deferred;
    uint64_t failed;
    uint64_t reports;           /* DSNs made */
};

#define DESK_BUCKETS 256
#define DESK_ROUND 50           /* milliseconds: what takes longer goes on in
                                 * the next round of the poll loop */

#define DESK_HEAVY 262144       /* octets of memory that an envelope and its state
                                 * take: those of some 1,000 recipients */

/* Messages that need an administrator: how many of a kind are where, and, for
 * one of them, why, with the command that helps. */
struct trouble {
    const char *place;          /* folder of the spool */
    enum trouble_kind kind;
    enum log_level level;
    size_t count;               /* 0: none */
    char *text;                 /* owned; NULL if there is none */
};

/* Their order: those that cannot be read in drop/, then in queue/; then: */
enum { TROUBLES_UNREAD = 2 * UNREAD_KINDS, TROUBLE_GIVEN_UP = TROUBLES_UNREAD,
       TROUBLE_BOUND, TROUBLE_STRANDED, TROUBLES };

/* The file that messages_per_minute is kept in. */
struct rates {
    int file;                   /* to append to; -1: there is none */
    int64_t begun;              /* on the monotonic clock */
    size_t lines, lines_max;    /* appended since then, and at most */
    bool has_failed;            /* that is logged */
};

struct desk {
    const struct config *config;
    struct spool spool;
    struct schedule *schedule;
    struct gate *gates;         /* one a smarthost; so for workers */
    struct workers **workers;
    struct drop_scan *scan;
    bool scan_due;              /* the directory must be read */
    size_t gains;               /* names done with since that was begun */
    bool pass_done;             /* ... to its end, and is not logged */
    int64_t next_trouble[TROUBLES];     /* when it may be logged again */
    int64_t next_moved;         /* so for a spool that was moved */
    int64_t next_full;          /* ... and for a user whose share is full */
    struct shares *shares;      /* of memory: messages that are not stored; of
                                 * queue/; and of failed/ */
    struct timespec failed_changed;     /* failed/, when it was counted */
    size_t fresh;               /* messages that are not stored */
    struct drop_taking *taking; /* a large message, or NULL */
    uint64_t heavy;             /* octets of large envelopes that are open */
    bool crowded;               /* they leave no room for */
    uid_t crowded_out;          /* this user, who has none of them */
    int64_t next_room;          /* when it may be made, after that failed */
    size_t to_store;            /* place in the schedule from which on they
                                 * have to be; SCHEDULE_PLACES: none */
    unsigned sweep;             /* number of the one under way, or the next */
    size_t swept;               /* places of the schedule it has been to */
    struct strings unread;      /* in queue/, and cannot be read for now */
    struct unread unread_why;   /* the same, counted */
    struct recalled *recalled;  /* lines of journals, not recorded: recall.c */
    struct mission *missions[DESK_BUCKETS];
    uint64_t next_mission;
    int64_t dispatched;         /* when that was looked at last */
    struct control *control;
    struct askers askers;       /* users, not administrators */
    struct destinations *destinations;  /* of reports */
    bool aliases_are_old;       /* that has been logged */
    struct strings postmaster;  /* where a failed report is reported */
    struct totals totals;
    struct lifetime lifetime;
    struct rates rates;
    int64_t started;            /* seconds since 1970 */
    bool stopping;              /* hand out nothing any more */
};

/* pickup.c */

/* Is drop/ID a message that is known? Once that is stored it is another file,
 * or one that could not be removed. */
bool pickup_knows(struct desk *desk, const char *id);
/* Take what can be taken now. True if there is more. */
bool pickup_run(struct desk *desk);
/* Has this user room for one more message, which may be a large one? */
bool pickup_has_room(void *desk, uid_t uid, bool large);
/* A message that was not stored is, now. */
void pickup_is_stored(struct desk *desk, struct message *message);
/* Octets that a message takes in the spool, about: its envelope may be larger
 * than its content, and each recipient has a line in state/. */
uint64_t pickup_octets(const struct entry *entry);
/* It counts for its owner's share no more. */
void pickup_discharge(struct desk *desk, struct message *message);
/* Forget a message. */
void pickup_forget(struct desk *desk, struct message *message);
/* Make a message that is not stored durable; the entry is freed. */
bool pickup_store(struct desk *desk, struct message *message);
/* The same for all, since a smarthost is down: those of the next rounds. */
void pickup_store_all(struct desk *desk);
/* Go on with that, or with as many as leave no room for a user who has none.
 * True if there is more to do. */
bool pickup_go_on_storing(struct desk *desk);
/* After any stop: messages for all that lies in queue/. */
bool pickup_recover(struct desk *desk, struct error *err);
/* A message for a message that is in queue/ now; NULL if it cannot be read: it
 * is in failed/ then, or among the unread. */
struct message *pickup_queued(struct desk *desk, const char *id);
/* A message in queue/ cannot be read, and why: wrong content will not mend
 * itself, and goes to failed/. False: it stays; why is set to what is in the
 * way. */
bool pickup_fail(struct desk *desk, const char *id, struct error *why);
/* What is known about a message's message; NULL if it cannot be read. */
struct state *pickup_state(const struct desk *desk,
                           const struct message *message,
                           const struct entry *entry, struct error *err);
/* It has been written; or, with a state, it could not be. */
void pickup_remember(struct message *message, const struct state *unsaved);
/* Try all again that could not be read, in drop/ and queue/. */
void pickup_unread(struct desk *desk);
/* A stored message cannot be read any more: among the unread with it. */
void pickup_set_aside(struct desk *desk, struct message *message,
                      const struct error *err);
/* A summary that is too long for the message's, read anew; the caller frees it.
 * NULL if it cannot be read. */
char *pickup_summary(struct desk *desk, const struct message *message);
/* Bring the message's summary and reason up to date. */
void pickup_describe(struct message *message, const struct entry *entry,
                     const struct state *state);

/* recall.c */

/* At a start: record the acceptances in the journals. What cannot be
 * recorded is remembered for recall_apply(), and the journal is kept. */
bool recall_journals(struct desk *desk, struct error *err);
/* Settle what is remembered about that message; true if anything was. */
bool recall_apply(struct desk *desk, const struct entry *entry,
                  int64_t received, struct state *state);
void recall_forget(struct desk *desk);

/* failed.c */

/* Count whose messages lie in failed/, if that has changed: those that wait for
 * room there are tried again. */
void failed_look(struct desk *desk);
/* Has the owner room for this message in failed/? */
bool failed_has_room(const struct desk *desk, const struct message *message);
/* We have moved it there. */
void failed_note(struct desk *desk, const struct message *message);

/* troubles.c*/

void trouble_collect(const struct desk *desk, struct trouble list[TROUBLES]);
void trouble_free(struct trouble list[TROUBLES]);
/* Log what there is, each kind once an hour. */
void trouble_tell(struct desk *desk);
/* A user has no room left in queue/, or all users have none; so for this line. */
void trouble_full(struct desk *desk, uid_t uid);
/* The spool is another one than that which is open; so for this line. */
void trouble_moved(struct desk *desk, const char *what);

/* dispatch.c */

/* Hand out what can be handed out, for a round. True if there is more. */
bool dispatch_run(struct desk *desk);
/* When dispatch_run may have something to do without an event, as it was when
 * that ran: what became due since is due at once. */
int64_t dispatch_next_time(const struct desk *desk);
struct mission *dispatch_find(struct desk *desk, uint64_t number);
/* The attempt is not over with this mission: the message keeps how far it has
 * come, if it has begun. Recipients that are out still are due again. */
void dispatch_keep_offers(struct mission *mission);
/* Forget a mission; its entry, if it still has one, is freed. */
void dispatch_end(struct desk *desk, struct mission *mission);
/* An entry that was opened for a message is not needed any more: it is freed,
 * unless the message is nowhere else but in memory and drop/. */
void dispatch_give_back(struct message *message, struct entry *entry);
/* The message is done: remove its files, then the message. False: they are
 * there still, and so is the message, to try again. The entry stays the
 * caller's. */
bool dispatch_finish(struct desk *desk, struct message *message, bool sync);
/* The same for a message that its sender or the administrator removes. */
void dispatch_withdraw(struct desk *desk, struct message *message);
/* The mission that has this message, or NULL. */
struct mission *dispatch_of(struct desk *desk, const struct message *message);

/* Why a message waits: its own last reason, or its smarthost's; "". */
const char *dispatch_reason(const struct desk *desk,
                            const struct message *message);

/* mission.c: act on an event of a worker of that smarthost. */
void mission_take(struct desk *desk, size_t smarthost,
                  const struct worker_event *event);

/* result.c */

/* Find out where reports go: before the manager is shut in, so that a change of
 * the aliases counts from the next reload. */
void settle_prepare(struct desk *desk);

/* The outcome of a recipient that exists, as the worker reports it. */
void settle_outcome(struct mission *mission, struct desk *desk, size_t index,
                    const struct outcome *outcome, const char *relay,
                    bool dsn_passed_on);
/* A recipient accepted according to a journal. Whether the smarthost took over
 * the DSN is not known: a sender who asked for one rather gets two than none.
 * desk is NULL for what was logged and counted before. */
void settle_accepted(struct desk *desk, const struct entry *entry,
                     struct state *state, size_t index, int64_t received);
/* What cannot be sent has failed before its first attempt. True if there was
 * anything of that kind. */
bool settle_flawed(struct desk *desk, const struct entry *entry,
                   struct state *state);

/*
 * What is known has changed: record it, report, and remove or schedule the
 * message. attempt means that an attempt is over, which sets the next one. The
 * entry is taken over; the state is not. The message may be gone afterwards.
 */
void settle_message(struct desk *desk, struct message *message,
                    struct entry *entry, struct state *state, bool attempt);

/* The first part of an attempt: record what is known; the next part follows at
 * once. The entry is taken over; the state is not. */
void settle_part(struct desk *desk, struct message *message,
                 struct entry *entry, struct state *state);

/* The message is late, or (no recipient is open any more) too late: report
 * that. The entry is taken over. */
void settle_late(struct desk *desk, struct message *message,
                 struct entry *entry, struct state *state);

/* expiry.c */

/* Has the clock been set? Then what is known of times follows it. */
void sweep_clock(struct desk *desk);
/* Deal with what is late, for one round. True if there is more. */
bool sweep_run(struct desk *desk);

/* rates.c: how many messages went lately, for a daemon that follows. */

/* What the gates are to know from the one before; and keep it from now on. */
void rates_start(struct desk *desk);
void rates_stop(struct desk *desk);
/* What has become of a message, as the gate of its smarthost knows already: it
 * is given to a worker, is back and may have been sent, or was not sent. */
enum rates_event { RATES_OUT, RATES_SENT, RATES_BACK };
void rates_note(struct desk *desk, size_t smarthost, enum rates_event event);

/* requests.c */
enum control_reply answer_request(void *context,
                                  const struct control_request *what);

#endif
