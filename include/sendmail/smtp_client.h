/*
 * smtp_client.h - who talks to us on standard input
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_CLIENT_H
#define POSTRIDER_SENDMAIL_SMTP_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

/* inetd, and clients such as nmh's, make one thing of standard output and
 * standard error: what is no reply must not get there. Terminals, too: nothing
 * is lost that a person at one would miss. */
void smtp_client_keep_apart(void);

/* Over a Unix socket the kernel says who the client is; else it is whoever
 * runs this process. */
uid_t smtp_client_uid(void);

/* Does the client come over TCP from anything but a loopback address? Whoever
 * gave us the connection, it is not served: nobody is asked for a password. */
bool smtp_client_is_remote(void);

/* Has the client come to a socket that somebody listens on, rather than start
 * us at the other end of a pipe? */
bool smtp_client_has_come(void);

#endif
