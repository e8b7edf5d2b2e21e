/*
 * drop_scan.h - find the messages in drop/, in turns of their owners
 *
 * The names that wait to be taken. They are bounded: a full list means "look
 * again".
 */
#ifndef POSTRIDER_SPOOL_DROP_SCAN_H
#define POSTRIDER_SPOOL_DROP_SCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "spool/spool.h"
#include "util/error.h"

struct unread;

struct drop_scan;           /* fields: src/spool/drop_scan.c */

/* Has this name been taken already? Then it is passed over. */
typedef bool drop_known(void *context, const char *id);
/* May a message of this user be taken now; if large, one of more than
 * DROP_LARGE octets? NULL: always. */
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

/*
 * The same, only for owners of whom names were left out and none wait any more.
 * Once each of them has as many names as are remembered of an owner, reading
 * stops: drop_scan_rests() is true until one of them has run out again. So the
 * many names of a few owners are each looked at about twice, not in a pass for
 * every hundred of them. drop_scan_more() begins again.
 */
bool drop_scan_refill(struct drop_scan *scan);
bool drop_scan_rests(const struct drop_scan *scan);

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

/* The unread files there, as far as the last whole pass found. unread must be
 * { 0 }; the caller clears it. */
void drop_scan_unread(const struct drop_scan *scan, struct unread *unread);

/* How many messages wait to be taken, about: names that are remembered, and
 * those that the last whole pass had to leave out. */
size_t drop_scan_count(const struct drop_scan *scan);

/* Were names left out since the start of the last pass, of owners of whom none
 * wait? */
bool drop_scan_left_out(const struct drop_scan *scan);

#endif
