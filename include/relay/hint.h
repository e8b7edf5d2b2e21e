/*
 * hint.h - new names in the drop directory, as inotify(7) reports them
 *
 * A hint and no more: events get lost, and some file systems have none.
 */
#ifndef POSTRIDER_RELAY_HINT_H
#define POSTRIDER_RELAY_HINT_H

#include <stdbool.h>

struct drop_scan;

/* Watch the drop directory of a spool: a descriptor, which is the caller's. -1,
 * and a line in the log, where that is not possible: new mail is then found
 * every rescan_time milliseconds. */
int hint_open(const char *spool, int rescan_time);

/* Take in what has happened: names go to the scan. It does not wait. True if
 * it was too much, so that the directory must be read. */
bool hint_take(int inotify, struct drop_scan *scan);

#endif
