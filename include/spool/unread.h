/*
 * unread.h - messages in the spool that cannot be read
 *
 * Owners and modes that a restore has changed, a security module, a device
 * that fails, a file of a newer version: such a message stays where it is, and
 * is tried again. All that report it (log, mailq, status, check) count by
 * kind and show one example, whose remedy is the command that helps.
 */
#ifndef POSTRIDER_SPOOL_UNREAD_H
#define POSTRIDER_SPOOL_UNREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "spool/spool.h"
#include "util/error.h"

enum unread_kind {
    UNREAD_REFUSED,         /* FAULT_PERMISSION */
    UNREAD_NEWER,           /* FAULT_NEWER */
    UNREAD_FAILING,         /* all others: it passes, or a device is broken */
    UNREAD_KINDS
};

struct unread {             /* { 0 }: none */
    size_t count[UNREAD_KINDS];
    struct error *example[UNREAD_KINDS];    /* the first that was added;
                                             * owned; NULL: there is none */
};

void unread_add(struct unread *unread, const struct error *err);
void unread_copy(struct unread *to, const struct unread *from);
void unread_clear(struct unread *unread);               /* none again */
size_t unread_count(const struct unread *unread);

/*
 * Why a file of the spool could not be opened, by errno. Of EACCES and
 * EPERM, FAULT_PERMISSION with what is wrong and the command that mends it for
 * the effective user; else FAULT_IO. Returns false, and keeps errno.
 *
 * folder   spool->drop, queue, state or failed
 */
bool unread_explain(const struct spool *spool, int folder, const char *name,
                    struct error *err);

/* Has a caller taken our right to read their file in drop/ away, which sendmail
 * gives? Then it is not a message, and is removed UNREAD_CLOSED_AGE seconds
 * after that; any other refusal is not its sender's. */
#define UNREAD_CLOSED_AGE 3600
bool unread_is_closed(const struct spool *spool, const struct stat *status);

#endif
