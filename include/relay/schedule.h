/*
 * schedule.h - which message is tried next, and when
 *
 * Pure bookkeeping in memory: no files, no clock of its own (now is passed in,
 * milliseconds on the monotonic clock). About 300 octets a message.
 *
 * A message (struct ticket) is in exactly one place: waiting for a time, ready,
 * out with a worker, or held. Ready messages wait for a smarthost that takes
 * mail, and are taken round robin over their owners.
 */
#ifndef POSTRIDER_RELAY_SCHEDULE_H
#define POSTRIDER_RELAY_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/ready.h"
#include "util/random.h"

struct entry;
struct schedule;            /* fields: src/relay/schedule.c */

/* What becomes of a recipient in an attempt. */
enum offer { OFFER_DUE, OFFER_OUT, OFFER_DONE };

/* Instead of the index of a smarthost. */
enum { SMARTHOST_ANY = -1, SMARTHOST_MISSING = -2 };

enum ticket_place { TICKET_TIMED, TICKET_READY, TICKET_OUT, TICKET_HELD };

struct ticket {
    char id[RANDOM_ID_LENGTH + 1];
    uid_t uid;
    uint64_t size;
    int64_t received;       /* seconds since 1970; moves with the clock */
    int smarthost;          /* index of the only one allowed, or as above */
    char *missing;          /* why it is SMARTHOST_MISSING; owned */
    unsigned attempts;
    size_t memory;          /* octets of its envelope, and of a copy in memory,
                             * while it is open */
    bool charged;           /* to its owner's share of memory, or of queue/ */
    bool stored;            /* in queue/; false: only in drop/ so far */
    struct entry *entry;    /* taken from drop/ and not stored; the manager's */
    struct state *unsaved;  /* what could not be written: counts instead of
                             * state/ID; owned. Usually NULL. */
    unsigned char *offers;  /* one a recipient: how far an attempt has come
                             * that needs several jobs (enum offer); NULL if
                             * none is under way. Owned. */
    int64_t trying;         /* seconds of age when the attempt under way, */
    int64_t tried;          /* or the last one that ended, was begun */
    unsigned sweep;         /* the last one that dealt with it: sweep.c */
    bool warned;
    bool stranded;          /* HELD, as its owner has no room in failed/ */
    bool done;              /* only its files have to be removed yet */
    char *summary;          /* reverse-path and open recipients, each ended by
                             * NUL, the list by an empty one; NULL if it would
                             * be longer than 2 KB: pickup_summary() has it
                             * then. Owned. */
    char *reason;           /* of the last deferral, or NULL. Owned. */
    enum ticket_place place;
    int64_t due;            /* when TIMED */
    /* private to schedule.c */
    struct ticket *next_in_hash;
    struct ticket *previous, *next;
    size_t heap_index;
};

/* smarthosts: how many there are. */
struct schedule *schedule_new(size_t smarthosts);
void schedule_free(struct schedule *schedule);  /* and all tickets */

/* A new ticket, TIMED and due at once. The schedule owns it. NULL if the id is
 * there already. READY ones whose smarthost is SMARTHOST_MISSING stay so. */
struct ticket *schedule_add(struct schedule *schedule, const char *id,
                            uid_t uid, int smarthost);

/* May this smarthost carry it? */
bool ticket_may_use(const struct ticket *ticket, size_t smarthost);

/* It needs no smarthost any more: any one's turn serves. */
void schedule_unbind(struct schedule *schedule, struct ticket *ticket);

struct ticket *schedule_find(struct schedule *schedule, const char *id);
void schedule_remove(struct schedule *schedule, struct ticket *ticket);

/* Put a ticket (in any place) where it shall be. */
void schedule_at(struct schedule *schedule, struct ticket *ticket,
                 int64_t due);
void schedule_hold(struct schedule *schedule, struct ticket *ticket);
/* HELD, until failed/ has room for it. */
void schedule_strand(struct schedule *schedule, struct ticket *ticket);

/* Make everything that is TIMED and due by now READY. */
void schedule_wake(struct schedule *schedule, int64_t now);

/* When the next TIMED ticket is due; INT64_MAX if none is. */
int64_t schedule_next_time(const struct schedule *schedule);

/*
 * The READY ticket that this smarthost may carry next, round robin by owner,
 * of those that fit (NULL: all). With any, those that any smarthost may carry
 * are this one's, too. NULL if there is none.
 */
struct ticket *schedule_next(const struct schedule *schedule, size_t smarthost,
                             bool any, ready_fits *fits, const void *context);

/* A READY ticket becomes OUT; its owner has had a turn. */
void schedule_take(struct schedule *schedule, struct ticket *ticket);

/* How many this smarthost may carry. */
size_t schedule_ready_for(const struct schedule *schedule, size_t smarthost,
                          bool any);

/* All TIMED tickets that this smarthost may carry become READY: it answers. */
void schedule_release(struct schedule *schedule, size_t smarthost);

size_t schedule_count(const struct schedule *schedule);
size_t schedule_count_missing(const struct schedule *schedule);
size_t schedule_count_stranded(const struct schedule *schedule);
size_t schedule_count_in(const struct schedule *schedule,
                         enum ticket_place place);

/* Call visit for every ticket, in no order; it may remove that ticket, and add
 * others. */
typedef void schedule_visit(void *context, struct ticket *ticket);
void schedule_each(struct schedule *schedule, schedule_visit *visit,
                   void *context);

/*
 * The same for the tickets of one place, of SCHEDULE_PLACES: for what takes too
 * long to be done in one go. A ticket never changes its place, so that going
 * through all places meets each one once, whatever comes and goes meanwhile.
 */
#define SCHEDULE_PLACES 4096
void schedule_each_at(struct schedule *schedule, size_t place,
                      schedule_visit *visit, void *context);

/* The ticket received first; 0 for none: seconds since 1970. */
int64_t schedule_oldest(struct schedule *schedule);

/*
 * Milliseconds until attempt number attempts + 1: first doubled for each
 * attempt, up to longest, with up to a quarter of jitter.
 */
int64_t schedule_backoff(unsigned attempts, int64_t first, int64_t longest);

#endif
