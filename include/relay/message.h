/*
 * message.h - a message that the daemon answers for
 *
 * From drop/ until its files are gone. It knows whether it is stored, open in
 * memory, on its way with a worker, held. Its content (struct entry) and its
 * state (struct state) can be used between message_open() and message_close();
 * what is nowhere else but in memory stays there by itself: the content of a
 * message that is only in drop/, and a state that could not be written.
 */
#ifndef POSTRIDER_RELAY_MESSAGE_H
#define POSTRIDER_RELAY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "relay/reasons.h"
#include "spool/queue.h"
#include "util/error.h"
#include "util/random.h"

struct entry;
struct shares;
struct spool;
struct state;

/* Instead of the index of a smarthost. */
enum { SMARTHOST_ANY = -1, SMARTHOST_MISSING = -2 };

enum message_place { MESSAGE_TIMED, MESSAGE_READY, MESSAGE_OUT, MESSAGE_HELD };

/* The state of a recipient in an attempt. */
enum offer { OFFER_DUE, OFFER_OUT, OFFER_DONE };

/* An attempt that is under way. With many recipients it is several jobs of
 * workers, one after the other; its outcomes are kept in between. */
struct message_attempt {
    unsigned char *offers;  /* one a recipient (enum offer); owned */
    int64_t age;            /* of the message when it began, in seconds */
    /* of the job that a worker has */
    size_t out;             /* recipients of it that have no outcome yet */
    size_t smarthost;
    unsigned trial;         /* of the smarthost's availability; 0: none */
    int64_t began;          /* milliseconds on the monotonic clock */
    bool attempted;         /* a recipient got an outcome */
    bool withdrawn;         /* to be removed when the job ends, unless the
                             * message is done then */
};

/* Where messages are, and what they take: the same for all. */
struct message_home {
    const struct spool *spool;
    struct shares *shares;  /* each user's */
    struct reasons reasons; /* why they wait */
    uint64_t large;         /* octets of large envelopes that are open */
};

/* There may be hundreds of thousands: fields are in the order that leaves no
 * room between them. */
struct message {
    char id[RANDOM_ID_LENGTH + 1];
    bool warned;
    bool stored;            /* in queue/; false: only in drop/ so far */
    bool done;              /* only its files have to be removed yet */
    uid_t uid;              /* of its sender */
    uid_t owner;            /* for whom it counts, in shares and turns: the
                             * sender; of a report, that of the message it is
                             * about */
    int smarthost;          /* index of the only one allowed, or as above */
    uint64_t size;          /* octets of its content */
    uint64_t octets;        /* of its files in the spool, about */
    int64_t received;       /* seconds since 1970; moves with the clock */
    int64_t tried;          /* seconds of age when the last attempt began */
    unsigned attempts;
    unsigned refused;       /* so often since the last one, as if a session
                             * were over */
    char *missing;          /* why it is SMARTHOST_MISSING; owned */
    char *summary;          /* reverse-path and open recipients, each ended by
                             * NUL, the list by an empty one; NULL if it would
                             * be longer than 300 octets: message_summary() has
                             * it then. Owned. */
    const char *reason;     /* of the last deferral, or NULL */
    struct message_attempt *attempt;    /* NULL: none is under way. Owned. */
    unsigned sweep;         /* the last one that dealt with it: expiry.c */
    /* private to message.c */
    uint32_t memory;        /* octets that it takes while it is open; about */
    struct message_home *home;
    struct entry *entry;
    struct state *state;
    unsigned opens;
    struct queue_files files;
    bool charged;           /* to its owner's share of memory, or of queue/ */
    bool unsaved;           /* what state has is not on disk */
    /* private to schedule.c, but for reading */
    bool stranded;          /* HELD, as its owner has no room in failed/ */
    enum message_place place;
    union {
        struct {            /* TIMED: when, and where in the heap */
            int64_t due;
            size_t heap_index;
        };
        struct {            /* READY */
            struct message *previous, *next;
        };
    };
    /* private to messages.c */
    struct message *next_in_hash;
};

/* A message that was taken from drop/; it is open. entry is owned from now
 * on. */
struct message *message_new_taken(struct message_home *home,
                                  struct entry *entry, int64_t received);
/* One that is in queue/; it is open. Both are owned. */
struct message *message_new_stored(struct message_home *home,
                                   struct entry *entry, struct state *state,
                                   int64_t received);
/* Its files stay. */
void message_free(struct message *message);

/* May this smarthost carry it? */
bool message_may_use(const struct message *message, size_t smarthost);

/*
 * Have content and state at hand. Each that succeeds is followed by a
 * message_close(), or by the end of the message. False with the faults of
 * queue_file_open() and state_load().
 */
bool message_open(struct message *message, struct error *err);
void message_close(struct message *message);
/* While it is open (the content: or in memory; else NULL). Changes of the state
 * are lost at the last close unless they were saved, or message_keep_state()
 * was called. */
const struct entry *message_entry(const struct message *message);
struct state *message_state(const struct message *message);
void message_keep_state(struct message *message);

/* A worker has drop/ID open, and waits for its blocks to be freed in the place
 * of the manager, which all mail waits for. */
void message_close_original(struct message *message);

/* Is everything about it on disk? */
bool message_is_on_disk(const struct message *message);
/* Does its envelope take much of that? So many octets are open of such. */
bool message_is_large(const struct message *message);

/* Is a recipient open, as far as is known without opening it? Else only
 * reports and files are left to be made and removed. */
bool message_is_open(const struct message *message);

/* Bring summary, reason and numbers up to date; it is open. */
void message_describe(struct message *message);
/* A summary that is too long to be kept, read again; the caller frees it. NULL
 * if it cannot be read. */
char *message_summary(struct message *message);

/* Make one that is only in drop/ durable in queue/. */
bool message_store(struct message *message, struct error *err);
/* Put the state on disk, with the message if that is only in drop/. False: it
 * stays in memory. It is open. */
bool message_save(struct message *message, struct error *err);

/* Remove its files: it is closed, and counts for no share any more. With sync,
 * durable. False: they are there still. */
bool message_remove(struct message *message, bool sync);

/* --- The attempt under way. --- */

/* It begins, or goes on, with a job for this smarthost; it is open. now is in
 * milliseconds, wall in seconds since 1970. */
void message_begin_job(struct message *message, size_t smarthost, int64_t now,
                       int64_t wall);
/* Offer recipients that are due, at most max; their indices, and how many. */
size_t message_offer(struct message *message, size_t *indices, size_t max);
/* One has an outcome. False: it is not out, or had one in this job. */
bool message_take_answer(struct message *message, size_t index);
/* The job is over; recipients that are out are due again. An attempt that has
 * come to none of them has not begun. */
void message_end_job(struct message *message);
/* Is a recipient open that the attempt has not reached? */
bool message_has_more(const struct message *message);
void message_end_attempt(struct message *message);

#endif
