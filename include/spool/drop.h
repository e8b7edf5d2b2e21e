/*
 * drop.h - the drop directory as the daemon sees it
 *
 * Everything in it is hostile: names, kinds of files, owners that go on
 * writing. A file is opened once, examined by its descriptor, copied once, and
 * only the copy is believed. A message ends here only for a wrong frame
 * (spool/entry.h), or if its owner keeps the daemon from reading it; any errno
 * means "later".
 */
#ifndef POSTRIDER_SPOOL_DROP_H
#define POSTRIDER_SPOOL_DROP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "spool/entry.h"
#include "spool/spool.h"
#include "util/error.h"

struct unread;

/* Names waiting to be taken. Bounded: a full list means "look again". */
struct drop_scan;           /* fields: src/spool/drop_scan.c */

/* Has this name been taken already? Then it is passed over. */
typedef bool drop_known(void *context, const char *id);
/* May a message of this user be taken now; if large, one of more than DROP_LARGE
 * octets? NULL: always. */
#define DROP_LARGE (1 << 20)
typedef bool drop_room(void *context, uid_t uid, bool large);
struct drop_scan *drop_scan_new(const struct spool *spool, drop_known *known,
                                drop_room *room, void *context);
void drop_scan_free(struct drop_scan *scan);

/*
 * Read on in the directory, at most 500 entries a call; remembers where it
 * was, and whether names had to be left out (drop_scan_left_out).
 * Removes what cannot be a message and can be removed (non-files, empty
 * directories, .t* older than 24 h, files that their owner has kept closed for
 * an hour), logs that at most once a second a uid.
 * True when the end of the directory was reached in this call.
 */
bool drop_scan_more(struct drop_scan *scan);

/* A name that is known from elsewhere (inotify). False if it could not be
 * remembered for lack of room: then the directory must be read again. */
bool drop_scan_hint(struct drop_scan *scan, const char *name);

/* The next name to take: round robin by owner among those that were found and
 * have room, of each the large ones last. False if there is none. id has
 * RANDOM_ID_LENGTH + 1 octets. */
bool drop_scan_next(struct drop_scan *scan, char *id);

/* Is there a name to be taken, for which there is room? */
bool drop_scan_waiting(const struct drop_scan *scan);

/* It could not be taken (DROP_LATER): passes go over it until the next
 * drop_scan_retry(), and at that, too, if a newer version wrote it. False: no
 * room is left. */
bool drop_scan_set_aside(struct drop_scan *scan, const char *id,
                         const struct error *err);
void drop_scan_forget(struct drop_scan *scan, const char *id);  /* taken */
void drop_scan_retry(struct drop_scan *scan);

/* What lies there unread, as far as the last whole pass found. unread must be
 * { 0 }; the caller clears it. */
void drop_scan_unread(const struct drop_scan *scan, struct unread *unread);

/* Were names left out since the start of the last pass, of owners of whom none
 * wait? */
bool drop_scan_left_out(const struct drop_scan *scan);

enum drop_result {
    DROP_TAKEN,             /* *entry is the caller's */
    DROP_GONE,              /* ENOENT, or junk that has been removed */
    DROP_MORE,              /* of drop_begin and drop_go_on only */
    DROP_LATER              /* cannot be read or removed now; stays; err is
                             * set: FAULT_PERMISSION with the command that
                             * helps, FAULT_NEWER, or another fault */
};

/*
 * Copy drop/ID and prove the copy. Copies of up to memory_max octets are made
 * in memory (memfd) if the system has that, others in queue/.ID; neither is
 * synced. Without the frame of a message file it is unlinked, logged with uid,
 * size and reason. With it, it becomes an entry, which may have flaws: one is
 * that its message has more than size_limit octets; of that the entry has the
 * header section only.
 *
 * Callers choose their ids, and see those of others: a file with the id of a
 * message in queue/ is removed if it is what that was copied from, and else
 * stays until that message is gone (DROP_LATER).
 *
 * DROP_LATER besides trouble of our own: FAULT_NEWER; FAULT_SIZE, too large and
 * without a sender.
 */
enum drop_result drop_take(const struct spool *spool, const char *id,
                           uint64_t size_limit, uint64_t memory_max,
                           struct entry **entry, struct error *err);

/*
 * The same in steps: drop_begin proves the frame, as far as that takes no look
 * at the content, and drop_go_on copies or proves about so many octets.
 * DROP_MORE: *taking is the caller's, to go on with, which ends it unless it is
 * DROP_MORE again, or to be freed, which leaves the message in drop/. Holes
 * cost nothing: they are neither copied nor summed up, and remain holes.
 */
struct drop_taking;         /* fields: src/spool/drop.c */

enum drop_result drop_begin(const struct spool *spool, const char *id,
                            uint64_t size_limit, uint64_t memory_max,
                            struct drop_taking **taking,
                            struct entry **entry, struct error *err);
enum drop_result drop_go_on(struct drop_taking *taking, uint64_t octets,
                            struct entry **entry, struct error *err);
const char *drop_taking_id(const struct drop_taking *taking);
void drop_taking_free(struct drop_taking *taking);      /* NULL is allowed */

/* For which user drop/ID is, whose status this is: its owner; of a file that the
 * daemon wrote for a client of its sockets, that client. */
uid_t drop_user(const struct spool *spool, const char *id,
                const struct stat *status);

/* Unlink drop/ID; it may be gone already. False: it is there still. */
bool drop_remove(const struct spool *spool, const char *id);

/* The same, but a file stays that is not what queue/ID was copied from. False:
 * it is there still, and ought not to be, or that cannot be known. */
bool drop_remove_original(const struct spool *spool, const char *id);

#endif
