/*
 * message.h - a message that the daemon answers for
 */
#ifndef POSTRIDER_RELAY_MESSAGE_H
#define POSTRIDER_RELAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/random.h"

struct entry;
struct state;

/* What becomes of a recipient in an attempt. */
enum offer { OFFER_DUE, OFFER_OUT, OFFER_DONE };

/* Instead of the index of a smarthost. */
enum { SMARTHOST_ANY = -1, SMARTHOST_MISSING = -2 };

enum message_place { MESSAGE_TIMED, MESSAGE_READY, MESSAGE_OUT, MESSAGE_HELD };

struct message {
    char id[RANDOM_ID_LENGTH + 1];
    uid_t uid;              /* of its sender */
    uid_t owner;            /* for whom it counts, in shares and turns: the
                             * sender; of a report, that of the message it is
                             * about */
    uint64_t size;
    int64_t received;       /* seconds since 1970; moves with the clock */
    int smarthost;          /* index of the only one allowed, or as above */
    char *missing;          /* why it is SMARTHOST_MISSING; owned */
    unsigned attempts;
    size_t memory;          /* octets of its envelope, and of a copy in memory,
                             * while it is open */
    uint64_t octets;        /* of its files in the spool, about */
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
    unsigned sweep;         /* the last one that dealt with it: expiry.c */
    bool warned;
    bool stranded;          /* HELD, as its owner has no room in failed/ */
    bool done;              /* only its files have to be removed yet */
    char *summary;          /* reverse-path and open recipients, each ended by
                             * NUL, the list by an empty one; NULL if it would
                             * be longer than 300 octets: pickup_summary() has
                             * it then. Owned. */
    char *reason;           /* of the last deferral, or NULL. Owned. */
    enum message_place place;
    int64_t due;            /* when TIMED */
    /* private to schedule.c */
    struct message *next_in_hash;
    struct message *previous, *next;
    size_t heap_index;
};

/* May this smarthost carry it? */
bool message_may_use(const struct message *message, size_t smarthost);

#endif
