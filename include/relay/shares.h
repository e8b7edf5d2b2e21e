/*
 * shares.h - each user's share: of memory, of the spool, and of requests
 *
 * In memory, those that are in drop/ still; on the daemon's disk, those in
 * queue/. A user's share is full when it has reached its bound: the message
 * that fills it may go beyond.
 */
#ifndef POSTRIDER_RELAY_SHARES_H
#define POSTRIDER_RELAY_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct error;
struct message;
struct shares;              /* fields: src/relay/shares.c */
struct spool;

enum share_kind { SHARE_MEMORY, SHARE_QUEUE, SHARE_FAILED, SHARE_KINDS };

struct shares *shares_new(void);
void shares_free(struct shares *shares);                /* NULL is allowed */

void shares_add(struct shares *shares, enum share_kind kind, uid_t uid,
                uint64_t octets);
/* The opposite, with the same octets. */
void shares_remove(struct shares *shares, enum share_kind kind, uid_t uid,
                   uint64_t octets);

/* So many messages are to be added yet, of users who are not known: they count
 * for all together. */
void shares_expect(struct shares *shares, enum share_kind kind, size_t count);

/* Nothing of this kind is used by any user. */
void shares_clear(struct shares *shares, enum share_kind kind);

/* Do all users together have as much as they may? */
bool shares_are_full(const struct shares *shares, enum share_kind kind);

/* May a message of this user be added? Root and the daemon's user have bounds
 * in memory only. */
bool shares_have_room(const struct shares *shares, enum share_kind kind,
                      uid_t uid);

/* How many messages of all users use it. */
size_t shares_count(const struct shares *shares, enum share_kind kind);

/* Has this user nothing, and no room, as others have taken it all? */
bool shares_crowd_out(const struct shares *shares, enum share_kind kind,
                      uid_t uid);

/*
 * Users whose mail was tried by request in the last minute. The daemon tries
 * mail by itself; a user who asks for it all the time must not keep smarthosts
 * busy. now is in milliseconds on the monotonic clock.
 */
#define ASKERS_TIME 60000       /* milliseconds between requests of a user */
#define ASKERS_MAX 256          /* users in that time; more have to wait */

/* { 0 } is empty. */
struct askers {
    struct asker {
        uid_t uid;
        int64_t when;
    } items[ASKERS_MAX];        /* a ring in the order of time */
    size_t first, count;
};

/* May this user ask now? Then 0, and it is noted; else the milliseconds until
 * it may. */
int64_t askers_note(struct askers *askers, uid_t uid, int64_t now);

/* What each user has in failed/. */
struct failed {
    const struct spool *spool;
    struct shares *shares;
    struct timespec changed;    /* the folder, when it was counted */
};

/* Count the messages there by owner, if that has changed: true then. */
bool failed_count(struct failed *failed);

/* Has the owner room for this message there? */
bool failed_has_room(const struct failed *failed,
                     const struct message *message);

/* Move it there, with its state. False: it is still in queue/. */
bool failed_take(struct failed *failed, const struct message *message,
                 struct error *err);

/* How many messages are there. */
size_t failed_messages(const struct failed *failed);

#endif
