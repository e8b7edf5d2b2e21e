/*
 * drop_watch.h - new names in the drop directory, as inotify(7) reports them
 *
 * A hint and no more: events get lost, and some file systems have none.
 */
#ifndef POSTRIDER_RELAY_DROP_WATCH_H
#define POSTRIDER_RELAY_DROP_WATCH_H

#include <stdint.h>

struct pickup;

/* Watch the drop directory of a spool: a descriptor, which is the caller's. -1,
 * and a line in the log, where that is not possible: new mail is then found
 * every rescan_time milliseconds. */
int drop_watch_open(const char *spool, int rescan_time);

/* Take in what has happened, without waiting: names go to the pickup. If it was
 * too much, the directory is read. What is there still at the time end is left
 * to the next call: users can make names faster than they are looked at. */
void drop_watch_take(int inotify, struct pickup *pickup, int64_t end);

#endif
