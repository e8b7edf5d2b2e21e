/*
 * seccomp.h - which system calls this process may make, for good
 *
 * A hostile peer or caller that has taken over a process should gain little by
 * that: a call that its profile does not name ends the process with SIGSYS, and
 * the kernel's log names the call (in the last two it fails). Calls that a C
 * library makes unasked, and can do without, fail with an error instead. Calls
 * that are newer than the tables fail with ENOSYS, so that libraries fall back.
 */
#ifndef POSTRIDER_UTIL_SECCOMP_H
#define POSTRIDER_UTIL_SECCOMP_H

#include <stdbool.h>

#include "util/error.h"

enum seccomp_profile {
    /* Owns the spool: opens files; Unix sockets only, which it no longer
     * binds; starts and signals no process. Which files: landlock.h. */
    SECCOMP_MANAGER,
    /* Has its connection, its certificates and its journal open. Opening a
     * file and making a socket fail with EACCES: the log is opened before. */
    SECCOMP_WORKER,
    /* Stores messages for others: opens and creates files. Making a socket
     * fails with EACCES: the log is opened before. */
    SECCOMP_SERVER,
    /* Opens a session, and becomes a SECCOMP_WORKER then: reads files, connects
     * TCP sockets. All else fails with EPERM. */
    SECCOMP_OPENING,
    /* A client with large libraries: may do all but start programs, look into
     * other processes, change rights of files, make namespaces, and use
     * parts of the kernel that such a client has no use for; these fail. */
    SECCOMP_CLIENT
};

/*
 * From now on, and in children, only what the profile allows. no_new_privs is
 * set, too. False with the reason if nothing is restricted: no filters in the
 * kernel, an architecture without a table, or a build with sanitizers, which
 * need more than the program does. That is not a fault; the caller logs it.
 */
bool seccomp_enforce(enum seccomp_profile profile, struct error *err);

/* The same with sanitizers, too: for a test that ends with exit_group(2). */
bool seccomp_enforce_always(enum seccomp_profile profile, struct error *err);

#endif
