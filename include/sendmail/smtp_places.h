/*
 * smtp_places.h - a user's share of the connections to a socket unit
 *
 * Each of its servers is a separate process, started by systemd, which
 * counts Unix connections by user from version 257 on only. So the servers
 * count each other, by locks of octets in a file that all of them can write;
 * the kernel takes them back when a process ends.
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_PLACES_H
#define POSTRIDER_SENDMAIL_SMTP_PLACES_H

#include <stdbool.h>
#include <sys/types.h>

/* Take a place for a client of this user, until the process ends. False if the
 * user has a quarter of the places, or as many as are left for the others. The
 * file at path is made if there is none; what cannot be counted is logged and
 * not limited. */
bool smtp_places_take(const char *path, uid_t uid);

#endif
