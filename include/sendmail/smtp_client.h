/*
 * smtp_client.h - the client of sendmail -bs
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

#endif
