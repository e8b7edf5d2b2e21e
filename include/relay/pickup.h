/*
 * pickup.h - messages that callers have put into drop/
 *
 * Files that can be read and have room are taken, in turns of their owners;
 * the rest waits there, and is found again.
 */
#ifndef POSTRIDER_RELAY_PICKUP_H
#define POSTRIDER_RELAY_PICKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct hops;
struct messages;
struct moment;
struct pickup;              /* fields: src/relay/pickup.c */
struct spool;
struct storage;
struct totals;
struct unread;

/* The parts that a pickup uses. Borrowed. */
struct pickup_parts {
    const struct config *config;
    const struct spool *spool;
    struct messages *messages;
    const struct hops *hops;
    struct storage *storage;
    struct totals *totals;
};

struct pickup *pickup_new(const struct pickup_parts *parts);
void pickup_free(struct pickup *pickup);                /* NULL is allowed */

/*
 * Watch drop/ for new names. That is a hint and no more: events get lost, and
 * some file systems have none. Where it is not possible, that is logged: new
 * mail is then found every rescan_time milliseconds.
 */
void pickup_watch(struct pickup *pickup, int rescan_time);
/* For the poll loop: input means that pickup_take_hints() has something. -1
 * if the kernel gave no watch: then only the rescans find new names. */
int pickup_descriptor(const struct pickup *pickup);

/* Take in what has happened, without waiting. If it was too much, the directory
 * is read. Notices that are left at the time end are for the next call: users
 * can make names faster than they are looked at. */
void pickup_take_hints(struct pickup *pickup, int64_t end);

/* A name that may be in drop/. False: no room, the directory must be read. */
bool pickup_hint(struct pickup *pickup, const char *id);
/* Read the directory, in the next rounds. */
void pickup_scan(struct pickup *pickup);
/* The same, and try again what could not be read. */
void pickup_look_again(struct pickup *pickup);

/* Take what can be taken in a round, which ends at about end (milliseconds on
 * the monotonic clock). True if there is more. */
bool pickup_run(struct pickup *pickup, const struct moment *now, int64_t end);

/* How many messages are there still, about. */
size_t pickup_waiting(const struct pickup *pickup);

/* Has a pass over the directory been completed since this was asked last, with
 * all that it found? */
bool pickup_has_passed(struct pickup *pickup);

/* The unread files there. unread must be { 0 }; the caller clears it. */
void pickup_unread(const struct pickup *pickup, struct unread *unread);

#endif
