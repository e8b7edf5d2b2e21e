/*
 * landlock.h - what this process may reach in the file system and the network
 *
 * Landlock (Linux 5.13) lets any process give up rights, for itself and its
 * children, for good. Access not allowed before landlock_enforce() is denied
 * from then on: EACCES, for a move EXDEV, for a signal EPERM. Descriptors that
 * are open stay as they are. Unix sockets with a path can be connected to all
 * the same; TCP is covered since Linux 6.7, signals since 6.12. A kernel
 * without Landlock is not a fault; the caller logs that and goes on.
 */
#ifndef POSTRIDER_UTIL_LANDLOCK_H
#define POSTRIDER_UTIL_LANDLOCK_H

#include <stdint.h>

#include "util/error.h"

struct landlock_rules;      /* fields: src/util/landlock.c */

/* The rights to a file, or to a directory and all that is below. */
enum landlock_right {
    LANDLOCK_READ,          /* read files, list directories */
    LANDLOCK_EXECUTE,       /* the same, and execute: programs, libraries */
    LANDLOCK_REMOVE,        /* read, and remove files and directories */
    LANDLOCK_WRITE,         /* read and write files that exist; not list */
    LANDLOCK_CREATE,        /* create files and write them */
    LANDLOCK_CHANGE         /* write, truncate, create files and no others,
                             * remove, rename within and between such
                             * directories; not execute */
};

/* Rights to leave as they were, for landlock_enforce(). */
enum landlock_leave {
    LANDLOCK_LEAVE_TCP      = 1,    /* connect to and bind any port */
    LANDLOCK_LEAVE_SIGNALS  = 2,    /* to processes that are not descendants */
    LANDLOCK_LEAVE_ABSTRACT = 4     /* abstract Unix sockets of others */
};

/* Rules that allow nothing. The caller owns them. */
struct landlock_rules *landlock_new(void);
void landlock_free(struct landlock_rules *rules);       /* NULL is allowed */

/* Several rules for a path add up. A path that does not exist when the rules
 * are enforced is skipped, as are NULL and "". Copied; links are followed. */
void landlock_allow(struct landlock_rules *rules, const char *path,
                    enum landlock_right right);

/* Files that libc may read at any time: the time zones for a date, and the
 * device for where getrandom(2) is refused. */
void landlock_allow_system(struct landlock_rules *rules);

/* Allow TCP connections to a port. */
void landlock_allow_connect(struct landlock_rules *rules, uint16_t port);

/* Allow to bind a TCP socket to a port; 0 is any that the kernel chooses. */
void landlock_allow_bind(struct landlock_rules *rules, uint16_t port);

/*
 * Deny this process all else. no_new_privs is set, too.
 *
 * leave  any of enum landlock_leave
 * err    set when 0 is returned: what the kernel lacks, or why it refuses.
 *        Nothing is restricted then
 *
 * Returns the version of Landlock's interface that is in force, for the log.
 */
int landlock_enforce(const struct landlock_rules *rules, unsigned leave,
                     struct error *err);

#endif
