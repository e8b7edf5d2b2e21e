/*
 * smtp_client.h - the client of sendmail -bs, and its place among others
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_CLIENT_H
#define POSTRIDER_SENDMAIL_SMTP_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

/* inetd, and clients such as nmh's, make one thing of standard output and
 * standard error: what is not a reply must not get there. Terminals, too:
 * nothing is lost that a person at one would miss. */
void smtp_client_keep_apart(void);

/* The user of the client: over a Unix socket as the kernel has it, else that of
 * this process. */
uid_t smtp_client_uid(void);

/* Does the client come over TCP from anything but a loopback address? It is not
 * served, whatever program accepted the connection: -bs has no passwords. */
bool smtp_client_is_remote(void);

/* Has the client connected to a socket that a process listens on, rather than
 * started us at the other end of a pipe? */
bool smtp_client_has_come(void);

/*
 * Take a place for a client of this user among the connections to a socket
 * unit, until the process ends. False if the user has a quarter of the places,
 * or as many as are left for the others.
 *
 * Each server of the unit is a separate process, started by systemd, which
 * counts Unix connections by user from version 257 on only. So the servers
 * count each other, by locks of octets in the file at path, which all of them
 * can write and which is made if there is none; the kernel takes them back when
 * a process ends. Where they cannot be counted, that is logged, and there is no
 * limit.
 */
bool smtp_client_take_place(const char *path, uid_t uid);

#endif
