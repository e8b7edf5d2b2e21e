/*
 * smtp_confine.h - sendmail -bs shuts itself in, as the server of others
 *
 * It reads what any user, or any program on the loopback, writes, and runs as
 * the daemon's user. Before the first octet it gives up what it does not need
 * for that (util/landlock.h, util/seccomp.h, setrlimit(2)): it can leave
 * messages in drop/, keep a large one in a temporary file, and write to the log
 * that is open. No other file, no socket, no process. Restrictions that the
 * kernel lacks are left out. A system call outside of it ends the process.
 */
#ifndef POSTRIDER_SENDMAIL_SMTP_CONFINE_H
#define POSTRIDER_SENDMAIL_SMTP_CONFINE_H

struct config;

/* Names, aliases and the configuration must have been read. */
void smtp_confine(const struct config *config);

#endif
