/*
 * messages.h - all messages that the daemon answers for
 *
 * By queue-id, in the schedule, and in the shares of their owners: a message is
 * in all of these or in none. Those in queue/ that cannot be read for now are
 * remembered by name.
 */
#ifndef POSTRIDER_RELAY_MESSAGES_H
#define POSTRIDER_RELAY_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/clocks.h"
#include "relay/message.h"
#include "relay/shares.h"
#include "spool/unread.h"
#include "util/error.h"
#include "util/strings.h"

struct config;
struct entry;
struct recall;
struct recovery;
struct schedule;
struct totals;

#define MESSAGES_PLACES 4096    /* a power of two */

struct messages {
    struct schedule *schedule;  /* of all of them */
    struct failed failed;       /* those that were given up */
    struct recall *recall;      /* what was known before */
    struct unread unread;       /* those in queue/ that cannot be read */
    /* private */
    const struct config *config;
    struct message_home home;
    struct strings unread_ids;
    struct recovery *recovery;  /* NULL: all of queue/ has been read */
    struct moment now;          /* while it is: of the round */
    struct message **slots;     /* by queue-id: slot_count lists */
    size_t slot_count;          /* a power of two, MESSAGES_PLACES or more */
    unsigned visits;            /* under way: the slots must stay */
    int64_t oldest;             /* messages_oldest(), as long as */
    bool knows_oldest;          /* that one is there */
};

/* All are borrowed. */
struct messages *messages_new(const struct config *config,
                              const struct spool *spool,
                              struct totals *totals);
void messages_free(struct messages *messages);          /* NULL is allowed */

/*
 * After any stop: what the journals have, and all that is in queue/, of which
 * the first MESSAGES_AT_ONCE are there on return. The others are read by
 * messages_read() in rounds that end at about end, on the monotonic clock, and
 * by messages_find(). True if there is more to do.
 */
#define MESSAGES_AT_ONCE 256
bool messages_recover(struct messages *messages, const struct strings *journals,
                      const struct moment *now, struct error *err);
bool messages_read(struct messages *messages, const struct moment *now,
                   int64_t end);
/* How many are there to be read? At most: some may have been found. */
size_t messages_to_read(const struct messages *messages);
/* All, with those. */
size_t messages_count(const struct messages *messages);

/* One that was taken from drop/: it is due at once. entry is owned. */
struct message *messages_add_taken(struct messages *messages,
                                   struct entry *entry,
                                   const struct moment *now);
/* One that is in queue/. NULL if it cannot be read: it is in failed/ then, or
 * among the unread. */
struct message *messages_add_queued(struct messages *messages, const char *id,
                                    const struct moment *now);

/* Try those again that could not be read, and those that wait for room in
 * failed/. */
void messages_look_again(struct messages *messages, const struct moment *now);

/* Also one that is still to be read, if it can be. */
struct message *messages_find(struct messages *messages, const char *id);

/* May a message of this user come in? Of memory they have a share, too. */
bool messages_have_room(const struct messages *messages, uid_t uid);
bool messages_have_memory(const struct messages *messages, uid_t uid);
/* Have all users together as many as they may? */
bool messages_are_full(const struct messages *messages);
/* Have others taken all the memory, and this user none? */
bool messages_crowd_out(const struct messages *messages, uid_t uid);
/* How many are only in drop/. */
size_t messages_fresh(const struct messages *messages);

/* The message is done: remove its files, and forget it. False: they are there
 * still, and so is the message, which is tried again. It is closed either way.
 * sync: see queue_remove(). */
bool messages_finish(struct messages *messages, struct message *message,
                     bool sync, int64_t now);
/* The same for one that its sender or the administrator removes. */
void messages_withdraw(struct messages *messages, struct message *message,
                       int64_t now);
/* Move it to failed/, and forget it. False: nothing has changed. */
bool messages_fail(struct messages *messages, struct message *message,
                   struct error *err);
/* The way back: it is due at once. False: nothing has changed; FAULT_INPUT if
 * there is no such message in failed/. */
bool messages_restore(struct messages *messages, const char *id,
                      const struct moment *now, struct error *err);
/* It could not be opened: it goes to failed/ if its content is wrong, waits for
 * an administrator among the unread, or is tried again. */
void messages_cannot_open(struct messages *messages, struct message *message,
                          struct error *why, int64_t now);

/* Call visit for every message, in no order; it may end that one, and add
 * others. */
typedef void messages_visit(void *context, struct message *message);
void messages_each(struct messages *messages, messages_visit *visit,
                   void *context);

/*
 * The same for those of one place, of MESSAGES_PLACES: for what takes too long
 * to be done in one go. A message never changes its place, so that going
 * through all places meets each one once, whatever comes and goes meanwhile.
 */
void messages_each_at(struct messages *messages, size_t place,
                      messages_visit *visit, void *context);

/* When the oldest was received; 0: there is none. */
int64_t messages_oldest(struct messages *messages);

/* The clock was set by so many seconds, and was at wall before: dates move
 * along, but for those that were ahead of it, which it did not make. */
void messages_move_dates(struct messages *messages, int64_t wall,
                         int64_t seconds);

#endif
